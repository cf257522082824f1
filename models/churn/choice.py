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
from models.churn.base import Floats, Past, Starts, levelled, log_losses
from models.churn.recalibration import Recalibration
from models.churn.trees import Boosting
from models.purchases import PURCHASE_MODELS

USUAL = "mbg_nbd"
"""The purchase model that holds unless another is clearly better: it knows that a one-time buyer
may have left, and is quick."""

LOOKS = 4
"""Past instants that contenders are judged on, the latest."""

LOOK_ROWS = 30_000
"""Rows that contenders learn from, drawn at random; enough to tell which is better."""

MIN_EACH = 10
"""Customers that must have left, and must have stayed, for anything to be learnt or judged."""

MIXTURES = ((0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
"""Weights of recalibration and trees that contend; the first holds unless another is clearly
better, since a mean errs less than its parts where nobody knows which is right."""

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

    Of the corrections the mean of both holds, unless another has less loss by more than the
    standard error of the difference. Without a past instant to judge on, the purchase model stands
    as it is; without a purchase model the trees do.
    """
    looks = _looks(past)
    if not (kind := _kind(past, looks)):
        return Choice(None, looks=0)
    starts = past.starts(kind)
    if not looks:
        return Choice(kind, trees=0.0)
    found = [_judged(past, starts, X, at, boosting, names, half_life_days) for at in looks]
    losses = np.concatenate([log_losses(raw, left) for raw, left in found], axis=1)
    best = _clearly_best(losses)
    spread = _group_sd([(raw[best], left) for raw, left in found])
    return Choice(kind, *MIXTURES[best], group_sd=spread, looks=len(looks))


def weights(at: npt.NDArray[np.int64], half_life_days: float) -> Floats:
    """What happened long ago counts less; 1 for the latest instant."""
    age: Floats = (at.max() - at) / DAY_MS
    return np.exp2(-age / half_life_days)


def _looks(past: Past) -> list[int]:
    """The latest instants that have something to learn from before them."""
    ends = past.at + past.days * DAY_MS
    out = []
    for at, rows in past.instants():
        before, left = past.left[ends <= at], past.left[rows]
        if _both(before) and _both(left):
            out.append(at)
    return out[-LOOKS:]


def _both(left: npt.NDArray[np.bool_]) -> bool:
    return MIN_EACH <= int(left.sum()) <= len(left) - MIN_EACH


def _kind(past: Past, looks: list[int]) -> str | None:
    """The best purchase model at these instants; at the latest ones where there are none."""
    instants = looks or [at for at, _ in past.instants()][-LOOKS:]
    kinds = (USUAL, *(kind for kind in PURCHASE_MODELS if kind != USUAL))
    losses = np.array(
        [np.concatenate([past.losses(kind, at) for at in instants]) for kind in kinds]
    )
    # where nobody had come back yet there is nothing to fit
    losses = losses[:, np.isfinite(losses).all(axis=0)]
    return kinds[_clearly_best(losses)] if losses.shape[1] else None


def _clearly_best(losses: Floats) -> int:
    """The row of least mean; the first, unless it is worse by more than chance.

    Chance is the standard error of the difference of the means, of the same customers.
    """
    best = int(np.argmin(losses.mean(axis=1)))
    gain = losses[0] - losses[best]
    return best if gain.mean() > gain.std() / np.sqrt(len(gain)) else 0


def _judged(
    past: Past,
    starts: Starts,
    X: npt.NDArray[np.float32],  # noqa: N803
    at: int,
    boosting: Boosting,
    names: list[str],
    half_life_days: float,
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Log odds after an instant by each of MIXTURES, told how many left; and who did.

    Shapes (mixtures, n) and (n,).
    """
    known = np.flatnonzero(past.at + past.days * DAY_MS <= at)
    if len(known) > LOOK_ROWS:
        drawn = np.random.default_rng([past.seed, at]).choice(len(known), LOOK_ROWS, replace=False)
        known = known[np.sort(drawn)]
    rows = np.flatnonzero(past.at == at)
    start, left = starts.log_odds[known], past.left[known]
    weight = weights(past.at[known], half_life_days)
    columns, mine = starts.columns[known], starts.columns[rows]
    again = Recalibration().fit(columns, past.counts.of(known), left, start, weight)
    trees = boosting.fit(np.column_stack([X[known], columns]), left, start, weight, names)
    corrected = np.asarray(trees.predict(np.column_stack([X[rows], mine]), raw_score=True))
    moved, base = again.predict(mine, past.counts.of(rows)), starts.log_odds[rows]
    happened, raw = past.left[rows], []
    for a, b in MIXTURES:
        raw.append(levelled(base + a * moved + b * corrected, float(happened.mean())))
    return np.array(raw), happened


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
