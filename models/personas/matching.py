"""Which of the new personas are the last ones."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

SAME = 0.5
"""Overlap of a new persona with an old one, as Jaccard's index over the same customers, from which
on it is the same; below it a group counts as dissolved (Hennig 2007)."""


def matched(
    now: npt.NDArray[np.int64], before: npt.NDArray[np.int64], groups: int, groups_before: int
) -> list[int | None]:
    """The old persona that each new one is; None for a new one.

    Old and new are paired one to one so that their overlaps are as large as possible (Kuhn 1955).
    The only persona of everybody is never paired with one of several.

    Arguments:
        now: the new persona of each customer.
        before: the old persona of the same customers, as the old model says of them now.
        groups: how many new ones there are.
        groups_before: how many old ones.

    >>> matched(np.array([0, 0, 1, 1, 1]), np.array([1, 1, 0, 0, 0]), 2, 2)
    [1, 0]
    """
    if (groups == 1) != (groups_before == 1):
        return [None] * groups
    both = np.zeros((groups, groups_before))
    np.add.at(both, (now, before), 1.0)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    overlap = both / np.maximum(either, 1.0)
    out: list[int | None] = [None] * groups
    for new, old in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[new, old] >= SAME:
            out[int(new)] = int(old)
    return out
