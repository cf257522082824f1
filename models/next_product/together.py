"""Products that are bought together, one after another, and looked at together."""

from typing import Any, ClassVar, Self

import numpy as np

from features.instants import DAY_MS
from features.ranges import ranges
from models.next_product.associations import Associations
from models.next_product.history import Histories
from models.next_product.occasions import associated, distinct, following, newest
from models.next_product.opinions import Lists

LOOKS = 50
"""Looks of a customer that count, the latest."""


class Together(Associations):
    """What stands in one basket with what the customer bought lately.

    Arguments:
        neighbours: length of each product's list.
        half_life_days: after how many days a basket of the customer counts half; what goes with
            a purchase is wanted soon after it.
    """

    name: ClassVar[str] = "together"
    phrase: ClassVar[str] = "Often bought together with"

    def __init__(self, neighbours: int = 50, half_life_days: float = 30.0) -> None:
        super().__init__(neighbours, half_life_days)

    def fit(self, histories: Histories) -> Self:
        """Count baskets; see `Candidates.fit`."""
        baskets = histories.baskets
        counted = newest(baskets.at)
        sets = distinct(baskets.offsets, baskets.product, counted)
        self.n_products_ = histories.n_products
        self.lists_ = associated(sets, sets, baskets.at[counted], self.n_products_, self.neighbours)
        return self


class Later(Associations):
    """What is bought in one of the next baskets after what the customer bought lately.

    Direction counts: a cartridge follows a printer, a printer no cartridge.

    Arguments:
        neighbours: length of each product's list.
        days: after which a basket no longer follows from another.
        half_life_days: after how many days a basket of the customer counts half.
    """

    name: ClassVar[str] = "later"
    phrase: ClassVar[str] = "Often bought after"

    def __init__(
        self, neighbours: int = 50, days: float = 60.0, half_life_days: float = 30.0
    ) -> None:
        super().__init__(neighbours, half_life_days)
        self.days = days

    @property
    def settings(self) -> dict[str, Any]:
        """See `Associations.settings`."""
        return super().settings | {"days": self.days}

    def fit(self, histories: Histories) -> Self:
        """Count what follows baskets; see `Candidates.fit`."""
        baskets = histories.baskets
        counted = newest(baskets.at)
        sets = distinct(baskets.offsets, baskets.product, counted)
        at, row = baskets.at[counted], baskets.row[counted]
        later = following(sets, at, row, self.days)
        self.n_products_ = histories.n_products
        self.lists_ = associated(sets, later, at, self.n_products_, self.neighbours)
        return self


class Viewed(Associations):
    """What is looked at in one session with what the customer looked at lately.

    Arguments:
        neighbours: length of each product's list.
        half_life_days: after how many days a look of the customer counts half; interest passes.
    """

    name: ClassVar[str] = "viewed"
    phrase: ClassVar[str] = "Often looked at with"

    def __init__(self, neighbours: int = 50, half_life_days: float = 7.0) -> None:
        super().__init__(neighbours, half_life_days)

    def fit(self, histories: Histories) -> Self:
        """Count sessions; see `Candidates.fit`."""
        sessions = histories.sessions
        counted = newest(sessions.began_at)
        sets = distinct(sessions.offsets, sessions.product, counted)
        self.n_products_ = histories.n_products
        self.lists_ = associated(
            sets, sets, sessions.began_at[counted], self.n_products_, self.neighbours
        )
        return self

    def held(self, histories: Histories) -> Lists:
        """What the customers looked at last; see `Associations.held`."""
        looks = histories.looks
        first = np.maximum(looks.offsets[:-1], looks.offsets[1:] - LOOKS)
        count = looks.offsets[1:] - first
        offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        place = ranges(first, count)
        age = (np.repeat(histories.until, count) - looks.at[place]) / DAY_MS
        weights = np.exp2(-age / self.half_life_days).astype(np.float32)
        return Lists(offsets, looks.product[place], weights)
