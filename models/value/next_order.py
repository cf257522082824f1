"""When the next order is due: quantiles of the time to it, by the purchase model's own curve."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.purchases import Counts, PurchaseModel

Floats = npt.NDArray[np.float64]

LIMIT_DAYS = 365
"""Whatever is not expected within a year is not expected."""

INTERVAL = (0.1, 0.5, 0.9)
"""P(the next order has come) at the earliest, median and latest day: an interval of 80 %."""

_DAYS = np.geomspace(0.25, LIMIT_DAYS, 24)
"""Where the curve is computed; between them its logarithm is nearly straight."""

_PACE = (1e-3, 20.0)
"""A customer's pace is no less and no more than so many times the purchase model's."""


@dataclass(frozen=True)
class NextOrder:
    """Days from the instant to the next order, each of shape (customers,).

    inf where it is not expected within LIMIT_DAYS: nobody is sure to come back, so that the
    median exists only for customers whose next order is more likely than not.
    """

    earliest: Floats
    median: Floats
    latest: Floats


def next_order(model: PurchaseModel, counts: Counts, orders_ratio: Floats) -> NextOrder:
    """The interval of the time to the next order.

    The curve is the purchase model's P(no order by then) raised to a power for each customer, so
    that it agrees with what is known beyond it: a Poisson customer who orders k times as often is
    silent with the k-th power.

    Arguments:
        model: fitted.
        counts: of the customers.
        orders_ratio: orders that are expected over those of the purchase model; the power.
    """
    silence = np.clip(model.no_order_by(counts, _DAYS / 7), 1e-300, 1.0)
    curve = -np.log(silence) * np.clip(orders_ratio, *_PACE)[:, None]
    curve = np.maximum.accumulate(curve, axis=1)
    return NextOrder(*(_reached(curve, -np.log1p(-share)) for share in INTERVAL))


def _reached(curve: Floats, level: float) -> Floats:
    """The day at which each rising curve reaches a level, inf where it does not."""
    after = (curve < level).sum(axis=1)
    right = np.minimum(after, len(_DAYS) - 1)
    rows = np.arange(len(curve))
    high, later = curve[rows, right], _DAYS[right]
    low = np.where(after > 0, curve[rows, right - 1], 0.0)
    sooner = np.where(after > 0, _DAYS[right - 1], 0.0)
    share = (level - low) / np.maximum(high - low, 1e-300)
    return np.where(after < len(_DAYS), sooner + share * (later - sooner), np.inf)
