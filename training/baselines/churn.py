"""Churn baselines: what anyone could do without us."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.errors import NotEnoughDataError
from features.instants import DAY_MS
from models.purchases import Counts, MbgNbd
from training.dataset import Orders

FIT_CUSTOMERS = 50_000
"""Customers that the purchase models are fitted on, drawn at random; as in the churn model."""


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
