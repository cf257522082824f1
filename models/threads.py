"""How many threads LightGBM is given: as many as have something to do."""

LEARNT = 20_000
"""Rows from which several threads learn sooner than one. Below, they mostly wait for each other:
a training of a shop of 400 customers takes 30 s with two threads and 20 s with one."""

PREDICTED = 1_000
"""Rows from which several threads predict sooner than one."""


def to_learn(rows: int, threads: int) -> int:
    """How many of `threads` learn from so many rows; what is learnt is the same."""
    return threads if rows >= LEARNT else 1


def to_predict(rows: int, threads: int) -> int:
    """How many of `threads` predict so many rows."""
    return threads if rows >= PREDICTED else 1
