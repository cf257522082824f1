"""What anyone could do without us: the yardsticks beside every evaluation."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.errors import NotEnoughDataError
from features.instants import DAY_MS
from models.next_product import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Shown, best
from models.purchases import PURCHASE_MODELS, Counts, GammaGamma, MbgNbd
from training.dataset import Orders

Ranked = npt.NDArray[np.int32]
"""Products best first, -1 where there are no more, shape (customers, k)."""

FIT_CUSTOMERS = 50_000
"""Customers that the purchase models are fitted on, drawn at random; as in the churn model."""

BLOCK = 500
"""Customers scored at once; each holds one score per product."""


def rfm(orders: Orders, customers: npt.NDArray[np.int64], at: int) -> npt.NDArray[np.float64]:
    """Recency and age in days, number of orders, and mean order value at an instant.

    Arguments:
        orders: all orders.
        customers: places with at least one order before the instant, rising.
        at: int64 ms UTC.

    Returns:
        float64, shape (customers, 4).
    """
    seen = orders.before(at) & np.isin(orders.customer, customers)
    owner = np.searchsorted(customers, orders.customer[seen])
    moment, n = orders.at[seen], len(customers)
    last, first = np.zeros(n, np.int64), np.full(n, np.iinfo(np.int64).max)
    np.maximum.at(last, owner, moment)
    np.minimum.at(first, owner, moment)
    count = np.bincount(owner, minlength=n)
    spent = np.bincount(owner, weights=np.nan_to_num(orders.value[seen]), minlength=n)
    mean = np.maximum(spent / np.maximum(count, 1), 0)
    return np.column_stack([(at - last) / DAY_MS, (at - first) / DAY_MS, count, mean])


def churn_baselines(
    orders: Orders, instants: npt.NDArray[np.int64], cutoff: int, horizon_days: int
) -> dict[str, npt.NDArray[np.float64]]:
    """P(no order in the horizon) of each eligible customer at the cutoff, by method.

    base_rate: the observed rate, the same for everybody.
    recency: a logistic curve over the days since the last order. rfm_logistic: a logistic
    regression on recency, age, number of orders and mean value, all on a log scale. Learnt on
    the same past instants as ours; without both leavers and stayers there the observed rate.
    """
    table, left = [], []
    for at in instants.tolist():
        customers = orders.eligible(at)
        table.append(np.log1p(rfm(orders, customers, at)))
        left.append(~np.isin(customers, orders.returning(at, horizon_days, cutoff)))
    past, labels = np.concatenate(table), np.concatenate(left)
    now = np.log1p(rfm(orders, orders.eligible(cutoff), cutoff))
    rate = float(labels.mean()) if len(labels) else 0.5
    out = {"base_rate": np.full(len(now), rate)}
    for name, columns in (("recency", [0]), ("rfm_logistic", [0, 1, 2, 3])):
        if labels.all() or not labels.any():
            out[name] = np.full(len(now), rate)
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(past[:, columns], labels)
        out[name] = np.asarray(model.predict_proba(now[:, columns])[:, 1], np.float64)
    return out


def bought(
    orders: Orders, customers: npt.NDArray[np.int64], at: int, since: int | None = None
) -> tuple[Counts, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Counts of customers before an instant, from the orders themselves, one a day.

    Arguments:
        orders: all orders.
        customers: places with at least one order before the instant, rising.
        at: int64 ms UTC.
        since: for the last two: an instant from which orders count; all when None.

    Returns:
        Frequency, recency and age; days with an order; and what was spent.
    """
    seen = orders.before(at) & np.isin(orders.customer, customers)
    who, day = np.searchsorted(customers, orders.customer[seen]), orders.at[seen] // DAY_MS
    pairs, n = np.unique(np.column_stack([who, day]), axis=0), len(customers)
    days = np.bincount(pairs[:, 0], minlength=n)
    begin = np.concatenate([[0], np.cumsum(days)[:-1]])
    first, last = pairs[begin, 1], pairs[begin + days - 1, 1]
    counts = Counts((days - 1).astype(float), (last - first) / 7.0, (at // DAY_MS - first) / 7.0)
    late = 0 if since is None else since // DAY_MS
    recent = np.bincount(pairs[pairs[:, 1] >= late, 0], minlength=n).astype(float)
    worth = np.where(day >= late, np.nan_to_num(orders.value[seen]), 0.0)
    return counts, recent, np.bincount(who, worth, minlength=n).astype(float)


def value_baselines(
    orders: Orders, customers: npt.NDArray[np.int64], at: int, horizon_days: int
) -> dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Expected orders and spend of customers by method.

    frequency: repeat purchases at the pace of the whole life, and all that was spent at it.
    last_year: as many orders and as much spend as in the last 365 days, by the day. The purchase
    models: fitted on the same customers; spend is orders times what Gamma-Gamma says of an order.
    """
    counts, days, spent = bought(orders, customers, at)
    lived = np.maximum(counts.age * 7, 7.0)
    _, year_days, year_spent = bought(orders, customers, at, at - 365 * DAY_MS)
    out = {
        "frequency": (counts.frequency / lived * horizon_days, spent / lived * horizon_days),
        "last_year": (year_days * horizon_days / 365, year_spent * horizon_days / 365),
    }
    try:
        value = GammaGamma().fit(days, spent / days).value(days, spent / days)
    except NotEnoughDataError:
        value = np.full(len(customers), np.nan)
    for name, kind in PURCHASE_MODELS.items():
        try:
            model = kind().fit(counts.sample(FIT_CUSTOMERS, 0))
        except NotEnoughDataError:
            continue
        expected = model.orders(counts, horizon_days / 7)
        out[name] = (expected, expected * value)
    return out


def purchase_model(
    X: npt.NDArray[np.float32],  # noqa: N803 - scikit-learn's name
    names: Sequence[str],
    horizon_days: int,
) -> dict[str, npt.NDArray[np.float64]]:
    """P(no order in the horizon) by MBG/NBD alone, as `mbg_nbd`.

    Fitted on what is known at the instant of the features; empty where nobody came back, or the
    columns do not tell when somebody ordered.

    Arguments:
        X: features of customers with an order, shape (n, features).
        names: of its columns.
        horizon_days: days that are looked ahead.
    """
    counts = Counts.of_features(X, names)
    if counts is None:
        return {}
    try:
        model = MbgNbd().fit(counts.sample(FIT_CUSTOMERS, seed=0))
    except NotEnoughDataError:
        return {}
    return {"mbg_nbd": model.no_order(counts, horizon_days / 7)}


def top_overall(histories: Histories, k: int) -> npt.NDArray[np.int32]:
    """G-TopFreq: products by distinct buyers, the lower index first on a tie."""
    buyers = np.bincount(histories.purchases.product, minlength=histories.n_products)
    return best(buyers.astype(np.float32), k)


def personal(histories: Histories, k: int, filling: npt.NDArray[np.int32]) -> Ranked:
    """P-TopFreq, and GP-TopFreq where `filling` is G-TopFreq's list.

    One's own products by number of baskets, the more recently bought first on a tie, then
    the lower index.
    """
    pairs = histories.purchases
    order = np.lexsort((pairs.product, -pairs.last_at, -pairs.baskets, pairs.row))
    begin = np.searchsorted(pairs.row, np.arange(len(histories) + 1))
    out = np.full((len(histories), k), -1, np.int32)
    for i in range(len(histories)):
        own = pairs.product[order[begin[i] : begin[i + 1]]][:k]
        rest = filling[~np.isin(filling, own)][: k - len(own)]
        out[i, : len(own) + len(rest)] = np.concatenate([own, rest])
    return out


def alone(generator: Candidates, histories: Histories, k: int) -> Ranked:
    """One fitted generator's own list."""
    out = np.full((len(histories), k), -1, np.int32)
    everything = np.ones(histories.n_products, np.bool_)
    for begin in range(0, len(histories), BLOCK):
        part = histories.part(begin, min(begin + BLOCK, len(histories)))
        found = generator.opinions(part).top(k, Shown.alike(everything, len(part)))
        place = np.arange(len(found.products)) - np.repeat(
            found.offsets[:-1], np.diff(found.offsets)
        )
        out[begin + found.owner, place] = found.products
    return out
