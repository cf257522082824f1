"""What each feature contributes to what somebody is expected to spend."""

from collections.abc import Sequence
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
import numpy.typing as npt


class Part(NamedTuple):
    """One factor of what is expected: orders, or the value of one."""

    expected: float
    feature: str
    """Which feature speaks for the statistical model."""
    booster: lgb.Booster | None
    share: float
    """How far its trees are followed."""


def contributions(
    names: Sequence[str],
    columns: npt.NDArray[np.float32],
    parts: Sequence[Part],
    everybody: Sequence[float],
) -> dict[str, float]:
    """By feature, how far it moved the logarithm of the product of the parts from everybody's.

    Arguments:
        names: of the features, which the columns begin with.
        columns: one customer's, shape (1, at least the features).
        parts: of the product.
        everybody: the mean of each part.
    """
    found = dict.fromkeys(names, 0.0)
    for part, mean in zip(parts, everybody, strict=False):
        rest = float(np.log(part.expected / mean))
        if part.booster is not None:
            told = part.booster.predict(columns, pred_contrib=True, num_threads=1)
            own = (part.share * np.asarray(told)[0, : len(found)]).tolist()
            found = {name: found[name] + moved for name, moved in zip(names, own, strict=True)}
            rest -= sum(own)
        found[part.feature] += rest
    return found
