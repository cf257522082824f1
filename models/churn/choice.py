"""Which purchase model, and how far to correct it: whatever was best on later past instants.

A small shop of one cohort teaches trees nothing that four numbers do not know; a large one does.
So each is fitted on what was known at past instants and judged on what followed. All are told how
many left: the season moves everybody alike, is forecast apart, and would drown the differences.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from features.instants import DAY_MS
from models.churn.base import Floats, Past, Starts, levelled, log_loss
from models.churn.recalibration import Recalibration
from models.churn.trees import Boosting
from models.purchases import PURCHASE_MODELS

LOOKS = 3
"""Past instants that contenders are judged on: the latest whose horizon is over."""

LOOK_ROWS = 30_000
"""Rows that contenders learn from, drawn at random; enough to tell which is better."""

MIN_EACH = 10
"""Customers that must have left, and must have stayed, for anything to be learnt or judged."""

MIXTURES = ((0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (0.0, 1.0))
"""Weights of recalibration and trees that contend; the first, neither, wins a tie."""

GROUPS = 10
"""Groups of equal size in which predicted and observed rates are compared."""

GROUP_SD = 0.15
"""How far a group's log odds are off before anything was looked back on."""

_PRIOR_GROUPS = 20
"""How many groups that is worth."""


@dataclass(frozen=True)
class Choice:
    """What looking back decided."""

    kind: str | None
    """Name of the purchase model; None where none could be fitted."""
    recalibration: float = 0.0
    """Weight of the recalibration."""
    trees: float = 1.0
    """Weight of the trees."""
    group_sd: float = GROUP_SD
    """Standard deviation of a group's log odds around what was predicted, the level apart."""
    looks: int = 0
    """How many past instants it was judged on."""


def choose(
    past: Past,
    X: npt.NDArray[np.float32],  # noqa: N803 - scikit-learn's name
    boosting: Boosting,
    names: list[str],
    half_life_days: float,
) -> Choice:
    """Judge all contenders at past instants.

    Without a past instant to judge on, the purchase model stands as it is; without a purchase
    model the trees do.
    """
    looks = _looks(past)
    if not (kind := _kind(past, looks)):
        return Choice(None, looks=0)
    starts = past.starts(kind)
    losses, found = np.zeros(len(MIXTURES)), []
    for at in looks:
        raw, left = _judged(past, starts, X, at, boosting, names, half_life_days)
        losses += [log_loss(each, left) for each in raw]
        found.append((raw, left))
    if not looks:
        return Choice(kind, trees=0.0)
    best = int(np.argmin(losses))
    spread = _group_sd([(raw[best], left) for raw, left in found])
    return Choice(kind, *MIXTURES[best], group_sd=spread, looks=len(looks))


def weights(at: npt.NDArray[np.int64], half_life_days: float) -> Floats:
    """What happened long ago counts less; 1 for the latest instant."""
    age: Floats = (at.max() - at) / DAY_MS
    return np.exp2(-age / half_life_days)


def _looks(past: Past) -> list[int]:
    """The latest instants after which the whole horizon is known, with something before them."""
    longest, ends = int(past.days.max()), past.at + past.days * DAY_MS
    out = []
    for at, rows in past.instants():
        before, left = past.left[ends <= at], past.left[rows]
        if past.days[rows[0]] == longest and _both(before) and _both(left):
            out.append(at)
    return out[-LOOKS:]


def _both(left: npt.NDArray[np.bool_]) -> bool:
    return MIN_EACH <= int(left.sum()) <= len(left) - MIN_EACH


def _kind(past: Past, looks: list[int]) -> str | None:
    """The purchase model with the least loss at these instants; at the latest ones without any."""
    instants = looks or [at for at, _ in past.instants()][-LOOKS:]
    losses = {kind: sum(past.loss(kind, at) for at in instants) for kind in PURCHASE_MODELS}
    best = min(losses, key=lambda kind: losses[kind])
    return best if np.isfinite(losses[best]) else None


def _judged(
    past: Past,
    starts: Starts,
    X: npt.NDArray[np.float32],  # noqa: N803
    at: int,
    boosting: Boosting,
    names: list[str],
    half_life_days: float,
) -> tuple[list[Floats], npt.NDArray[np.bool_]]:
    """Log odds after an instant by each of MIXTURES, told how many left; and who did."""
    known = np.flatnonzero(past.at + past.days * DAY_MS <= at)
    if len(known) > LOOK_ROWS:
        drawn = np.random.default_rng([past.seed, at]).choice(len(known), LOOK_ROWS, replace=False)
        known = known[np.sort(drawn)]
    rows = np.flatnonzero(past.at == at)
    start, left = starts.log_odds[known], past.left[known]
    weight = weights(past.at[known], half_life_days)
    columns, mine = starts.columns[known], starts.columns[rows]
    again = Recalibration().fit(columns, left, start, weight)
    trees = boosting.fit(np.column_stack([X[known], columns]), left, start, weight, names)
    corrected = np.asarray(trees.predict(np.column_stack([X[rows], mine]), raw_score=True))
    moved, base = again.predict(mine), starts.log_odds[rows]
    happened, raw = past.left[rows], []
    for a, b in MIXTURES:
        raw.append(levelled(base + a * moved + b * corrected, float(happened.mean())))
    return raw, happened


def _group_sd(found: list[tuple[Floats, npt.NDArray[np.bool_]]]) -> float:
    """How far groups' observed log odds lie from the predicted ones, beyond chance."""
    excess, number = 0.0, 0
    for raw, left in found:
        for group in np.array_split(np.argsort(raw, kind="stable"), GROUPS):
            if len(group) < 2 * MIN_EACH:
                continue
            rate = (left[group].sum() + 0.5) / (len(group) + 1)
            missed = logit(rate) - logit(expit(raw[group]).mean())
            excess += float(missed**2 - 1 / (len(group) * rate * (1 - rate)))
            number += 1
    variance = (_PRIOR_GROUPS * GROUP_SD**2 + excess) / (_PRIOR_GROUPS + number)
    return float(np.sqrt(max(variance, 0.05**2)))
