"""What sells best in the categories the customer buys, by the channel the customer uses."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.instants import DAY_MS
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.associations import read_lists, write_lists
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Sparse
from models.next_product.shares import Groups, leading, shares

PER_CATEGORY = 50
"""Products kept of each category and channel."""

PRIOR = 100.0
"""Buyers at which a channel's own counts say as much as everybody's: in a channel with few orders
the same sells as anywhere."""

_NOTHING = (np.empty(0, np.int32), np.empty(0, np.float32))

ANY = 255
"""The channel of whose nothing is known, or in which nobody bought."""


class Bestsellers(Candidates):
    """The customer's share of a category times a product's share of the channel's buyers.

    Popular as `Popular` counts it: distinct buyers, each counting less the longer ago it was. A
    buyer belongs to the channel of the last order. The channel's shares are mixed with all
    channels' (a Dirichlet prior of PRIOR buyers).

    Arguments:
        half_life_days: after how many days a buyer counts half.
        taste_half_life_days: after how many days a basket of the customer counts half.
    """

    name: ClassVar[str] = "bestsellers"

    def __init__(self, half_life_days: float = 30.0, taste_half_life_days: float = 180.0) -> None:
        self.half_life_days = half_life_days
        self.taste_half_life_days = taste_half_life_days
        self.channels_: npt.NDArray[np.uint8] = np.empty(0, np.uint8)
        """Channels with lists of their own, rising; ANY is the last."""
        self.categories_ = 0
        """How many categories there were; without any, all products are one."""
        self.lists_ = Sparse(np.zeros(1, np.int64), *_NOTHING, 0)
        """Channel by channel its categories × products."""

    def fit(self, histories: Histories) -> Self:
        """Count buyers by channel; see `Candidates.fit`."""
        pairs, n, catalog = histories.purchases, histories.n_products, histories.catalog
        age = (histories.until[pairs.row] - pairs.last_at) / (self.half_life_days * DAY_MS)
        weight = np.exp2(-age)
        everybody = np.bincount(pairs.product, weight, n)
        overall = everybody / max(everybody.sum(), 1e-9)
        found = np.unique(histories.channel[pairs.row])
        # one channel is all channels
        own = found if len(found) > 1 else found[:0]
        self.n_products_, self.categories_ = n, len(catalog.categories)
        self.channels_ = np.append(own, np.uint8(ANY))
        parts = []
        for channel in self.channels_.tolist():
            mine = (histories.channel[pairs.row] == channel) | (channel == ANY)
            bought = np.bincount(pairs.product[mine], weight[mine], n)
            share = (bought + PRIOR * overall) / (bought.sum() + PRIOR)
            parts.append(
                leading(
                    self._groups(catalog),
                    np.arange(n),
                    share.astype(np.float32),
                    n,
                    PER_CATEGORY,
                )
            )
        ends = np.cumsum([0, *(part.offsets[-1] for part in parts)])
        self.lists_ = Sparse(
            np.concatenate(
                [[0], *(part.offsets[1:] + end for part, end in zip(parts, ends[:-1], strict=True))]
            ),
            np.concatenate([part.products for part in parts]),
            np.concatenate([part.scores for part in parts]),
            n,
        )
        return self

    def opinions(self, histories: Histories) -> Sparse:
        """Share of the category times share of the channel; see `Candidates.opinions`."""
        if not self.categories_ and len(self.channels_) < 2:  # it would say what `Popular` says
            return Sparse(np.zeros(len(histories) + 1, np.int64), *_NOTHING, self.n_products_)
        mine = shares(histories, self._groups(histories.catalog), self.taste_half_life_days)
        place = np.searchsorted(self.channels_[:-1], histories.channel)
        known = np.append(self.channels_[:-1], np.uint8(ANY))[place] == histories.channel
        block = np.where(known, place, len(self.channels_) - 1) * max(self.categories_, 1)
        row = (mine.products + block[mine.owner]).astype(np.int32)
        return Sparse.passed_on(mine.offsets, row, mine.scores, self.lists_)

    def _groups(self, catalog: Catalog) -> Groups:
        if self.categories_:
            return ((catalog.category, self.categories_),)
        return ((np.broadcast_to(np.int32(0), len(catalog)), 1),)

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """See `Candidates.reason`."""
        del history
        category = int(catalog.category[product])
        if category < 0:
            return "Popular right now"
        return f"Popular in {catalog.categories[category].split(' > ')[-1]}"

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        settings = {
            "half_life_days": self.half_life_days,
            "taste_half_life_days": self.taste_half_life_days,
        }
        write_settings(
            folder,
            {
                "settings": settings,
                "categories": self.categories_,
                "n_products": self.n_products_,
            },
        )
        write_array(folder, "channels", self.channels_)
        write_lists(folder, "", self.lists_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        document = read_settings(folder)
        out = cls(**document["settings"])
        out.categories_, out.n_products_ = document["categories"], document["n_products"]
        out.channels_ = read_array(folder, "channels")
        lists = read_lists(folder, "")
        out.lists_ = Sparse(lists.offsets, lists.products, lists.scores, out.n_products_)
        return out
