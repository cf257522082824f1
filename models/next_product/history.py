"""What customers did before an instant, in the form that candidate generators learn from.

Products are parents (`Catalog.parent`). Lines at the same instant are one basket.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from features.catalog import Catalog
from features.events import texts
from features.events.erasures import Marks
from features.events.schema import schema
from features.instants import DAY_MS
from features.timeline import Timeline, Timelines, visible
from models.next_product.looks import LOOKS, Looks, Sessions

LINE = schema().code("Order Line")

TELLS_REGION = (schema().code("Identified"),)
"""What says where a customer is from, as a number that stands for the country's name."""

NOT_KNOWN = -1
"""The region of whom nothing says where they are from."""


@dataclass(frozen=True)
class Purchases:
    """Distinct customer × product pairs, sorted by customer, then product."""

    row: npt.NDArray[np.int64]
    """Place of the customer in the histories, shape (pairs,)."""
    product: npt.NDArray[np.int32]
    basket_at: npt.NDArray[np.int64]
    """Instants of the baskets that hold the product, pair after pair, oldest first."""
    offsets: npt.NDArray[np.int64]
    """Baskets of pair `i` are `offsets[i]:offsets[i + 1]` of `basket_at`."""

    @property
    def baskets(self) -> npt.NDArray[np.int64]:
        """In how many baskets each product was."""
        return np.diff(self.offsets)

    @property
    def last_at(self) -> npt.NDArray[np.int64]:
        """When each product was last bought."""
        return self.basket_at[self.offsets[1:] - 1]

    def of_customers(self, number: int) -> npt.NDArray[np.int64]:
        """Where each customer's pairs begin, and where the last one's end."""
        return np.searchsorted(self.row, np.arange(number + 1)).astype(np.int64)


@dataclass(frozen=True)
class Baskets:
    """Lines of the same customer at the same instant; a product may stand in it twice."""

    offsets: npt.NDArray[np.int64]
    """Lines of basket `b` are `offsets[b]:offsets[b + 1]`."""
    product: npt.NDArray[np.int32]
    at: npt.NDArray[np.int64]
    """Instants, shape (baskets,)."""
    row: npt.NDArray[np.int64]
    """Place of each basket's customer."""


