"""What the statistical models see of customers, and what they tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from features.errors import InputError, NotEnoughDataError
from models.purchases import PURCHASE_MODELS, Counts, GammaGamma, Nbd, PurchaseModel
from models.purchases.counts import NEEDED as RHYTHM

Floats = npt.NDArray[np.float64]

SPENT = "purchase_spend_life"

NEEDED = (*RHYTHM, SPENT)
"""The declared features without which nothing can be said of value."""

KINDS: dict[str, type[PurchaseModel]] = {**PURCHASE_MODELS, "nbd": Nbd}
"""The purchase models that the back-test chooses from; "nbd" is the shrunk frequency alone."""

COLUMNS = ("purchases_orders_log", "purchases_alive", "purchases_order_value_log")
"""Columns that the statistical models add to the features."""

LEAST_ORDERS = 1e-4
"""Expected orders at least, so that their logarithm is finite."""


@dataclass(frozen=True)
class Seen:
    """How often, how lately, for how long and for how much."""

    counts: Counts
    mean: Floats
    """Spent on a day with an order, on average; 0 where nothing was."""

    @classmethod
    def of(cls, X: npt.NDArray[np.float32], names: Sequence[str]) -> Self:  # noqa: N803
        """What declared features tell.

        Raises:
            InputError: they are not among the columns.
        """
        counts = Counts.of_features(X, names)
        if counts is None or SPENT not in names:
            raise InputError(f"value needs the features {', '.join(NEEDED)} among its columns")
        spent = np.nan_to_num(X[:, list(names).index(SPENT)].astype(np.float64))
        return cls(counts, np.maximum(spent, 0.0) / (counts.frequency + 1))

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def days(self) -> Floats:
        """Days with an order."""
        return self.counts.frequency + 1

    @property
    def once(self) -> npt.NDArray[np.bool_]:
        """Who ordered on one day only."""
        return np.asarray(self.counts.frequency == 0)

    def of_rows(self, rows: npt.NDArray[np.int64]) -> Self:
        """These customers alone."""
        return type(self)(self.counts.of(rows), self.mean[rows])

    def sample(self, most: int, seed: int) -> Self:
        """At most so many of the customers, drawn at random."""
        if len(self) <= most:
            return self
        return self.of_rows(np.random.default_rng(seed).choice(len(self), most, replace=False))


@dataclass(frozen=True)
class Statistics:
    """A purchase model and a spend model, as fitted at one instant."""

    kind: str
    """Of `KINDS`."""
    purchases: PurchaseModel
    spend: GammaGamma | None
    """None where nobody spent anything."""

    @classmethod
    def fit(cls, kind: str, seen: Seen) -> Self:
        """Both, on what was known then.

        Raises:
            NotEnoughDataError: too few customers, or nobody came back.
        """
        try:
            spend = GammaGamma().fit(seen.days, seen.mean)
        except NotEnoughDataError:
            spend = None
        return cls(kind, KINDS[kind]().fit(seen.counts), spend)

    def orders(self, seen: Seen, days: int) -> Floats:
        """Expected days with an order in the next days, above 0."""
        told = self.purchases.orders(seen.counts, days / 7)
        return np.maximum(np.nan_to_num(told), LEAST_ORDERS)

    def value(self, seen: Seen) -> Floats:
        """Expected spend on a day with an order; NaN where nobody spent anything."""
        if self.spend is None:
            return np.full(len(seen), np.nan)
        return np.maximum(self.spend.value(seen.days, seen.mean), 1e-9)

    def columns(self, seen: Seen, orders: Floats, value: Floats) -> Floats:
        """The columns `COLUMNS` of what `orders` and `value` told, shape (customers, 3)."""
        return np.column_stack([np.log(orders), self.purchases.alive(seen.counts), np.log(value)])
