"""Which past instants to learn from, so that no label reaches into the test period."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.errors import InputError, NotEnoughDataError
from features.instants import DAY_MS, iso
from training.recipe import ChurnRecipe

SHARE_AHEAD = 3
"""Where the history is too short for the horizon, labels look a third of it ahead."""


def training_instants(
    first_event: int,
    cutoff: int,
    *,
    horizon_days: int,
    number: int,
    step_days: int,
    min_history_days: int = 0,
) -> npt.NDArray[np.int64]:
    """Instants whose horizons end at or before the cutoff, oldest first.

    The latest is one horizon before the cutoff; the others lie `step_days` apart before it,
    as far back as there are `min_history_days` of history.

    Arguments:
        first_event: the instant of the first event, int64 ms UTC.
        cutoff: nothing at or after it may be used, labels included.
        horizon_days: days that a label looks ahead.
        number: how many instants at most.
        step_days: days between two of them.
        min_history_days: days between the first event and the first instant.

    Raises:
        InputError: a number is not positive.
        NotEnoughDataError: the history is too short for a single instant.

    >>> DAY_MS = 86_400_000
    >>> (training_instants(0, 100 * DAY_MS, horizon_days=30, number=9, step_days=30) // DAY_MS)
    array([10, 40, 70])
    """
    for name, value in (
        ("horizon_days", horizon_days),
        ("number", number),
        ("step_days", step_days),
    ):
        if value < 1:
            raise InputError(f"{name} = {value}: must be at least 1")
    latest = cutoff - horizon_days * DAY_MS
    instants = latest - np.arange(number, dtype=np.int64) * (step_days * DAY_MS)
    # one instant is always tried when there is any history before it
    earliest = max(first_event + 1, min(first_event + min_history_days * DAY_MS, latest))
    kept = instants[instants >= earliest]
    if not len(kept):
        raise _too_short(first_event, cutoff, horizon_days)
    out: npt.NDArray[np.int64] = kept[::-1].copy()
    return out


@dataclass(frozen=True)
class Plan:
    """Past instants that a churn model learns from, and how far each looks ahead."""

    at: npt.NDArray[np.int64]
    """Oldest first."""
    days: npt.NDArray[np.int64]
    """Of each instant; it ends at or before the cutoff."""

    @property
    def longest(self) -> int:
        """How far most of them look ahead."""
        return int(self.days.max())

    @property
    def whole(self) -> npt.NDArray[np.int64]:
        """The instants that look ahead as far as any."""
        out: npt.NDArray[np.int64] = self.at[self.days == self.longest]
        return out


def learning_plan(first_event: int, cutoff: int, recipe: ChurnRecipe) -> Plan:
    """Instants with whole horizons, then nearer ones that look ahead as far as is known.

    The nearer ones tell of the latest customers; they look at least a third as far. Where there
    are not `min_history_days` before the horizon, all look a third of the history ahead, and the
    model stretches what it learns.

    Arguments:
        first_event: the instant of the first event, int64 ms UTC.
        cutoff: nothing at or after it may be used, labels included.
        recipe: horizon, steps, and how many instants.

    Raises:
        NotEnoughDataError: the history is too short for a single instant.

    >>> plan = learning_plan(0, 300 * DAY_MS, ChurnRecipe(horizon_days=90))
    >>> (plan.at // DAY_MS).tolist(), plan.days.tolist()
    ([90, 120, 150, 180, 210, 240, 270], [90, 90, 90, 90, 90, 60, 30])
    >>> plan = learning_plan(0, 180 * DAY_MS, ChurnRecipe(horizon_days=365))
    >>> (plan.at // DAY_MS).tolist(), plan.days.tolist()
    ([40, 60, 80, 100, 120, 140, 160], [60, 60, 60, 60, 60, 40, 20])
    """
    if cutoff - first_event <= DAY_MS:
        raise _too_short(first_event, cutoff, recipe.horizon_days)
    history = (cutoff - first_event) // DAY_MS
    ahead, step, before = recipe.horizon_days, recipe.step_days, recipe.min_history_days
    if history < ahead + before:
        ahead = min(ahead, max(1, history // SHARE_AHEAD))
        step, before = max(1, min(step, ahead // SHARE_AHEAD)), min(before, ahead // 2)
    whole = training_instants(
        first_event,
        cutoff,
        horizon_days=ahead,
        number=recipe.instants,
        step_days=step,
        min_history_days=before,
    )
    room = np.arange(ahead - step, max(1, -(-ahead // SHARE_AHEAD)) - 1, -step, dtype=np.int64)
    return Plan(
        at=np.concatenate([whole, cutoff - room * DAY_MS]),
        days=np.concatenate([np.full(len(whole), ahead), room]).astype(np.int64),
    )


def _too_short(first_event: int, cutoff: int, horizon_days: int) -> NotEnoughDataError:
    return NotEnoughDataError(
        f"the first event is of {iso(first_event)}; a horizon of {horizon_days} days before "
        f"{iso(cutoff)} leaves no history to learn from: choose a shorter horizon_days or "
        "import more history"
    )


def test_cutoff(last_event: int, horizon_days: int) -> int:
    """The latest cutoff whose horizon is fully observed: the test period follows it."""
    return last_event - horizon_days * DAY_MS
