"""Tables of features that a model is given: one column per name, finite or NaN."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.errors import InputError

Table = npt.NDArray[np.float32]


def named_table(X: npt.ArrayLike, names: Sequence[str]) -> Table:  # noqa: N803 - scikit-learn's name
    """X to learn from, contiguous, float32, shape (n, names).

    Raises:
        InputError: X has another number of columns than there are names.
    """
    table = np.ascontiguousarray(X, np.float32)
    if table.ndim != 2 or table.shape[1] != len(names):
        raise InputError(f"X has shape {table.shape}, but {len(names)} feature_names")
    return table


def known_table(X: npt.ArrayLike, names: Sequence[str], takes: str) -> Table:  # noqa: N803
    """X to predict from, contiguous, float32, shape (n, names).

    Arguments:
        X: rows of customers.
        names: of the columns that the model was fitted with.
        takes: "this churn model takes", for the message.

    Raises:
        InputError: X has other columns than the model was fitted with.
    """
    table = np.ascontiguousarray(X, np.float32)
    if table.ndim != 2 or table.shape[1] != len(names):
        raise InputError(
            f"X has shape {table.shape}; {takes} "
            f"(customers, {len(names)}) with the columns of feature_names_"
        )
    return table


def check_finite(table: Table, names: Sequence[str]) -> None:
    """Refuse infinite values.

    Raises:
        InputError: there is one; the message names its column.
    """
    infinite = np.isinf(table).any(axis=0)
    if infinite.any():
        column = names[int(np.argmax(infinite))]
        raise InputError(f"X holds infinite values in {column}; undefined must be NaN")
