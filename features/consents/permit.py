"""Who allows a purpose, and when, for all customers of a log at once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Permit:
    """Whether a purpose is allowed: by default, or otherwise within spans of customers."""

    default: bool
    now: int
    """The instant up to which the log is known."""
    place: npt.NDArray[np.int64]
    """Of the customer whose span it is, shape (spans,)."""
    begin: npt.NDArray[np.int64]
    """The instant from which on the contrary of the default holds."""
    until: npt.NDArray[np.int64]
    """And the instant from which on it no longer does."""

    def at(self, instant: int, customers: int) -> npt.NDArray[np.bool_]:
        """Who allowed it at an instant, and does now, shape (customers,).

        Whoever objects today is left out of yesterday, too: what was known then decides what
        could be done then, and today's word what may be done today.
        """
        return self._allowed(instant, customers) & self._allowed(self.now, customers)

    def _allowed(self, instant: int, customers: int) -> npt.NDArray[np.bool_]:
        out = np.full(customers, self.default)
        out[self.place[(self.begin <= instant) & (instant < self.until)]] = not self.default
        return out
