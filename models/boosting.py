"""How boosted trees are grown here: the same input gives the same trees, whatever the threads."""

from typing import Any

LEARNT = 20_000
"""Rows from which several threads learn sooner than one. Below, they mostly wait for each other:
a training of a shop of 400 customers takes 30 s with two threads and 20 s with one."""

PREDICTED = 1_000
"""Rows from which several threads predict sooner than one."""

LEAVES = 20
"""Leaves that there must be rows for, so that a small shop's trees can split."""


def parameters(
    objective: str,
    rows: int,
    *,
    leaves: int,
    learning_rate: float,
    min_rows: int,
    column_share: float,
    seed: int,
    threads: int,
) -> dict[str, Any]:
    """LightGBM's parameters.

    Arguments:
        objective: by LightGBM's name.
        rows: how many are learnt from.
        leaves: of one tree.
        learning_rate: weight of one tree.
        min_rows: in a leaf at least; fewer where `LEAVES` such leaves would need more than `rows`.
        column_share: of the columns that one tree sees.
        seed: of all random choices.
        threads: at most.
    """
    return {
        "objective": objective,
        "num_leaves": leaves,
        "learning_rate": learning_rate,
        "min_data_in_leaf": max(1, min(min_rows, rows // LEAVES)),
        "feature_fraction": column_share,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads if rows >= LEARNT else 1,
        "verbosity": -1,
    }


def to_predict(rows: int, threads: int) -> int:
    """How many of `threads` predict so many rows."""
    return threads if rows >= PREDICTED else 1
