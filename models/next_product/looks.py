"""What customers looked at or put into the cart, and the sessions in which they did."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.definitions.feature import SESSION_GAP_MS
from features.events.schema import schema
from features.ranges import ranges

LOOKS = tuple(schema().code(name) for name in ("Product Viewed", "Product Added"))
"""Codes of the events that show what somebody is interested in just now."""


@dataclass(frozen=True)
class Sessions:
    """Products in the order they were looked at, session after session.

    The same product twice running is one step: a reload, or a view and then the cart.
    """

    offsets: npt.NDArray[np.int64]
    """Steps of session `s` are `offsets[s]:offsets[s + 1]`."""
    product: npt.NDArray[np.int32]
    began_at: npt.NDArray[np.int64]
    """Instants, shape (sessions,)."""
    row: npt.NDArray[np.int64]
    """Place of each session's customer."""

    @classmethod
    def none(cls) -> "Sessions":
        """No sessions at all."""
        return Looks(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.int64)).sessions()

    def __len__(self) -> int:
        return len(self.began_at)

    def of(self, session: int) -> npt.NDArray[np.int32]:
        """The products of one session."""
        return self.product[self.offsets[session] : self.offsets[session + 1]]

    def taken(self, sessions: npt.NDArray[np.int64]) -> "Sessions":
        """These sessions, in this order."""
        length = np.diff(self.offsets)[sessions]
        offsets = np.concatenate([[0], np.cumsum(length)])
        step = ranges(self.offsets[sessions], length)
        return Sessions(offsets, self.product[step], self.began_at[sessions], self.row[sessions])


@dataclass(frozen=True)
class Looks:
    """Looks of many customers, customer after customer, each in time order."""

    offsets: npt.NDArray[np.int64]
    """Looks of customer `i` are `offsets[i]:offsets[i + 1]`."""
    product: npt.NDArray[np.int32]
    at: npt.NDArray[np.int64]

    def part(self, begin: int, end: int) -> "Looks":
        """Those of customers `begin` to `end` (exclusive)."""
        kept = slice(int(self.offsets[begin]), int(self.offsets[min(end, len(self.offsets) - 1)]))
        offsets = self.offsets[begin : end + 1] - self.offsets[begin]
        return Looks(offsets, self.product[kept], self.at[kept])

    def sessions(self) -> Sessions:
        """All sessions, customer after customer, each in time order."""
        row = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        new = np.ones(len(row), np.bool_)
        new[1:] = (np.diff(row) > 0) | (np.diff(self.at) > SESSION_GAP_MS)
        step = new.copy()
        step[1:] |= np.diff(self.product) != 0
        begin = np.flatnonzero(new)
        return Sessions(
            offsets=np.append(np.cumsum(step)[begin] - 1, step.sum()).astype(np.int64),
            product=self.product[step],
            began_at=self.at[begin],
            row=row[begin],
        )
