"""What a churn model is given to learn from, checked once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.errors import InputError
from models.tables import Table, check_finite, named_table


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
    features = named_table(X, feature_names)
    left, instants = np.asarray(y), np.asarray(at, np.int64)
    if left.shape != (len(features),) or instants.shape != (len(features),):
        raise InputError(
            f"y {left.shape} and at {instants.shape} must have one entry per row of "
            f"X {features.shape}"
        )
    if left.dtype != np.bool_:
        raise InputError(f"y must be boolean, True for no order; it is {left.dtype}")
    if horizon_days < 1:
        raise InputError(f"horizon_days = {horizon_days}: must be at least 1")
    check_finite(features, feature_names)
    ahead = np.full(len(left), horizon_days) if days is None else np.asarray(days)
    if ahead.shape != left.shape or (ahead < 1).any() or (ahead > horizon_days).any():
        raise InputError(
            f"days must give each of the {len(left):,} rows from 1 to {horizon_days} days"
        )
    if len(np.unique(np.column_stack([instants, ahead]), axis=0)) != len(np.unique(instants)):
        raise InputError("days must be the same for all rows of an instant")
    return features, left, instants, ahead.astype(np.int64)
