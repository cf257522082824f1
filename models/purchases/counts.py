"""What the probability models see of a customer: how often, how lately, for how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from features.errors import InputError

Floats = npt.NDArray[np.float64]

NEEDED = (
    "cadence_order_days_since_last",
    "cadence_order_days_since_first",
    "cadence_order_gap_mean_life",
)
"""The declared features that say how often, how lately and for how long."""


@dataclass(frozen=True)
class Counts:
    """Repeat purchases of customers; times in weeks, each array of shape (customers,).

    A customer's purchases of one day are one.
    """

    frequency: Floats
    """Days with a purchase after the first one."""
    recency: Floats
    """Weeks from the first purchase to the last."""
    age: Floats
    """Weeks from the first purchase to the instant of looking, above recency."""

    def __post_init__(self) -> None:
        shapes = {self.frequency.shape, self.recency.shape, self.age.shape}
        if len(shapes) != 1 or self.frequency.ndim != 1:
            raise InputError(f"frequency, recency and age have shapes {sorted(shapes)}, not one")
        wrong = (self.frequency < 0) | (self.recency < 0) | (self.age < self.recency)
        wrong |= ~np.isfinite(self.frequency + self.recency + self.age)
        if wrong.any():
            at = int(np.argmax(wrong))
            raise InputError(
                f"customer {at} has frequency {self.frequency[at]:g}, recency "
                f"{self.recency[at]:g} and age {self.age[at]:g}; they must be finite and "
                "0 ≤ recency ≤ age"
            )

    def __len__(self) -> int:
        return len(self.frequency)

    @classmethod
    def of_features(cls, X: npt.NDArray[np.float32], names: Sequence[str]) -> Self | None:  # noqa: N803
        """The counts that declared features tell; None where they are not among the columns.

        The mean gap between days with an order, and the days since the first and the last one,
        say on how many days somebody bought. Whoever never ordered has a single purchase of this
        instant here.

        Arguments:
            X: features of customers with an order, shape (customers, features).
            names: of its columns.
        """
        if not set(NEEDED) <= set(names):
            return None
        last, first, gap = (X[:, list(names).index(name)].astype(np.float64) for name in NEEDED)
        first, last = np.nan_to_num(first), np.nan_to_num(last)
        again = np.isfinite(gap) & (gap > 0)
        between = np.maximum(first - last, 0.0)
        frequency = np.where(again, np.round(between / np.where(again, gap, 1.0)), 0.0)
        recency = np.where(frequency > 0, between, 0.0)
        return cls(frequency, recency / 7, np.maximum(first, recency) / 7)

    def of(self, rows: npt.NDArray[np.int64]) -> Self:
        """These customers alone."""
        return type(self)(self.frequency[rows], self.recency[rows], self.age[rows])

    def sample(self, most: int, seed: int) -> Self:
        """At most so many of the customers, drawn at random."""
        if len(self) <= most:
            return self
        return self.of(np.random.default_rng(seed).choice(len(self), most, replace=False))

    def grouped(self) -> tuple[Self, Floats]:
        """Each different customer once, and how many there are of it."""
        table = np.column_stack([self.frequency, self.recency, self.age])
        different, weight = np.unique(table, axis=0, return_counts=True)
        return type(self)(*(np.ascontiguousarray(c) for c in different.T)), weight.astype(float)
