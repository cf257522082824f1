"""Which of the new personas are the last ones."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

SAME = 0.5
"""Share of a new persona's customers that the old model must give to an old one for it to be the
same; with less, a group counts as dissolved (after Hennig 2007)."""


def matched(
    now: npt.NDArray[np.int64],
    before: npt.NDArray[np.int64],
    distance: npt.NDArray[np.float64],
) -> list[int | None]:
    """The old persona that each new one is; None for a new one.

    Old and new are paired one to one so that their centres are as near as possible (Kuhn 1955),
    and are the same where the customers say so, too. By centres, since newcomers of a new kind
    are given to some old persona as well, and must not take its key. The only persona of everybody
    is never one of several.

    Arguments:
        now: the new persona of each customer.
        before: the old persona of the same customers, as the old model says of them now.
        distance: between new and old centres, shape (new, old).

    >>> matched(np.array([0, 0, 1]), np.array([1, 1, 0]), np.array([[9.0, 0.1], [0.1, 9.0]]))
    [1, 0]
    """
    groups, groups_before = distance.shape
    out: list[int | None] = [None] * groups
    if (groups == 1) != (groups_before == 1):
        return out
    for new, old in zip(*linear_sum_assignment(distance), strict=True):
        theirs = before[now == new]
        if len(theirs) and (theirs == old).mean() >= SAME:
            out[int(new)] = int(old)
    return out
