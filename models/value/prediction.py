"""What is expected of customers, and what it is made of."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.value.seen import Seen

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ValuePrediction:
    """What is expected in the horizon, each of shape (customers,)."""

    orders: Floats
    """Days with an order; a day with two is one."""
    spend: Floats
    """In the shop's currency, returns not taken off; NaN where the events say nothing of money."""


@dataclass(frozen=True)
class Told:
    """What that is made of."""

    seen: Seen
    columns: npt.NDArray[np.float32]
    base: Floats
    """Orders in the horizon by the purchase model alone."""
    near: Floats
    """Those in the days that trees have seen."""
    orders: Floats
    value: Floats