@dataclass(frozen=True)
class Histories:
    """Lines of many customers, customer after customer, each in time order."""

    offsets: npt.NDArray[np.int64]
    """Lines of customer `i` are `offsets[i]:offsets[i + 1]`."""
    product: npt.NDArray[np.int32]
    at: npt.NDArray[np.int64]
    until: npt.NDArray[np.int64]
    """Each customer's instant; nothing here happened at or after it."""
    bought: npt.NDArray[np.bool_]
    """False where the lines are what a visitor looked at, for want of any purchase."""
    looks: Looks
    channel: npt.NDArray[np.uint8]
    """Code of the channel of each customer's last order, or look where there is no order; 0 where
    neither is known."""
    region: npt.NDArray[np.int32]
    """Where each customer is from: a number that stands for a country; NOT_KNOWN if it is not."""
    catalog: Catalog
    """The numbering of the products."""
    marks: Marks = field(default_factory=Marks.none)
    """What stands for each customer where something of them is kept; see `Timelines.marks`."""

    def __len__(self) -> int:
        return len(self.until)

    @property
    def n_products(self) -> int:
        """The size of the catalogue, variants included."""
        return len(self.catalog)

    @classmethod
    def of(
        cls,
        timelines: Timelines,
        customers: npt.NDArray[np.int64],
        instants: npt.NDArray[np.int64],
        catalog: Catalog,
    ) -> "Histories":
        """What customers (places in `timelines`) did, each before its own instant."""
        rows = timelines.rows
        home, told = _rows_of(timelines, customers, TELLS_REGION)
        keep = visible(rows.at[told], rows.known_at[told], rows.known_until[told], instants[home])
        region = np.full(len(customers), NOT_KNOWN, np.int32)
        _settle(region, home[keep], rows.measure[told[keep]])
        owner, place = _rows_of(timelines, customers, (LINE, *LOOKS))
        named = rows.product[place] >= 0
        owner, place = owner[named], place[named]
        keep = visible(
            rows.at[place], rows.known_at[place], rows.known_until[place], instants[owner]
        )
        owner, place = owner[keep], place[keep]
        is_line = rows.type[place] == LINE
        looked = ~is_line
        everyone = np.arange(len(customers) + 1)
        channel = np.zeros(len(customers), np.uint8)
        for of_kind in (looked, is_line):  # of one place's several values the last is kept
            channel[owner[of_kind]] = rows.channel[place[of_kind]]
        return cls(
            offsets=np.searchsorted(owner[is_line], everyone).astype(np.int64),
            product=catalog.parent[rows.product[place[is_line]]],
            at=np.asarray(rows.at[place[is_line]], np.int64),
            until=np.asarray(instants, np.int64),
            bought=np.ones(len(customers), np.bool_),
            looks=Looks(
                np.searchsorted(owner[looked], everyone).astype(np.int64),
                catalog.parent[rows.product[place[looked]]],
                np.asarray(rows.at[place[looked]], np.int64),
            ),
            channel=channel,
            region=region,
            catalog=catalog,
            marks=timelines.marks.taken(customers),
        )

    @classmethod
    def one(
        cls, timeline: Timeline, at: int, catalog: Catalog, *, country: str | None = None
    ) -> "Histories":
        """One customer's history just before an instant.

        For someone who has bought nothing yet, the products looked at or put into the cart
        stand in, so that a first-time visitor is not shown best-sellers only.

        Arguments:
            timeline: the customer's.
            at: int64 ms UTC.
            catalog: the numbering of the products.
            country: where the customer is, if it is not known from the events alone.
        """
        known = timeline.before(at) & (timeline.product >= 0)
        keep = np.flatnonzero(known & (timeline.type == LINE))
        looked = np.flatnonzero(known & _among(timeline.type, LOOKS))
        bought = len(keep) > 0
        if not bought:
            keep = looked
        region = np.full(1, NOT_KNOWN if country is None else texts.number(country), np.int32)
        if country is None and (told := _among(timeline.type, TELLS_REGION)).any():
            said = timeline.measure[told & timeline.before(at)]
            _settle(region, np.zeros(len(said), np.int64), said)
        return cls(
            offsets=np.array([0, len(keep)], np.int64),
            product=catalog.parent[timeline.product[keep]],
            at=timeline.at[keep],
            until=np.array([at], np.int64),
            bought=np.array([bought]),
            looks=Looks(
                np.array([0, len(looked)], np.int64),
                catalog.parent[timeline.product[looked]],
                timeline.at[looked],
            ),
            channel=timeline.channel[keep[-1:]] if len(keep) else np.zeros(1, np.uint8),
            region=region,
            catalog=catalog,
        )

    @classmethod
    def of_products(
        cls,
        products: Sequence[int] | npt.NDArray[np.int32],
        at: int,
        catalog: Catalog,
        *,
        bought: bool = True,
    ) -> "Histories":
        """The history of somebody who had just these products a moment ago, in one basket.

        Generators that are asked about it say what goes with a product's page, a cart or an
        order.

        Arguments:
            products: by catalogue index, the latest last.
            at: int64 ms UTC.
            catalog: the numbering of the products.
            bought: whether they count as bought, beside looked at.
        """
        product = catalog.parent[np.asarray(products, np.int32)]
        before = np.full(len(product), at - 1, np.int64)
        offsets = np.array([0, len(product)], np.int64)
        return cls(
            offsets=offsets,
            product=product,
            at=before,
            until=np.array([at], np.int64),
            bought=np.array([bought]),
            looks=Looks(offsets, product, before),
            channel=np.zeros(1, np.uint8),
            region=np.full(1, NOT_KNOWN, np.int32),
            catalog=catalog,
        )

    def part(self, begin: int, end: int) -> "Histories":
        """Customers `begin` to `end` (exclusive)."""
        kept = slice(int(self.offsets[begin]), int(self.offsets[min(end, len(self))]))
        return Histories(
            offsets=self.offsets[begin : end + 1] - self.offsets[begin],
            product=self.product[kept],
            at=self.at[kept],
            until=self.until[begin:end],
            bought=self.bought[begin:end],
            looks=self.looks.part(begin, end),
            channel=self.channel[begin:end],
            region=self.region[begin:end],
            catalog=self.catalog,
            marks=self.marks.taken(slice(begin, end)),
        )

    @cached_property
    def sessions(self) -> Sessions:
        """All sessions, customer after customer, each in time order."""
        return self.looks.sessions()

    @cached_property
    def baskets(self) -> Baskets:
        """All baskets, customer after customer, each in time order."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        begin = np.flatnonzero(_changes(owner) | _changes(self.at))
        offsets = np.append(begin, len(owner)).astype(np.int64)
        return Baskets(offsets, self.product, self.at[begin], owner[begin])

    @cached_property
    def purchases(self) -> Purchases:
        """Distinct customer × product pairs with the instants of their baskets."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        order = np.lexsort((self.at, self.product, owner))
        owner, product, at = owner[order], self.product[order], self.at[order]
        new_pair = _changes(owner) | _changes(product)
        basket = np.flatnonzero(new_pair | _changes(at))
        begin = np.flatnonzero(new_pair[basket])
        pair = basket[begin]
        return Purchases(
            row=owner[pair],
            product=product[pair],
            basket_at=at[basket],
            offsets=np.append(begin, len(basket)).astype(np.int64),
        )

    def decayed(self, half_life_days: float) -> npt.NDArray[np.float32]:
        """For each pair of `purchases` its baskets, each halved per `half_life_days` of age.

        Computed once: several generators ask for it, and the reasons of a list item by item.
        """
        if half_life_days not in self._decayed:
            self._decayed[half_life_days] = self._baskets(half_life_days)
        return self._decayed[half_life_days]

    @cached_property
    def _decayed(self) -> dict[float, npt.NDArray[np.float32]]:
        return {}

    def _baskets(self, half_life_days: float) -> npt.NDArray[np.float32]:
        pairs = self.purchases
        if not len(pairs.row):
            return np.empty(0, np.float32)
        until = np.repeat(self.until[pairs.row], pairs.baskets)
        age = (until - pairs.basket_at) / (half_life_days * DAY_MS)
        return np.add.reduceat(np.exp2(-age), pairs.offsets[:-1]).astype(np.float32)

    def matrix(self, weights: npt.NDArray[np.float32]) -> sp.csr_matrix:
        """Customers × products with one weight per pair of `purchases`, float32."""
        pairs = self.purchases
        offsets = pairs.of_customers(len(self))
        return sp.csr_matrix(
            (np.asarray(weights, np.float32), pairs.product, offsets),
            shape=(len(self), self.n_products),
        )


def lines(
    timelines: Timelines, customers: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Order lines with a product: the owner's place in `customers` and the row's place."""
    owner, place = _rows_of(timelines, customers, (LINE,))
    named = timelines.rows.product[place] >= 0
    return owner[named], place[named]


def _rows_of(
    timelines: Timelines, customers: npt.NDArray[np.int64], types: tuple[int, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    owner, place = timelines.rows_of(customers)
    wanted = np.isin(timelines.rows.type[place], types)
    return owner[wanted], place[wanted]


def _settle(
    region: npt.NDArray[np.int32],
    owner: npt.NDArray[np.int64],
    told: npt.NDArray[np.float32],
) -> None:
    """Write down where customers are from by what was told, in the order of time."""
    known = ~np.isnan(told)
    region[owner[known]] = told[known].astype(np.int32)  # of several the last is kept


def _changes(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """True where a value differs from the one before it, and at the start."""
    out = np.ones(len(values), np.bool_)
    out[1:] = values[1:] != values[:-1]
    return out


def _among(types: npt.NDArray[np.uint8], codes: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which rows are of these types: of one customer's few, many times as fast as `np.isin`."""
    out = np.zeros(len(types), np.bool_)
    for code in codes:
        out |= types == code
    return out
