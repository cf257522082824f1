"""Products that many different customers bought lately."""

from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np

from features.catalog import Catalog
from features.instants import DAY_MS
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Scores, Shared


class Popular(Candidates):
    """The same list for everyone: distinct buyers, each counting less the longer ago it was.

    Distinct buyers rather than purchases, so that one wholesaler does not make a hit.

    Arguments:
        half_life_days: after how many days a buyer counts half.
    """

    name: ClassVar[str] = "popular"
    needs: ClassVar[Literal["deeds", "country", "nothing"]] = "nothing"

    def __init__(self, half_life_days: float = 30.0) -> None:
        self.half_life_days = half_life_days
        self.buyers_: Scores = np.empty(0, np.float32)

    def fit(self, histories: Histories) -> Self:
        """Count buyers; see `Candidates.fit`."""
        pairs = histories.purchases
        age = (histories.until[pairs.row] - pairs.last_at) / (self.half_life_days * DAY_MS)
        self.n_products_ = histories.n_products
        self.buyers_ = np.bincount(
            pairs.product, weights=np.exp2(-age), minlength=histories.n_products
        ).astype(np.float32)
        self.__dict__.pop("_shared", None)
        return self

    def opinions(self, histories: Histories) -> Shared:
        """Decayed counts of buyers; see `Candidates.opinions`."""
        del histories
        return self._shared

    @cached_property
    def _shared(self) -> Shared:
        return Shared(self.buyers_)

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """See `Candidates.reason`."""
        del history, product, catalog
        return "Popular right now"

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        write_settings(folder, {"half_life_days": self.half_life_days})
        write_array(folder, "buyers", self.buyers_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        out = cls(**read_settings(folder))
        out.buyers_ = read_array(folder, "buyers", mode="c")
        out.n_products_ = len(out.buyers_)
        return out
