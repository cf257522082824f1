"""The product catalogue: what the shop sells, and the shared numbering of products.

A product's index is its place in the catalogue and never changes: products are only
appended. Event log, timelines, bundles and the service therefore mean the same product by
the same index as long as one catalogue extends the other.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.attributes import Attributes
from features.columns import Columns as C
from features.columns import ProductId
from features.errors import InputError, StorageError, shown

SCHEMA = pa.schema(
    [
        pa.field(C.PRODUCT_ID, pa.string(), nullable=False),
        pa.field(C.PARENT_ID, pa.string()),
        pa.field(C.TITLE, pa.string()),
        pa.field(C.CATEGORY, pa.string()),
        pa.field(C.BRAND, pa.string()),
        pa.field(C.PRICE, pa.float64()),
        pa.field(C.ATTRIBUTES, pa.string()),
        pa.field(C.FIRST_SEEN_AT, pa.int64()),
        pa.field(C.AVAILABLE, pa.bool_()),
    ]
)
"""Columns of `catalog.parquet`; attributes are a JSON object, first_seen_at an instant."""

_DICTIONARIES = b"dictionaries"
"""Key of the file's metadata that holds the category and brand numbers."""


@dataclass(frozen=True)
class Product:
    """One product as the shop describes it; `parent_id` groups variants."""

    product_id: ProductId
    parent_id: str | None = None
    title: str | None = None
    category: str | None = None
    """Category path, outermost first: `Garden > Pots`."""
    brand: str | None = None
    price: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    first_seen_at: int | None = None
    available: bool = True


