"""What a churn model is given to learn from, checked once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.errors import InputError

Table = npt.NDArray[np.float32]


def checked(
    X: Table,  # noqa: N803
    y: npt.NDArray[np.bool_],
    at: npt.NDArray[np.int64],
    feature_names: Sequence[str],
    horizon_days: int,
    days: npt.NDArray[np.int64] | None,
) -> tuple[Table, npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Features, labels, instants and days, each of one type; see `ChurnModel.fit`.

    Raises:
        InputError: shapes do not fit, or values cannot be.
    """
    features = np.ascontiguousarray(X, np.float32)
    left, instants = np.asarray(y), np.asarray(at, np.int64)
    if features.ndim != 2 or features.shape[1] != len(feature_names):
        raise InputError(f"X has shape {features.shape}, but {len(feature_names)} feature_names")
    if left.shape != (len(features),) or instants.shape != (len(features),):
        raise InputError(
            f"y {left.shape} and at {instants.shape} must have one entry per row of "
            f"X {features.shape}"
        )
    if left.dtype != np.bool_:
        raise InputError(f"y must be boolean, True for no order; it is {left.dtype}")
    if horizon_days < 1:
        raise InputError(f"horizon_days = {horizon_days}: must be at least 1")
    if np.isinf(features).any():
        column = feature_names[int(np.argmax(np.isinf(features).any(axis=0)))]
        raise InputError(f"X holds infinite values in {column}; undefined must be NaN")
    ahead = np.full(len(left), horizon_days) if days is None else np.asarray(days)
    if ahead.shape != left.shape or (ahead < 1).any() or (ahead > horizon_days).any():
        raise InputError(
            f"days must give each of the {len(left):,} rows from 1 to {horizon_days} days"
        )
    if len(np.unique(np.column_stack([instants, ahead]), axis=0)) != len(np.unique(instants)):
        raise InputError("days must be the same for all rows of an instant")
    return features, left, instants, ahead.astype(np.int64)
