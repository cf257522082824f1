"""Places of several ranges, one range after another: rows of customers, entries of lists."""

import numpy as np
import numpy.typing as npt


def ranges(
    begin: npt.NDArray[np.integer], length: npt.NDArray[np.integer]
) -> npt.NDArray[np.int64]:
    """The places of each range, in order, int64, shape (sum of lengths,).

    Arguments:
        begin: the first place of each range, shape (n,).
        length: how many places each has, shape (n,).

    >>> ranges(np.array([5, 9, 0]), np.array([2, 0, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(length)
    total = int(ends[-1]) if len(ends) else 0
    out: npt.NDArray[np.int64] = np.arange(total) + np.repeat(begin - (ends - length), length)
    return out
