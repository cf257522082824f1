"""Whether what is expected of customers has fallen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

AGO_DAYS = 90
"""Days between the two instants that are compared: a quarter, what most shops plan by."""

FALLING = 0.5
"""A customer's value is falling when less than this share of it is left: purchase models move
somebody of a steady rhythm by less within a quarter."""


@dataclass(frozen=True)
class Change:
    """What is expected now against what was expected `AGO_DAYS` ago."""

    ratio: npt.NDArray[np.float64]
    """Shape (customers,); NaN for whoever had no order yet at the earlier instant."""

    @property
    def falling(self) -> npt.NDArray[np.bool_]:
        """Whose value is falling; nobody's whose ratio is not known."""
        return np.nan_to_num(self.ratio, nan=1.0) < FALLING
