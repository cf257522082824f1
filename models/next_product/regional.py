"""What sells best in the customer's country."""

from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.instants import DAY_MS
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.associations import read_lists, write_lists
from models.next_product.candidate import Candidates
from models.next_product.history import NOT_KNOWN, Histories
from models.next_product.opinions import Sparse, best

PER_REGION = 200
"""Products kept of each region."""

PRIOR = 100.0
"""Buyers at which a region's own counts say as much as everybody's."""

LEAST_BUYERS = 20
"""Buyers from whom on a region has a list of its own; they are told apart by none."""


class Regional(Candidates):
    """A product's share of the buyers from the customer's country.

    Popular as `Popular` counts it: distinct buyers, each counting less the longer ago it was. The
    country's shares are mixed with everybody's (a Dirichlet prior of PRIOR buyers); what nobody
    there bought is left out. There is no opinion of who is from elsewhere, nor in a shop of one
    country.

    Arguments:
        half_life_days: after how many days a buyer counts half.
    """

    name: ClassVar[str] = "regional"
    needs: ClassVar[Literal["deeds", "country", "nothing"]] = "country"

    def __init__(self, half_life_days: float = 30.0) -> None:
        self.half_life_days = half_life_days
        self.regions_: npt.NDArray[np.int32] = np.empty(0, np.int32)
        """Those with lists of their own, rising; see `Histories.region`."""
        self.lists_ = _nothing(0)
        """Region by region its products."""

    def fit(self, histories: Histories) -> Self:
        """Count buyers by region; see `Candidates.fit`."""
        pairs, n = histories.purchases, histories.n_products
        self.n_products_, self.regions_, self.lists_ = n, np.empty(0, np.int32), _nothing(n)
        home = histories.region[pairs.row]
        own, buyers = np.unique(histories.region[np.unique(pairs.row)], return_counts=True)
        own = own[(own != NOT_KNOWN) & (buyers >= LEAST_BUYERS)]
        if len(own) < 2:
            return self
        age = (histories.until[pairs.row] - pairs.last_at) / (self.half_life_days * DAY_MS)
        weight = np.exp2(-age)
        everybody = np.bincount(pairs.product, weight, n)
        overall = everybody / max(everybody.sum(), 1e-9)
        products, scores, offsets = [], [], [0]
        for region in own.tolist():
            mine = home == region
            bought = np.bincount(pairs.product[mine], weight[mine], n)
            share = (bought + PRIOR * overall) / (bought.sum() + PRIOR)
            share = np.where(bought > 0, share, 0.0).astype(np.float32)
            products.append(best(share, PER_REGION))
            scores.append(share[products[-1]])
            offsets.append(offsets[-1] + len(products[-1]))
        self.regions_ = own.astype(np.int32)
        self.lists_ = Sparse(
            np.array(offsets, np.int64), np.concatenate(products), np.concatenate(scores), n
        )
        return self

    def opinions(self, histories: Histories) -> Sparse:
        """Shares of the region's buyers; see `Candidates.opinions`."""
        place = np.searchsorted(self.regions_, histories.region).astype(np.int32)
        known = np.append(self.regions_, np.int32(NOT_KNOWN))[place] == histories.region
        known &= histories.region != NOT_KNOWN
        offsets = np.concatenate([[0], np.cumsum(known)]).astype(np.int64)
        one = np.ones(int(known.sum()), np.float32)
        return Sparse.passed_on(offsets, place[known], one, self.lists_)

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """See `Candidates.reason`."""
        del history, product, catalog
        return "Popular in your country"

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        settings = {"half_life_days": self.half_life_days}
        write_settings(folder, {"settings": settings, "n_products": self.n_products_})
        write_array(folder, "regions", self.regions_)
        write_lists(folder, "", self.lists_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        document = read_settings(folder)
        out = cls(**document["settings"])
        out.regions_, out.n_products_ = read_array(folder, "regions"), document["n_products"]
        lists = read_lists(folder, "")
        out.lists_ = Sparse(lists.offsets, lists.products, lists.scores, out.n_products_)
        return out


def _nothing(n_products: int) -> Sparse:
    return Sparse(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), n_products)
