"""Baselines of orders and spend: one's own pace, and the purchase models."""

import numpy as np
import numpy.typing as npt

from features.errors import NotEnoughDataError
from features.instants import DAY_MS
from models.purchases import PURCHASE_MODELS, Counts, GammaGamma
from training.baselines.churn import FIT_CUSTOMERS
from training.dataset import Orders


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
