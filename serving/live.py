"""What answers are made from right now: the bundle, and the products the store knows beyond it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.catalog import Catalog, Product
from features.compute import vector
from features.reference import Reference
from features.timeline import Timeline
from models.bundle import Bundle


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

    @classmethod
    def of(cls, bundle: Bundle | None, version: str | None, products: Sequence[Product]) -> "Live":
        """The state after a bundle is loaded.

        Arguments:
            bundle: what was published; None when there is nothing, or nothing good.
            version: its version.
            products: the store's dictionary from its beginning.
        """
        catalog = Catalog.empty() if bundle is None else bundle.catalog
        reference = Reference.empty(catalog) if bundle is None else bundle.reference
        bare = cls(bundle, version, catalog, reference, np.empty(0, np.int32))
        return bare.extended(products)

    def extended(self, products: Sequence[Product]) -> "Live":
        """This state with the dictionary's next products."""
        known = self.catalog.index
        new = [product for product in products if product.product_id not in known]
        catalog = self.catalog
        if new:
            catalog = Catalog(pa.concat_tables([catalog.table, Catalog.of(new).table]))
        index = np.array([catalog.index[p.product_id] for p in products], np.int32)
        return replace(
            self,
            catalog=_warmed(catalog),
            reference=_stretched(self.reference, catalog),
            index=np.concatenate([self.index, index]),
        )

    def warm(self) -> None:
        """Compile or load the feature kernel now, so that no request waits for it."""
        vector(Timeline.empty(), 0, self.catalog, self.reference)

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


def _stretched(reference: Reference, catalog: Catalog) -> Reference:
    """Population facts with room for new products and categories, of which nothing is known."""
    products = len(catalog) - len(reference.product_buyers)
    categories = len(catalog.categories) - len(reference.category_price)
    if not products and not categories:
        return reference
    return replace(
        reference,
        category_price=np.pad(reference.category_price, (0, categories), constant_values=np.nan),
        product_gap_days=np.pad(reference.product_gap_days, (0, products), constant_values=np.nan),
        product_buyers=np.pad(reference.product_buyers, (0, products)),
        co_offsets=np.pad(reference.co_offsets, (0, products), mode="edge"),
    )
