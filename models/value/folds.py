"""Which past rows trees are tried on that have not seen them."""

import numpy as np
import numpy.typing as npt

from features.instants import DAY_MS
from models.value.choice import LATEST

Rows = npt.NDArray[np.int64]

MIN_ROWS = 200
"""Rows to try trees on at least, and to learn from."""


def fold(at: Rows, customers: Rows | None, days: int, seed: int) -> tuple[Rows, Rows] | None:
    """Rows to learn from, and later rows to look at; None where there are too few.

    The latest instants are looked at, and learnt from are rows whose days had ended by the first
    of them. Where the history is too short for that, half of the customers at the latest
    instants, by what became of the others.

    Arguments:
        at: the instant of each row, int64 ms UTC.
        customers: who each row is of; each row is of somebody else when None.
        days: days that a row's outcome takes.
        seed: of the draw of customers.
    """
    latest = np.unique(at)[-LATEST:]
    looked = np.flatnonzero(np.isin(at, latest))
    learnt = np.flatnonzero(at + days * DAY_MS <= latest[0]) if len(latest) else looked
    if len(learnt) < MIN_ROWS:
        who = np.arange(len(at)) if customers is None else customers
        everyone = np.unique(who)
        half = np.random.default_rng(seed).permutation(len(everyone))[: len(everyone) // 2]
        mine = np.isin(who, everyone[half])
        learnt, looked = np.flatnonzero(mine), looked[~mine[looked]]
    if len(learnt) < MIN_ROWS or len(looked) < MIN_ROWS:
        return None
    return learnt, looked
