"""What answers are made from right now: the bundle, and the products the store knows beyond it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import structlog

from features.cart import cart
from features.catalog import Catalog, Product
from features.compute import vector
from features.errors import InputError
from features.events.schema import schema
from features.lifecycle import STAGE_FEATURES, stage
from features.reference import Reference
from features.timeline import ROW, Timeline
from models.bundle import Bundle
from models.next_product.page import page
from models.next_product.placements import Placement
from models.next_product.query import Ask, Query
from models.next_product.shelf import Rule
from serving.store import FedProduct

log = structlog.get_logger()


@dataclass(frozen=True)
class Live:
    """One consistent state; a request takes it once and keeps it to its end."""

    bundle: Bundle | None
    version: str | None
    """The published model version; None without a bundle."""
    catalog: Catalog
    """The bundle's products, then those that only the store knows."""
    reference: Reference
    """The bundle's population facts, stretched over the whole catalogue."""
    index: npt.NDArray[np.int32]
    """Catalogue index of each product number of the store's dictionary."""
    fed: int = 0
    """The last product feed that it knows of."""
    rules: tuple[Rule, ...] = ()
    """The shop's rules of the shelf, by name."""
    ruled: int = 0
    """The last change of a rule of the shelf that it knows of."""
    trained: int = 0
    """Products of the bundle, the first of the catalogue; their parents are the model's."""

    @classmethod
    def of(
        cls,
        bundle: Bundle | None,
        version: str | None,
        products: Sequence[Product],
        fed: Sequence[FedProduct] = (),
    ) -> "Live":
        """The state after a bundle is loaded.

        Arguments:
            bundle: what was published; None when there is nothing, or nothing good.
            version: its version.
            products: the store's dictionary from its beginning.
            fed: what product feeds said; it is newer than what the bundle was trained with.
        """
        catalog = Catalog.empty() if bundle is None else bundle.catalog
        reference = Reference.empty(catalog) if bundle is None else bundle.reference
        bare = cls(bundle, version, catalog, reference, np.empty(0, np.int32), trained=len(catalog))
        return bare.extended(products).told(fed)

    def extended(self, products: Sequence[Product]) -> "Live":
        """This state with the dictionary's next products."""
        known = self.catalog.index
        new = [product for product in products if product.product_id not in known]
        catalog = self.catalog
        if new:
            catalog = catalog.followed_by(new)
        index = np.array([catalog.index[p.product_id] for p in products], np.int32)
        return replace(
            self,
            bundle=self._placed(catalog),
            catalog=_warmed(catalog),
            reference=self.reference.extended(catalog),
            index=np.concatenate([self.index, index]),
        )

    def told(self, fed: Sequence[FedProduct]) -> "Live":
        """This state with what feeds said of the products it knows.

        Prices, availability, titles, categories and brands change at once. What stands for a
        product of the bundle and its variants stays as it was trained.
        """
        if not fed:
            return self
        index = self.catalog.index
        known = [told.product for told in fed if told.product.product_id in index]
        catalog = self.catalog
        if known:
            catalog = catalog.changed(
                [self._merged(index[product.product_id], product) for product in known]
            )
        return replace(
            self,
            bundle=self._placed(catalog),
            catalog=_warmed(catalog),
            reference=self.reference.extended(catalog),
            fed=max(self.fed, fed[-1].fed),
        )

    def _placed(self, catalog: Catalog) -> Bundle | None:
        """The bundle, whose model knows where the products belong that came after training."""
        if self.bundle is None or self.bundle.next_product is None:
            return self.bundle
        model = self.bundle.next_product.extended(catalog)
        return replace(self.bundle, next_product=model)

    def _merged(self, place: int, told: Product) -> Product:
        """A known product with what a feed says of it; what it does not say stays."""
        held = self.catalog.product(place)
        return replace(
            held,
            parent_id=held.parent_id if place < self.trained else told.parent_id or held.parent_id,
            title=told.title or held.title,
            category=told.category or held.category,
            brand=told.brand or held.brand,
            price=held.price if told.price is None else told.price,
            attributes=told.attributes or held.attributes,
            available=told.available,
        )

    @cached_property
    def followed(self) -> tuple[Rule, ...]:
        """The rules whose filters name fields that the catalogue has."""
        out = []
        for rule in self.rules:
            try:
                rule.concerned(self.catalog)
            except InputError as error:
                log.error("a rule is not followed", rule=rule.name, reason=str(error))
            else:
                out.append(rule)
        return tuple(out)

    def ruled_as(self, other: "Live") -> "Live":
        """This state with the rules of another."""
        return replace(self, rules=other.rules, ruled=other.ruled)

    def warm(self, placements: Collection[Placement] = ()) -> None:
        """Compile or load the kernels now, so that no request waits for them."""
        nothing = Timeline.empty()
        vector(nothing, 0, self.catalog, self.reference)
        cart(nothing, 0, self.catalog.parent)
        stage(vector(nothing, 0, self.catalog, self.reference, features=STAGE_FEATURES))
        model = None if self.bundle is None else self.bundle.next_product
        if model is not None and len(self.catalog):
            asks = [Ask(placement, anchors=[0]) for placement in placements]
            query = Query(asks, rules=self.followed, explain=True, seed="warm")
            at = int(self.catalog.first_seen_at.max()) + 2
            try:
                page(model, _somebody(), at, query, catalog=self.catalog, reference=self.reference)
            except Exception as error:  # as with a request: the service begins all the same
                log.error("the next-product model failed", version=self.version, exc_info=error)

    def lacks(self, timeline: Timeline) -> bool:
        """Whether a stored timeline names a product that this state does not know yet."""
        return bool(len(timeline)) and int(timeline.product.max()) >= len(self.index)

    def translated(self, timeline: Timeline) -> Timeline:
        """A stored timeline in this catalogue's numbering; products it lacks become -1."""
        if self.lacks(timeline):
            known = np.where(timeline.product < len(self.index), timeline.product, -1)
            timeline = replace(timeline, product=known.astype(np.int32))
        return timeline.with_products(self.index)


def _warmed(catalog: Catalog) -> Catalog:
    """The catalogue with its arrays built now, not in the first request."""
    for name in ("index", "parent", "category", "brand", "price", "first_seen_at", "available"):
        getattr(catalog, name)
    return catalog


def _somebody() -> Timeline:
    """Somebody who looked at, was shown and bought the first product."""
    rows = np.zeros(3, ROW)
    names = ("Product Viewed", "Recommendation Shown", "Order Line")
    rows["type"] = [schema().code(name) for name in names]
    rows["value"] = rows["quantity"] = rows["measure"] = 1
    return Timeline.of(rows)
