"""Products that are new in the shop, in the categories and of the brands the customer buys."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from features.catalog import Catalog
from features.instants import DAY_MS
from models.next_product.arrays import read_settings, write_settings
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Sparse
from models.next_product.shares import Groups, leading, shares

PER_GROUP = 100
"""New products of one brand or category that are considered, the newest: the work for one
customer has a bound on the day on which a shop imports a season."""

MOST_NEW = 0.5
"""The share of a catalogue beyond which it is not the products that are new but the catalogue:
all of an imported one was first seen on the day of the import."""

_NOTHING = (np.empty(0, np.int32), np.empty(0, np.float32))


def groups(catalog: Catalog) -> Groups:
    """The categories, then the brands."""
    return (catalog.category, len(catalog.categories)), (catalog.brand, len(catalog.brands))


@dataclass(frozen=True)
class _New:
    """The new products of a catalogue on one day."""

    catalog: Catalog
    day: int
    lists: Sparse
    """Categories, then brands × products, with half of each one's newness."""


class Arrivals(Candidates):
    """The customer's share of the product's brand and of its category, times how new it is.

    A product is new for some days after it was first seen, less from day to day. Everything is
    read from the catalogue of the request, so that a product counts as soon as it is there.

    Arguments:
        days: how long a product is new.
        half_life_days: after how many days a basket of the customer counts half.
        n_products: of the catalogue at the time of `fit`.
    """

    name: ClassVar[str] = "arrivals"

    def __init__(
        self, days: float = 30.0, half_life_days: float = 180.0, n_products: int = 0
    ) -> None:
        self.days = days
        self.half_life_days = half_life_days
        self.n_products_ = n_products
        self._newest: _New | None = None

    def fit(self, histories: Histories) -> Self:
        """Note the number of products; see `Candidates.fit`."""
        self.n_products_ = histories.n_products
        return self

    def extended(self, catalog: Catalog) -> Self:
        """See `Candidates.extended`."""
        if self.n_products_ == len(catalog):
            return self
        return type(self)(self.days, self.half_life_days, len(catalog))

    def opinions(self, histories: Histories) -> Sparse:
        """Share times newness; see `Candidates.opinions`."""
        catalog = histories.catalog
        new = self._new(catalog, int(histories.until.max(initial=0)) // DAY_MS).lists
        if not len(new.products):
            return Sparse(np.zeros(len(histories) + 1, np.int64), *_NOTHING, len(catalog))
        mine = shares(histories, groups(catalog), self.half_life_days)
        return Sparse.passed_on(mine.offsets, mine.products, mine.scores, new)

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """Names the brand or the category, whichever the customer has more of."""
        brand, category = int(catalog.brand[product]), int(catalog.category[product])
        mine = history.purchases.product
        weight = history.decayed(self.half_life_days)
        of_brand = float(weight[catalog.brand[mine] == brand].sum()) if brand >= 0 else 0.0
        of_category = float(weight[catalog.category[mine] == category].sum())
        if brand >= 0 and of_brand >= (of_category if category >= 0 else 0.0):
            done = "buy" if history.bought[0] else "look at"
            return f"New from {catalog.brands[brand]}, which you {done}"
        return f"New in {catalog.categories[category].split(' > ')[-1]}"

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        write_settings(
            folder,
            {
                "days": self.days,
                "half_life_days": self.half_life_days,
                "n_products": self.n_products_,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        return cls(**read_settings(folder))

    def _new(self, catalog: Catalog, day: int) -> _New:
        """The new products of a day; kept, since the next request is nearly always of the same."""
        held = self._newest
        if held is None or held.catalog is not catalog or held.day != day:
            held = self._newest = _new(catalog, day, self.days)
        return held


def _new(catalog: Catalog, day: int, days: float) -> _New:
    n = len(catalog)
    age = day - catalog.first_seen_at / DAY_MS
    parents = catalog.parent == np.arange(n)
    # what is first seen later on the day counts in full; it is shown only once it is there
    new = parents & (age < days) & (age > -1) & (catalog.first_seen_at > 0)
    products = np.flatnonzero(new)
    known = int((parents & (catalog.first_seen_at > 0) & (age > -1)).sum())
    if len(products) > MOST_NEW * known:
        products = products[:0]
    newness = ((1 - np.maximum(age[products], 0) / days) / 2).astype(np.float32)
    return _New(catalog, day, leading(groups(catalog), products, newness, n, PER_GROUP))
