"""Products the customer already buys."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from features.catalog import Catalog
from features.instants import DAY_MS
from models.next_product.arrays import read_settings, write_settings
from models.next_product.candidate import Candidates, Scores
from models.next_product.history import Histories


class Repeat(Candidates):
    """The customer's own products: one point per basket, less the longer ago it was.

    Arguments:
        half_life_days: after how many days a basket counts half.
    """

    name: ClassVar[str] = "repeat"
    certain: ClassVar[bool] = True

    def __init__(self, half_life_days: float = 180.0, n_products: int = 0) -> None:
        self.half_life_days = half_life_days
        self.n_products_ = n_products

    def fit(self, histories: Histories) -> Self:
        """Note the number of products; everything else is in the customer's own history."""
        self.n_products_ = histories.n_products
        return self

    def scores(self, histories: Histories) -> Scores:
        """Decayed counts of baskets; see `Candidates.scores`."""
        out = np.zeros((len(histories), self.n_products_), np.float32)
        pairs = histories.purchases
        keep = (pairs.product < self.n_products_) & histories.bought[pairs.row]
        out[pairs.row[keep], pairs.product[keep]] = histories.decayed(self.half_life_days)[keep]
        return out

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """See `Candidates.reason`."""
        del catalog
        pairs = history.purchases
        place = int(np.searchsorted(pairs.product, product))
        at = pairs.basket_at[pairs.offsets[place] : pairs.offsets[place + 1]]
        days = (at[-1] - at[0]) / DAY_MS / max(len(at) - 1, 1)
        if len(at) < 3 or days < 1.5:
            return "You bought this before"
        return f"You buy this about every {days:.0f} days"

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        settings = {"half_life_days": self.half_life_days, "n_products": self.n_products_}
        write_settings(folder, settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        return cls(**read_settings(folder))
