"""What answers are made from right now: the bundle, and the products the store knows beyond it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import Catalog, Product
from features.columns import Columns as C
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
    """The bundle's products, as the store describes them now, then those only it knows."""
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
        bare = cls(bundle, version, _warmed(catalog), reference, np.empty(0, np.int32))
        return bare.extended(products)

    def extended(self, products: Sequence[Product]) -> "Live":
        """This state with the dictionary's next products, and what it tells of known ones."""
        if not products:
            return self
        known = self.catalog.index
        new = [product for product in products if product.product_id not in known]
        catalog, reference = _told(self.catalog, products), self.reference
        if new:
            table = pa.concat_tables([catalog.table, Catalog.of(new).table])
            catalog = Catalog(table, before=catalog)
        if catalog is not self.catalog:
            reference = reference.extended(catalog)
        index = np.array([catalog.index[p.product_id] for p in products], np.int32)
        return replace(
            self,
            catalog=_warmed(catalog),
            reference=reference,
            index=np.concatenate([self.index, index]),
        )

    def tells_as(self, other: "Live") -> bool:
        """Whether both say the same of the same products."""
        return len(self.index) == len(other.index) and self.catalog.table.equals(
            other.catalog.table
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


def _told(catalog: Catalog, products: Sequence[Product]) -> Catalog:
    """The catalogue with what the store tells of its products; the same one if it tells nothing.

    A product's parent stays: what the models learnt of a product, they learnt at its parent. So
    does when it was first seen: the store may have met it later than the shop did.
    """
    index = catalog.index
    heard = [p for p in products if p.product_id in index and not _bare(p)]
    if not heard:
        return catalog
    row = np.full(len(catalog), -1, np.int64)
    row[[index[p.product_id] for p in heard]] = np.arange(len(heard))
    told = Catalog.of(heard).table.take(pa.array(row, mask=row < 0))
    table = catalog.table
    for name in (C.TITLE, C.CATEGORY, C.BRAND, C.PRICE, C.ATTRIBUTES, C.AVAILABLE):
        value = told[name]
        if name == C.ATTRIBUTES:
            value = pc.if_else(pc.equal(value, "{}"), pa.scalar(None, pa.string()), value)
        value = pc.coalesce(value, table[name])
        table = table.set_column(table.schema.get_field_index(name), name, value)
    return catalog if table.equals(catalog.table) else Catalog(table, before=catalog)


def _bare(product: Product) -> bool:
    """Whether the store knows of the product only that an event named it."""
    return product == Product(product.product_id, first_seen_at=product.first_seen_at)
