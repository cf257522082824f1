"""Which past rows trees are tried on that have not seen them."""

import numpy as np
import numpy.typing as npt

from features.instants import DAY_MS
from models.value.choice import LATEST

Rows = npt.NDArray[np.int64]

MIN_ROWS = 200
"""Rows to try trees on at least, and to learn from."""


def folds(at: Rows, customers: Rows | None, days: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Pairs of rows to learn from and of later rows to look at; none where there are too few.

    The latest instants are looked at, and learnt from are rows whose days had ended by the first
    of them. Where the history is too short for that, each half of the customers is looked at,
    at the latest instant, by what became of the other half at the instants before: in the same
    days, but of other people, who were younger.

    Arguments:
        at: the instant of each row, int64 ms UTC.
        customers: who each row is of; each row is of somebody else when None.
        days: days that a row's outcome takes.
        seed: of the draw of customers.
    """
    instants = np.unique(at)
    if not len(instants):
        return []
    latest = instants[-LATEST:]
    pairs = [(at + days * DAY_MS <= latest[0], np.isin(at, latest))]
    if not _enough(pairs):
        who = np.arange(len(at)) if customers is None else customers
        everyone = np.unique(who)
        half = np.random.default_rng(seed).permutation(len(everyone))[: len(everyone) // 2]
        mine, last = np.isin(who, everyone[half]), at == instants[-1]
        pairs = [(one & ~last, ~one & last) for one in (mine, ~mine)]
        if not _enough(pairs):
            pairs = [(one, ~one & last) for one in (mine, ~mine)]
    if not _enough(pairs):
        return []
    return [(np.flatnonzero(learnt), np.flatnonzero(looked)) for learnt, looked in pairs]


def _enough(pairs: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]) -> bool:
    return all(part.sum() >= MIN_ROWS for pair in pairs for part in pair)
