"""Which variant of a product suits a customer: their size, their colour, else the cheapest."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from models.next_product.shelf.filters import Mask
from models.next_product.shelf.kept import Kept

BOUGHT = 500
"""Order lines, the latest, from which a customer's sizes and colours are read."""


def tastes(bought: npt.NDArray[np.int32], catalog: Catalog) -> Mapping[str, Counter[str]]:
    """How often a customer bought each value of each attribute.

    Arguments:
        bought: variants as ordered, the latest last.
        catalog: their attributes.
    """
    out: dict[str, Counter[str]] = {}
    for product, times in Counter(bought[-BOUGHT:].tolist()).items():
        for name, value in catalog.attributes.of(product).items():
            if isinstance(value, str):
                out.setdefault(name, Counter())[value.casefold()] += times
    return out


def best_variant(
    parent: int, catalog: Catalog, allowed: Mask, taste: Mapping[str, Counter[str]]
) -> int:
    """The variant to list for a product; the product itself where it has none that may be shown.

    Arguments:
        parent: its catalogue index.
        catalog: the present one.
        allowed: which variants can be bought and pass, shape (products,).
        taste: the customer's, see `tastes`.
    """
    family = [variant for variant in _family(parent, catalog) if allowed[variant]]
    sold = [variant for variant in family if variant != parent] or family
    if len(sold) < 2:
        return sold[0] if sold else parent
    described = [catalog.attributes.of(variant) for variant in sold]

    def liking(attributes: Mapping[str, object]) -> float:
        """The share of the customer's purchases with the same value, over what differs."""
        shares = 0.0
        for name, counts in taste.items():
            values = {str(each.get(name)).casefold() for each in described}
            if len(values) > 1:
                shares += counts[str(attributes.get(name)).casefold()] / counts.total()
        return shares

    def price(variant: int) -> float:
        value = float(catalog.price[variant])
        return value if value == value else np.inf

    places = range(len(sold))
    return sold[min(places, key=lambda i: (-liking(described[i]), price(sold[i]), sold[i]))]


def _family(parent: int, catalog: Catalog) -> Sequence[int]:
    """A product and its variants."""
    order, begin = _families.get(catalog, (), lambda: _sorted(catalog.parent))
    return [int(i) for i in order[begin[parent] : begin[parent + 1]]]


def _sorted(
    parent: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    order = np.argsort(parent, kind="stable")
    return order, np.searchsorted(parent[order], np.arange(len(parent) + 1))


_families: Kept[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = Kept(1)
