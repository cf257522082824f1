"""What the lists of one page share: it is computed when the first of them needs it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from features.cart import cart
from features.catalog import Catalog
from features.compute import vector
from features.errors import InputError
from features.events.schema import schema
from features.pairs import pairs
from features.reference import Reference
from features.timeline import Timeline
from models.declared import features_named
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Lists, Opinions, Shown, Sparse
from models.next_product.query import Ask, Query
from models.next_product.regional import Regional
from models.next_product.rows import Proposals, assemble, propose
from models.next_product.shelf.filters import Mask
from models.next_product.shelf.refills import Refills
from models.next_product.shelf.showing import in_order
from models.next_product.shelf.variants import tastes
from models.next_product.shelf.withheld import Personal

if TYPE_CHECKING:
    from models.next_product.pipeline import NextProductModel

COLD = ("content", "arrivals")
"""Generators that have an opinion of products that nobody has bought yet."""

MOST_STAY = 0.9
"""Of a list's candidates, so that they are another list's, too; what has gone is among the first
of them, and what would come instead among the last."""

MARGIN = "margin"
"""The attribute that says which part of a product's price the shop keeps, 0 to 1."""

_LINE = schema().code("Order Line")


@dataclass(frozen=True)
class Judged:
    """Candidates as the ranker sees them."""

    proposals: Proposals
    score: npt.NDArray[np.float64]
    """At least 0, shape (candidates,)."""
    rows: npt.NDArray[np.float32]
    columns: Sequence[str]

    @classmethod
    def nothing(cls, columns: Sequence[str]) -> "Judged":
        """Of a stranger, of whom nothing is known to judge by."""
        none = Proposals(np.zeros(2, np.int64), np.empty(0, np.int32), np.empty((0, 0), np.float32))
        return cls(none, np.empty(0, np.float64), np.empty((0, len(columns)), np.float32), columns)

    @property
    def products(self) -> npt.NDArray[np.int32]:
        """Parents, rising."""
        return self.proposals.products

    def of(self, products: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """The score of each product; 0 for one that was not judged."""
        if not len(self.products):
            return np.zeros(len(products))
        place = np.minimum(np.searchsorted(self.products, products), len(self.products) - 1)
        return np.where(self.products[place] == products, self.score[place], 0.0)

    def place(self, product: int) -> int | None:
        """Where a product stands; None where it was not judged."""
        place = int(self.products.searchsorted(product))
        there = place < len(self.products) and self.products[place] == product
        return place if there else None

    def only(self, kept: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "Judged":
        """Some of these, in order."""
        products, opinions = self.proposals.products[kept], self.proposals.opinions[kept]
        proposals = Proposals(np.array([0, len(products)], np.int64), products, opinions)
        return replace(self, proposals=proposals, score=self.score[kept], rows=self.rows[kept])

    def joined(self, other: "Judged") -> "Judged":
        """These and others, none of which is among them."""
        mine, theirs = self.proposals, other.proposals
        products = np.concatenate([mine.products, theirs.products])
        opinions = np.concatenate([mine.opinions, theirs.opinions])
        both = replace(
            self,
            proposals=Proposals(np.array([0, len(products)], np.int64), products, opinions),
            score=np.concatenate([self.score, other.score]),
            rows=np.concatenate([self.rows, other.rows]),
        )
        return both.only(np.argsort(products, kind="stable"))

    def row(self, product: int) -> Mapping[str, float] | None:
        """What the ranker saw of a product."""
        place = self.place(product)
        if place is None:
            return None
        return dict(zip(self.columns, map(float, self.rows[place]), strict=True))


class Visit:
    """One customer at one instant, asking for a page."""

    def __init__(
        self,
        model: "NextProductModel",
        timeline: Timeline,
        at: int,
        query: Query,
        catalog: Catalog,
        reference: Reference,
    ) -> None:
        self.model = model
        self.timeline = timeline
        self.at = at
        self.query = query
        self.catalog = catalog
        self.reference = reference
        self.refills: Refills = model.refills_.extended(catalog)
        self._opinions: dict[str, Opinions] = {}
        self._latest: tuple[Shown, Judged] | None = None

    @cached_property
    def history(self) -> Histories:
        """What the customer bought, or looked at."""
        country = self.query.country
        return Histories.one(self.timeline, self.at, self.catalog, country=country)

    @property
    def known(self) -> bool:
        """Whether anything is known that candidates can come from."""
        return len(self.history.product) > 0

    def opinion(self, generator: Candidates) -> Opinions:
        """What a generator thinks, for this customer."""
        if generator.name not in self._opinions:
            self._opinions[generator.name] = generator.opinions(self.history)
        return self._opinions[generator.name]

    @cached_property
    def personal(self) -> Personal:
        """What must not be shown for what the customer did."""
        return Personal.of_one(self.timeline, self.at, self.catalog, self.refills)

    @cached_property
    def cart(self) -> Sequence[int]:
        """What is in the cart: parents, in the order of adding."""
        if not len(self.timeline):
            return ()
        product = cart(self.timeline, self.at, self.catalog.parent).product
        held = self.catalog.parent[product[product >= 0]]
        return tuple(dict.fromkeys(held.tolist()))

    @cached_property
    def taste(self) -> Mapping[str, Counter[str]]:
        """Sizes and colours that the customer bought."""
        rows = (self.timeline.type == _LINE) & (self.timeline.product >= 0)
        return tastes(self.timeline.product[rows & self.timeline.before(self.at)], self.catalog)

    def anchors(self, ask: Ask) -> Sequence[int]:
        """What a list is about: parents; of search results the products themselves.

        A cart is what the customer's events say where the caller does not; an order likewise.

        Raises:
            InputError: one of them is no place of the catalogue.
        """
        for product in ask.anchors:
            if not 0 <= product < len(self.catalog):
                raise InputError(
                    f"anchor {product}: the catalogue has products 0 to {len(self.catalog) - 1:,}"
                )
        if ask.placement.anchor == "none":
            return ()
        if ask.placement.anchor == "results":
            return tuple(dict.fromkeys(ask.anchors))
        if ask.anchors or ask.placement.anchor == "product":
            return tuple(dict.fromkeys(self.catalog.parent[list(ask.anchors)].tolist()))
        if ask.placement.anchor == "cart":
            return self.cart
        last = self.timeline.at[(self.timeline.type == _LINE) & self.timeline.before(self.at)]
        if not len(last):
            return ()
        of_order = (self.timeline.type == _LINE) & (self.timeline.at == last[-1])
        product = self.timeline.product[of_order & (self.timeline.product >= 0)]
        return tuple(dict.fromkeys(self.catalog.parent[product].tolist()))

    def judged(
        self,
        shown: Shown,
        also: Collection[int] | npt.NDArray[np.int32] = (),
        *,
        remembered: bool = True,
    ) -> Judged:
        """The customer's candidates and further products, as the ranker judges them.

        What was judged for an earlier list of the page is not judged again.

        Arguments:
            shown: what candidates are drawn from, the same for everyone.
            also: further products (parents).
            remembered: whether it is a list of the page, by which later ones may go.
        """
        if not self.known:
            return Judged.nothing(self.model.columns)
        further = np.unique(np.asarray(also, np.int32))
        if self._latest is None or not _covers(*self._latest, shown):
            found = self._judge(self.model.candidates, shown, further)
            if remembered:
                self._latest = shown, found
            return found
        before, found = self._latest
        proposed = ~np.isnan(found.proposals.places).all(axis=1)
        again = found.only(
            shown.everyone[found.products] & (proposed | np.isin(found.products, further))
        )
        missing = further[~np.isin(further, again.products)]
        if not len(missing):
            return again
        # the first of each generator, too, since scores are told as shares of its best
        more = self._judge(1, before, missing)
        return again.joined(more.only(np.isin(more.products, missing)))

    def _judge(self, depth: int, shown: Shown, further: npt.NDArray[np.int32]) -> Judged:
        offsets = np.array([0, len(further)], np.int64)
        lists = Lists(offsets, further, np.zeros(len(further), np.float32))
        opinions = [self.opinion(generator) for generator in self.model.generators]
        proposals = propose(opinions, depth, shown, np.ones(1, np.bool_), lists)
        rows = assemble(
            proposals,
            pairs(self.timeline, self.at, proposals.products, self.catalog, self.reference),
            self._customer,
            np.array([self.at], np.int64),
            self.catalog,
        )
        return Judged(proposals, self.model.score(rows, proposals), rows, self.model.columns)

    @cached_property
    def _customer(self) -> npt.NDArray[np.float32]:
        features = features_named(self.model.customer_features_)
        row = vector(self.timeline, self.at, self.catalog, self.reference, features=features)
        return row[None, :]

    @cached_property
    def liked_by_all(self) -> Candidates:
        """The generator that says what a stranger is shown; of their country, if that is known."""
        for generator in self.model.generators:
            if isinstance(generator, Regional):
                found = self.opinion(generator)
                if isinstance(found, Sparse) and len(found.products):
                    return generator
        return self.model.popular

    def popular(self, free: Mask) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """What a stranger is shown: products by how popular they are, the best at 1."""
        found = self.opinion(self.liked_by_all).top(self.model.candidates, Shown.alike(free, 1))
        best = found.scores[0] if len(found.scores) else 1.0
        return found.products, np.asarray(found.scores / best, np.float64)

    def is_liked(self, product: int) -> bool:
        """Whether a product is one of those that a stranger is shown."""
        opinion, one = self.opinion(self.liked_by_all), np.array([product], np.int32)
        return bool(opinion.of(np.array([0, 1], np.int64), one)[0] > 0)

    def fillers(self, free: Mask, count: int) -> npt.NDArray[np.int32]:
        """The first products of those that fill up which may be shown."""
        order, _ = in_order(self.model.popular, self.catalog)
        found, begin, step = np.empty(0, np.int32), 0, 4 * count + 64
        while len(found) < count and begin < len(order):
            part = order[begin : begin + step]
            found = np.concatenate([found, part[free[part]]])
            begin, step = begin + step, step * 4
        return found[:count]

    def leading(self, mask: Mask, count: int) -> npt.NDArray[np.int32]:
        """The products of a mask that fill up first."""
        _, rank = in_order(self.model.popular, self.catalog)
        found = np.flatnonzero(mask)
        return found[np.argsort(rank[found])[:count]].astype(np.int32)

    def of_kind(
        self, products: npt.NDArray[np.int32], anchors: Sequence[int]
    ) -> npt.NDArray[np.int32]:
        """Products of the anchors' categories; all where there is no anchor."""
        if not anchors:
            return products
        categories = self.catalog.category[list(anchors)]
        return products[np.isin(self.catalog.category[products], categories[categories >= 0])]

    def liked(self, products: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """What the generators that know new products think of some."""
        out = np.zeros(len(products), np.float32)
        offsets = np.array([0, len(products)], np.int64)
        if self.known:
            for generator in self.model.generators:
                if generator.name in COLD:
                    out += self.opinion(generator).of(offsets, products)
        return out

    def worth(self, products: npt.NDArray[np.int32], margin: float) -> npt.NDArray[np.float64]:
        """What the shop keeps of each product's price, in its currency; NaN without any price.

        Arguments:
            products: parents.
            margin: of products without the attribute.
        """
        price = self.catalog.price[products].astype(np.float64)
        paid = self.reference.product_price[products]
        price = np.where(np.isnan(price), paid, price)
        kept = np.full(len(products), margin)
        if MARGIN in self.catalog.attributes.names:
            own = self.catalog.attributes.number(MARGIN)[products]
            kept = np.where((own >= 0) & (own <= 1), own, margin)
        return np.asarray(price * kept, np.float64)


def _covers(before: Shown, found: Judged, shown: Shown) -> bool:
    """Whether a list's candidates are another's: it may show no others, and nearly all of them."""
    if (shown.everyone & ~before.everyone).any():
        return False
    stays = shown.everyone[found.products]
    return bool(stays.sum() >= MOST_STAY * len(stays))
