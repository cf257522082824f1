"""Which purchase model, and how far to correct it: whatever was best on customers of the past.

A small shop of one cohort teaches trees nothing that four numbers do not know; a large one does.
All contenders are told how many left: the season moves everybody alike, is forecast apart, and
would drown the differences.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from features.instants import DAY_MS
from models.churn.base import Floats, Past, Starts, levelled, log_losses
from models.churn.recalibration import Recalibration, seen
from models.churn.trees import Boosting
from models.purchases import PURCHASE_MODELS

USUAL = "mbg_nbd"
"""The purchase model that holds unless another is clearly better: it knows that a one-time buyer
may have left, and is quick."""

LOOKS = 6
"""Past instants that contenders are judged on, the latest; half a year of months."""

LOOK_ROWS = 30_000
"""Rows that contenders learn from, drawn at random; enough to tell which is better."""

MIN_EACH = 10
"""Customers that must have left, and must have stayed, for anything to be learnt or judged."""

MIXTURES = ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0), (0.0, 0.0))
"""Weights of recalibration and trees that contend; the first holds unless another is clearly
better: eight numbers learn from a few hundred customers what trees only seem to."""

LEAST_GAIN = 5e-4
"""Log loss, in nats, by which something clearly better is better at least."""

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

    def told(self) -> str:
        """In words.

        >>> Choice("mbg_nbd", 0.5, 0.5, looks=6).told()
        'MBG/NBD + 0.5 × recalibration + 0.5 × trees, judged at 6 past instants'
        """
        out = self.kind.replace("_", "/").upper() if self.kind else "no purchase model"
        for name, share in (("recalibration", self.recalibration), ("trees", self.trees)):
            out += f" + {share:g} × {name}" if share else ""
        return f"{out}, judged at {self.looks} past instants"


def choose(
    past: Past,
    X: npt.NDArray[np.float32],  # noqa: N803 - scikit-learn's name
    customer: npt.NDArray[np.int64],
    boosting: Boosting,
    names: list[str],
    half_life_days: float,
) -> tuple[Choice, Starts | None]:
    """Judge all contenders at past instants, and say where corrections of the chosen start.

    Purchase models are judged on what followed what they were fitted on. Corrections learn from
    one half of the customers, and are judged on the other, at all times: judged on later instants
    by what was known before, they would be judged by how little a young shop knew.

    Where nobody could be judged on, the purchase model stands as it is; without a purchase model
    the trees do.

    Arguments:
        past: what was seen and what followed.
        X: features of the same rows.
        customer: whose row each is.
        boosting: settings of the trees.
        names: of the columns of X and of `base.COLUMNS`.
        half_life_days: after so many days an instant counts half.
    """
    looks = [at for at, rows in past.instants() if _both(past.left[rows])][-LOOKS:]
    if not (kind := _kind(past, looks)):
        return Choice(None), None
    starts = past.starts(kind)
    found = _judged(past, starts, X, customer, looks, boosting, names, half_life_days)
    if not found:
        return Choice(kind, trees=0.0), starts
    best = _clearly_best(np.concatenate([log_losses(*each) for each in found], axis=1))
    spread = _group_sd([(raw[best], left) for raw, left in found])
    return Choice(kind, *MIXTURES[best], group_sd=spread, looks=len(looks)), starts


def weights(at: npt.NDArray[np.int64], half_life_days: float) -> Floats:
    """What happened long ago counts less; 1 for the latest instant."""
    age: Floats = (at.max() - at) / DAY_MS
    return np.exp2(-age / half_life_days)


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
    """The row that holds: the first, until one is better by more than chance and LEAST_GAIN.

    Then that one holds against the rows after it, so that no single customer decides between two
    that are about as good. Chance is the standard error of the difference of the means, of the
    same customers.
    """
    best = 0
    for other in range(1, len(losses)):
        gain = losses[best] - losses[other]
        if gain.mean() > max(LEAST_GAIN, gain.std() / np.sqrt(len(gain))):
            best = other
    return best


def _judged(
    past: Past,
    starts: Starts,
    X: npt.NDArray[np.float32],  # noqa: N803
    customer: npt.NDArray[np.int64],
    looks: list[int],
    boosting: Boosting,
    names: list[str],
    half_life_days: float,
) -> list[tuple[Floats, npt.NDArray[np.bool_]]]:
    """Log odds of one half of the customers by what was learnt from the other, and who left.

    One entry per instant and half, shapes (mixtures, n) and (n,).
    """
    rng, out = np.random.default_rng(past.seed), []
    different, place = np.unique(customer, return_inverse=True)
    half = rng.permutation(len(different))[place] % 2
    weight = weights(past.at, half_life_days)
    for other in (0, 1):
        learnt = np.flatnonzero(half != other)
        if not _both(past.left[learnt]):
            continue
        if len(learnt) > LOOK_ROWS:
            learnt = np.sort(rng.choice(learnt, LOOK_ROWS, replace=False))
        start, columns, left = starts.log_odds[learnt], starts.columns[learnt], past.left[learnt]
        known = seen(columns, past.counts.of(learnt), past.worth[learnt])
        again = Recalibration().fit(known, left, start, weight[learnt])
        trees = boosting.fit(
            np.column_stack([X[learnt], columns]), left, start, weight[learnt], names
        )
        for at in looks:
            rows = np.flatnonzero((past.at == at) & (half == other))
            happened, columns = past.left[rows], starts.columns[rows]
            if not _both(happened):
                continue
            moved = again.predict(seen(columns, past.counts.of(rows), past.worth[rows])).sum(axis=1)
            table = np.column_stack([X[rows], columns])
            corrected = np.asarray(trees.predict(table, raw_score=True))
            rate, base = float(happened.mean()), starts.log_odds[rows]
            mixed = [levelled(base + a * moved + b * corrected, rate) for a, b in MIXTURES]
            out.append((np.array(mixed), happened))
    return out


def _group_sd(found: list[tuple[Floats, npt.NDArray[np.bool_]]]) -> float:
    """How far groups' observed log odds lie from the predicted ones, beyond chance."""
    excess, number = 0.0, 0.0
    for raw, left in found:
        for group in np.array_split(np.argsort(raw, kind="stable"), GROUPS):
            if len(group) < 2 * MIN_EACH:
                continue
            # both drawn alike from certainty: a group that left, all as told, missed nothing
            rate, told = (
                (float(total) + 0.5) / (len(group) + 1)
                for total in (left[group].sum(), expit(raw[group]).sum())
            )
            # and tells next to nothing
            worth = 4 * told * (1 - told)
            excess += worth * float(logit(rate) - logit(told)) ** 2 - 4 / len(group)
            number += worth
    variance = (_PRIOR_GROUPS * GROUP_SD**2 + excess) / (_PRIOR_GROUPS + number)
    return float(np.sqrt(max(variance, 0.05**2)))
