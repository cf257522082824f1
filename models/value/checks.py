"""What is learnt from is checked once, before anything is computed."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.errors import InputError
from models.tables import check_finite, named_table

Floats = npt.NDArray[np.float64]


def checked(
    X: npt.NDArray[np.float32],  # noqa: N803
    orders: Floats,
    spend: Floats,
    at: npt.NDArray[np.int64],
    feature_names: Sequence[str],
) -> tuple[npt.NDArray[np.float32], Floats, Floats, npt.NDArray[np.int64]]:
    """The same as contiguous arrays; spend that is not known, or below 0, is 0.

    Raises:
        InputError: shapes do not fit, or something is infinite; the message says what.
    """
    features = named_table(X, feature_names)
    came, instants = np.asarray(orders, np.float64), np.asarray(at, np.int64)
    spent = np.nan_to_num(np.asarray(spend, np.float64), nan=0.0)
    shapes = {came.shape, spent.shape, instants.shape}
    if shapes != {(len(features),)}:
        raise InputError(
            f"orders {came.shape}, spend {spent.shape} and at {instants.shape} must have one entry "
            f"per row of X {features.shape}"
        )
    if not np.isfinite(came).all() or (came < 0).any() or not np.isfinite(spent).all():
        raise InputError("orders and spend must be finite, and no orders below 0")
    check_finite(features, feature_names)
    return features, came, np.maximum(spent, 0.0), instants
