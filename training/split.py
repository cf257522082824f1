"""Which past instants to learn from, so that no label reaches into the test period."""

import numpy as np
import numpy.typing as npt

from features.errors import InputError, NotEnoughDataError
from features.instants import DAY_MS, iso


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
        raise NotEnoughDataError(
            f"the first event is of {iso(first_event)}; a horizon of {horizon_days} days before "
            f"{iso(cutoff)} leaves no history to learn from: choose a shorter horizon_days or "
            "import more history"
        )
    return kept[::-1].copy()


def test_cutoff(last_event: int, horizon_days: int) -> int:
    """The latest cutoff whose horizon is fully observed: the test period follows it."""
    return last_event - horizon_days * DAY_MS
