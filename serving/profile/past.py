"""A customer's rows before an instant, found by the names of their events."""

from functools import cache
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.events.schema import schema
from features.timeline import Timeline

Rows = npt.NDArray[np.int64]
"""Places of rows, in the order of time."""


class Past:
    """What was known of a customer just before an instant.

    Arguments:
        timeline: in the catalogue's numbering.
        at: the instant.
        catalog: the products.
    """

    def __init__(self, timeline: Timeline, at: int, catalog: Catalog) -> None:
        self.rows = timeline.until(at)
        self.at = at
        self.catalog = catalog
        self._by_type = np.argsort(self.rows.type, kind="stable")
        self._ends = np.bincount(self.rows.type, minlength=256).cumsum()

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, *events: str) -> Rows:
        """Rows of these events, oldest first."""
        parts = [self._of(code) for code in _codes(events)]
        return parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))

    def count(self, *events: str) -> int:
        """How many rows these events have."""
        return sum(len(self._of(code)) for code in _codes(events))

    def last(self, *events: str) -> int | None:
        """The latest row of these events; None when there is none."""
        return max(
            (int(rows[-1]) for c in _codes(events) if len(rows := self._of(c))), default=None
        )

    def channel(self, row: int) -> str:
        """The channel of a row."""
        return channel_name(int(self.rows.channel[row]))

    def product(self, row: int) -> tuple[str, str] | None:
        """Id and title of a row's product; None where it has none that is known here."""
        return self.named(int(self.rows.product[row]))

    def named(self, product: int) -> tuple[str, str] | None:
        """Id and title of a product; None for none, which is -1."""
        return None if product < 0 else (self.catalog.ids[product], self.catalog.title(product))

    def _of(self, code: int) -> Rows:
        begin = 0 if code == 0 else int(self._ends[code - 1])
        return self._by_type[begin : int(self._ends[code])]


def channel_name(code: int) -> str:
    """The name of a channel; that of a newer schema's is `other`."""
    return _channels().get(code, "other")


def number(value: SupportsFloat | None, digits: int = 2) -> float | None:
    """A number as it is shown; None where it is undefined."""
    if value is None:
        return None
    plain = float(value)
    return None if plain != plain else round(plain, digits)


@cache
def _codes(events: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(schema().code(name) for name in events)


@cache
def _channels() -> dict[int, str]:
    return schema().channel_names
