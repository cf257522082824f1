"""Where a customer stands: new, one-time, repeat, loyal, at risk or lapsed, by their own rhythm.

A stage is a function of five declared features, so it is the same for one customer in an answer
and for millions at an instant in training. What counts as an order is a day (UTC) with orders, as
in the cadence features: three orders of one afternoon are no rhythm. Refunds change no stage.

The rhythm is the mean of the days between a customer's orders. If orders came at random at that
rate (Ehrenberg, *Repeat-Buying*, 1972), a silence of twice the rhythm would befall one active
customer in seven (e⁻² = 0.135), one of four times the rhythm one in fifty (e⁻⁴ = 0.018): there the
customer is *at risk*, and *lapsed*. Somebody who orders more regularly than that leaves earlier,
which the churn model knows; a stage is only meant to be understood.
"""

from enum import IntEnum

import numba as nb
import numpy as np
import numpy.typing as npt

from features.definitions import FEATURES, Feature

NEW_DAYS = 30
"""A first order at most so old makes a new customer: a month, in which most shops still welcome."""

LOYAL_ORDERS = 4
"""Orders from which on a customer may be loyal: the rhythm then rests on three gaps."""

LOYAL_DAYS = 90
"""Days since the first order from which on a customer may be loyal; a busy week is no loyalty."""

SHORTEST_RHYTHM_DAYS = 14.0
"""A rhythm below a fortnight counts as one: who ordered on two days running and is silent for a
week is not at risk."""

AT_RISK_RHYTHMS = 2.0
"""Silence, in rhythms, after which a customer is at risk."""

LAPSED_RHYTHMS = 4.0
"""Silence, in rhythms, after which a customer has lapsed."""

LAPSED_DAYS = 365.0
"""Silence after which a customer with a single order has lapsed: every season has passed once.
They have no rhythm, so they are never at risk."""

NAMES = (
    "purchase_orders_life",
    "cadence_order_days_since_last",
    "cadence_order_days_since_first",
    "cadence_order_gap_mean_life",
)


class Stage(IntEnum):
    """Where a customer stands."""

    VISITOR = 0
    """Has not ordered."""
    NEW = 1
    """One order, at most NEW_DAYS ago."""
    ONE_TIME = 2
    """One order, longer ago."""
    REPEAT = 3
    """Orders on several days, and within the rhythm."""
    LOYAL = 4
    """As REPEAT, with LOYAL_ORDERS and LOYAL_DAYS."""
    AT_RISK = 5
    """Silent for longer than AT_RISK_RHYTHMS."""
    LAPSED = 6
    """Silent for longer than LAPSED_RHYTHMS; with a single order, for LAPSED_DAYS."""

    @property
    def label(self) -> str:
        """The name as it is shown.

        >>> Stage.AT_RISK.label
        'at risk'
        """
        return _LABELS[self]


_LABELS = {
    stage: stage.name.lower().replace("_", "-" if stage is Stage.ONE_TIME else " ")
    for stage in Stage
}

_BY_NAME = {feature.name: feature for feature in FEATURES}

STAGE_FEATURES: tuple[Feature, ...] = tuple(_BY_NAME[name] for name in NAMES)
"""What a stage is a function of, in the order of `stages`' columns."""


def stages(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """The stage of each customer.

    Arguments:
        values: STAGE_FEATURES of n customers at their instants, shape (n, 4).

    Returns:
        Codes of `Stage`, shape (n,).
    """
    out = np.empty(len(values), np.int8)
    _stages(values, out)
    return out


def stage(values: npt.NDArray[np.float32]) -> Stage:
    """The stage of one customer, of STAGE_FEATURES, shape (4,)."""
    return Stage(int(stages(values[None, :])[0]))


_VISITOR, _NEW, _ONE_TIME, _REPEAT, _LOYAL, _AT_RISK, _LAPSED = (int(stage) for stage in Stage)


@nb.njit(nogil=True, cache=True)
def _stages(values, out):  # type: ignore[no-untyped-def]  # compiled: Numba infers the types
    for i in range(len(values)):
        orders, silence, age, gap = values[i]
        rhythm = max(gap, SHORTEST_RHYTHM_DAYS)
        if not orders > 0:
            out[i] = _VISITOR
        elif gap != gap:  # orders on a single day
            if silence > LAPSED_DAYS:
                out[i] = _LAPSED
            else:
                out[i] = _NEW if age <= NEW_DAYS else _ONE_TIME
        elif silence > LAPSED_RHYTHMS * rhythm:
            out[i] = _LAPSED
        elif silence > AT_RISK_RHYTHMS * rhythm:
            out[i] = _AT_RISK
        else:
            out[i] = _LOYAL if orders >= LOYAL_ORDERS and age >= LOYAL_DAYS else _REPEAT
