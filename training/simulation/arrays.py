"""Array types of the simulation, and the one grouping it needs everywhere."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SECOND = 1_000.0
MINUTE = 60_000.0
HOUR = 3_600_000.0
DAY = 86_400_000.0

FAR = 1e18
"""An instant that never comes (ms); finite, so that arithmetic with it stays silent."""


def ordinals(group: Ints) -> Ints:
    """How many earlier elements belong to the same group, for each element.

    >>> ordinals(np.array([7, 3, 7, 7, 3])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])[: len(group)]
    lengths = np.diff(np.r_[starts, len(group)])
    out = np.empty(len(group), np.int64)
    out[order] = np.arange(len(group)) - np.repeat(starts, lengths)
    return out


def pick(rng: np.random.Generator, cumulative: Floats) -> Ints:
    """One index per row, drawn with the row's cumulative probabilities (shape rows × choices)."""
    drawn = rng.random(len(cumulative))[:, None] * cumulative[:, -1:]
    place: Ints = np.minimum((drawn >= cumulative).sum(axis=1), cumulative.shape[1] - 1)
    return place
