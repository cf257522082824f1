"""Products the customer already buys."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from features.catalog import Catalog
from features.instants import DAY_MS
from models.next_product.arrays import read_settings, write_settings
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Sparse


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

    def opinions(self, histories: Histories) -> Sparse:
        """Decayed counts of baskets; see `Candidates.opinions`."""
        pairs = histories.purchases
        keep = (pairs.product < self.n_products_) & histories.bought[pairs.row]
        return Sparse(
            np.searchsorted(pairs.row[keep], np.arange(len(histories) + 1)).astype(np.int64),
            pairs.product[keep],
            histories.decayed(self.half_life_days)[keep],
            self.n_products_,
        )

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
