"""Where a customer stands by their own rhythm, as `features.lifecycle` has it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import numpy as np

from features.instants import DAY_MS, moment
from features.lifecycle import (
    AT_RISK_RHYTHMS,
    LAPSED_DAYS,
    LAPSED_RHYTHMS,
    NAMES,
    SHORTEST_RHYTHM_DAYS,
    Stage,
    stage,
)
from serving.profile.orders import ORDER
from serving.profile.past import Past
from serving.profile.section import section

StageName = Literal["visitor", "new", "one-time", "repeat", "loyal", "at risk", "lapsed"]


@section
class Lifecycle:
    """Where the customer stands."""

    stage: StageName
    """visitor: has not ordered. new: a first order within 30 days. one-time: one order, longer
    ago. repeat: orders on several days. loyal: four orders or more, the first at least 90 days
    ago. at risk: silent for more than twice their own rhythm. lapsed: silent for more than four
    times their rhythm or, after a single order, for a year."""
    rhythm_days: float | None
    """The usual days between two orders, at least 14; null below two days with orders."""
    silent_days: float | None
    """Days since the last order."""
    at_risk_at: datetime | None
    """When the customer comes, or came, to be at risk without a further order."""
    lapsed_at: datetime | None
    """When the customer comes, or came, to be lapsed without a further order."""


def lifecycle(past: Past, features: Mapping[str, float | None]) -> Lifecycle:
    """The stage, and when silence would change it."""
    values = np.array([_nan(features[name]) for name in NAMES], np.float32)
    where = stage(values)
    row = past.last(ORDER)
    if where is Stage.VISITOR or row is None:
        return Lifecycle("visitor", None, None, None, None)
    last = int(past.rows.at[row])
    silent = (past.at - last) / DAY_MS
    label: StageName = where.label  # type: ignore[assignment]  # a test holds both lists equal
    gap = features["cadence_order_gap_mean_life"]
    if gap is None:
        return Lifecycle(label, None, round(silent, 1), None, _after(last, LAPSED_DAYS))
    rhythm = max(gap, SHORTEST_RHYTHM_DAYS)
    return Lifecycle(
        stage=label,
        rhythm_days=round(rhythm, 1),
        silent_days=round(silent, 1),
        at_risk_at=_after(last, AT_RISK_RHYTHMS * rhythm),
        lapsed_at=_after(last, LAPSED_RHYTHMS * rhythm),
    )


def _after(at: int, days: float) -> datetime:
    return moment(at + round(days * DAY_MS))


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value