class Catalog:
    """Products in index order, with the arrays that features are computed from."""

    def __init__(self, table: pa.Table, *, before: "Catalog | None" = None) -> None:
        """The catalogue of a table with the columns of SCHEMA.

        Arguments:
            table: products in index order.
            before: the catalogue this one follows; categories and brands keep its numbers.

        Raises:
            InputError: a product id stands there twice.
        """
        self.table = table.select(SCHEMA.names).cast(SCHEMA)
        known = {} if before is None else before._dictionaries
        self._dictionaries: dict[str, list[str]] = {
            column: list(dict.fromkeys([*known.get(column, ()), *_distinct(self.table[column])]))
            for column in (C.CATEGORY, C.BRAND)
        }
        if len(self.index) != len(self):
            raise InputError("the catalogue lists a product id twice; keep one row per id")

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @classmethod
    def of(cls, products: Iterable[Product]) -> "Catalog":
        """A catalogue of these products, in this order."""
        rows = [
            {
                C.PRODUCT_ID: p.product_id,
                C.PARENT_ID: p.parent_id,
                C.TITLE: p.title,
                C.CATEGORY: p.category,
                C.BRAND: p.brand,
                C.PRICE: p.price,
                C.ATTRIBUTES: json.dumps(dict(p.attributes), sort_keys=True),
                C.FIRST_SEEN_AT: p.first_seen_at,
                C.AVAILABLE: p.available,
            }
            for p in products
        ]
        return cls(pa.Table.from_pylist(rows, schema=SCHEMA))

    @classmethod
    def empty(cls) -> "Catalog":
        """A catalogue without products."""
        return cls(SCHEMA.empty_table())

    @classmethod
    def load(cls, path: Path) -> "Catalog":
        """Read `catalog.parquet`.

        Raises:
            StorageError: the file is missing or unreadable.
        """
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            raise StorageError(f"cannot read the catalogue {path}: {error}") from error
        loaded = cls(table)
        held = json.loads((table.schema.metadata or {}).get(_DICTIONARIES, b"{}"))
        for column, names in held.items():
            loaded._dictionaries[column] = list(
                dict.fromkeys([*names, *loaded._dictionaries[column]])
            )
        return loaded

    def save(self, path: Path) -> None:
        """Write `catalog.parquet`."""
        metadata = {_DICTIONARIES: json.dumps(self._dictionaries).encode()}
        pq.write_table(self.table.replace_schema_metadata(metadata), path, compression="zstd")

    def extended(self, products: Sequence[Product]) -> "Catalog":
        """This catalogue with `products` appended, or updated where their id is known."""
        rows = {row[C.PRODUCT_ID]: row for row in self.table.to_pylist()}
        for row in Catalog.of(products).table.to_pylist():
            rows[row[C.PRODUCT_ID]] = {
                **rows.get(row[C.PRODUCT_ID], {}),
                **{name: value for name, value in row.items() if value is not None},
            }
        return Catalog(pa.Table.from_pylist(list(rows.values()), schema=SCHEMA), before=self)

    def changed(self, products: Sequence[Product]) -> "Catalog":
        """This catalogue with known products described anew, in the same places.

        Indices of products, categories and brands stay; new categories and brands follow the
        present ones. What is expensive to build is shared with this catalogue: a price in
        100,000 products changes within a millisecond or two.

        Raises:
            InputError: a product is not in this catalogue.
        """
        rows = {self.find(p.product_id): p for p in products}
        places = np.fromiter(rows, np.int64, len(rows))
        described = Catalog.of(rows.values()).table
        changed = object.__new__(Catalog)
        changed.table = self.table
        changed._dictionaries = self._followed(described)
        changed.__dict__.update(ids=self.ids, index=self.index)
        for column, built in _BUILT_FROM.items():
            new = described[column].combine_chunks()
            if new.equals(self.table[column].take(places).combine_chunks()):
                changed.__dict__.update({name: getattr(self, name) for name in built})
                continue
            changed._replace(column, places, new)
        return changed

    def followed_by(self, products: Sequence[Product]) -> "Catalog":
        """This catalogue with new products after the present ones.

        Indices of products, categories and brands stay; new ones follow.

        Raises:
            InputError: one of them is in the catalogue already.
        """
        more = Catalog.of(products)
        longer = object.__new__(Catalog)
        longer.table = pa.concat_tables([self.table, more.table])
        places = {product_id: len(self) + i for i, product_id in enumerate(more.ids)}
        index = self.index | places
        if len(index) != len(longer):
            raise InputError("the catalogue lists a product id twice; keep one row per id")
        longer.__dict__["index"] = index
        longer._dictionaries = self._followed(more.table)
        for column, codes in ((C.CATEGORY, "category"), (C.BRAND, "brand")):
            longer.__dict__[codes] = np.concatenate(
                [getattr(self, codes), longer._codes(column, more.table)]
            )
        return longer

    def _followed(self, table: pa.Table) -> dict[str, list[str]]:
        """The category and brand numbers with those of a table behind them."""
        return {
            column: list(dict.fromkeys([*names, *_distinct(table[column])]))
            for column, names in self._dictionaries.items()
        }

    def _replace(self, column: str, places: npt.NDArray[np.int64], new: pa.Array) -> None:
        """Put values into a column of the table."""
        here = np.zeros(len(self), np.bool_)
        here[places] = True
        in_order = new.take(pa.array(np.argsort(places)))
        held = pc.replace_with_mask(self.table[column].combine_chunks(), pa.array(here), in_order)
        place = self.table.schema.get_field_index(column)
        self.table = self.table.set_column(place, self.table.schema.field(place), held)

    @cached_property
    def ids(self) -> list[ProductId]:
        """Product ids by index."""
        return [ProductId(i) for i in self.table[C.PRODUCT_ID].to_pylist()]

    @cached_property
    def index(self) -> dict[str, int]:
        """Index by product id."""
        return {product_id: i for i, product_id in enumerate(self.ids)}

    @cached_property
    def parent(self) -> npt.NDArray[np.int32]:
        """For each product the index of the product that stands for it and its variants.

        A parent that is itself in the catalogue stands for its variants; otherwise the
        first variant does, so that there is always something to show.
        """
        out = np.arange(len(self), dtype=np.int32)
        first: dict[str, int] = {}
        for i, parent_id in enumerate(self.table[C.PARENT_ID].to_pylist()):
            if parent_id is not None:
                out[i] = self.index.get(parent_id, first.setdefault(parent_id, i))
        return out

    @cached_property
    def categories(self) -> list[str]:
        """Category paths by category index; a catalogue that follows another keeps its indices."""
        return self._dictionaries[C.CATEGORY]

    @cached_property
    def category(self) -> npt.NDArray[np.int32]:
        """Category index of each product; -1 where it has none."""
        return self._codes(C.CATEGORY)

    @cached_property
    def brands(self) -> list[str]:
        """Brands by brand index; a catalogue that follows another keeps its indices."""
        return self._dictionaries[C.BRAND]

    @cached_property
    def brand(self) -> npt.NDArray[np.int32]:
        """Brand index of each product; -1 where it has none."""
        return self._codes(C.BRAND)

    @cached_property
    def price(self) -> npt.NDArray[np.float32]:
        """List price of each product; NaN where unknown."""
        column = self.table[C.PRICE].to_numpy(zero_copy_only=False)
        return np.asarray(column, dtype=np.float64).astype(np.float32)

    @cached_property
    def first_seen_at(self) -> npt.NDArray[np.int64]:
        """When each product was first seen; 0 where unknown."""
        return np.asarray(self.table[C.FIRST_SEEN_AT].fill_null(0).to_numpy(), dtype=np.int64)

    @cached_property
    def available(self) -> npt.NDArray[np.bool_]:
        """Which products can be bought."""
        column = self.table[C.AVAILABLE].fill_null(True)
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.bool_)

    @cached_property
    def attributes(self) -> Attributes:
        """The products' attributes, read when one is first asked for."""
        return Attributes(self.table[C.ATTRIBUTES])

    def title(self, index: int) -> str:
        """A product's title; its id where it has none."""
        title = self._titles.get(index)
        if title is None:
            title = str(self.table[C.TITLE][index].as_py() or self.ids[index])
            self._titles[index] = title
        return title

    @cached_property
    def _titles(self) -> dict[int, str]:
        """Titles that were asked for: a table gives a single cell slowly."""
        return {}

    def product(self, index: int) -> Product:
        """Everything known about one product."""
        row = {name: self.table[name][index].as_py() for name in SCHEMA.names}
        row[C.ATTRIBUTES] = json.loads(row[C.ATTRIBUTES] or "{}")
        return Product(**row)

    def find(self, product_id: str) -> int:
        """The index of a product id.

        Raises:
            InputError: the catalogue does not know it.
        """
        try:
            return self.index[product_id]
        except KeyError:
            raise InputError(f"the catalogue has no product {shown(product_id)}") from None

    def _codes(self, column: str, table: pa.Table | None = None) -> npt.NDArray[np.int32]:
        names = pa.array(self._dictionaries[column], pa.string())
        held = (self.table if table is None else table)[column]
        codes = pc.index_in(held, value_set=names, skip_nulls=True)
        return np.asarray(codes.fill_null(-1).to_numpy(), dtype=np.int32)


_BUILT_FROM: dict[str, tuple[str, ...]] = {
    C.PARENT_ID: ("parent",),
    C.TITLE: (),
    C.CATEGORY: ("category",),
    C.BRAND: ("brand",),
    C.PRICE: ("price",),
    C.ATTRIBUTES: ("attributes",),
    C.FIRST_SEEN_AT: ("first_seen_at",),
    C.AVAILABLE: ("available",),
}
"""The arrays of a catalogue by the column that they are built from."""


def _distinct(column: pa.ChunkedArray) -> list[str]:
    """The names in a column, in order of first appearance."""
    return [name for name in pc.unique(column).to_pylist() if name is not None]
