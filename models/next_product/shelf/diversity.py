"""Lists that do not show the same thing ten times: maximal marginal relevance.

Source: Carbonell and Goldstein, The use of MMR, diversity-based reranking for reordering
documents and producing summaries (1998).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from models.next_product.shelf.kept import Kept
from models.next_product.shelf.slots import alike, depths, diverse

SEPARATOR = " > "


@dataclass(frozen=True)
class Kinds:
    """What products are compared by."""

    path: npt.NDArray[np.int32]
    """The categories they are in, outermost first, shape (products, levels); -1 below the last."""
    brand: npt.NDArray[np.int32]
    """-1 where there is none."""
    vectors: npt.NDArray[np.float32]
    """Of the products' contents, each of length 1, shape (products, size); size 0 for none."""

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        products: npt.NDArray[np.int32],
        vectors: npt.NDArray[np.float32] | None = None,
    ) -> "Kinds":
        """Of some products.

        Arguments:
            catalog: their categories and brands.
            products: by catalogue index, shape (n,).
            vectors: of their contents, shape (n, size), each of length 1.
        """
        if vectors is None:
            vectors = np.empty((len(products), 0), np.float32)
        path = _levels.get(catalog, (), lambda: _paths(catalog))[catalog.category[products]]
        return cls(path, catalog.brand[products], np.ascontiguousarray(vectors, np.float32))


def mmr(
    relevance: npt.NDArray[np.float64], kinds: Kinds, k: int, trade_off: float
) -> npt.NDArray[np.int64]:
    """Places of the `k` items that are relevant and unlike each other, the best first.

    Arguments:
        relevance: at least 0, shape (n,); it is compared by its share of the highest.
        kinds: what makes the items alike.
        k: how many.
        trade_off: λ: 1 orders by relevance alone; of equal items the earlier comes first.
    """
    order: npt.NDArray[np.int64] = diverse(
        _shares(relevance),
        kinds.path,
        kinds.brand,
        kinds.vectors,
        min(k, len(relevance)),
        trade_off,
    )
    return order


def similarity(kinds: Kinds, one: int, other: int) -> float:
    """How alike two products are, 0 to 1.

    With vectors their cosine, at least 0; otherwise the mean of the part of their category
    paths that is equal from the outermost on, and of whether their brand is.
    """
    return float(alike(kinds.path, depths(kinds.path), kinds.brand, kinds.vectors, one, other))


def _shares(relevance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    highest = relevance.max(initial=0.0)
    return relevance / highest if highest > 0 else np.asarray(relevance, np.float64)


_levels: Kept[npt.NDArray[np.int32]] = Kept(1)


def _paths(catalog: Catalog) -> npt.NDArray[np.int32]:
    """Categories of each category's path, by category; the last row, of none, is -1."""
    paths = [name.split(SEPARATOR) for name in catalog.categories]
    levels = max((len(path) for path in paths), default=0)
    out = np.full((len(paths) + 1, levels), -1, np.int32)
    numbers: dict[tuple[str, ...], int] = {}
    for row, path in enumerate(paths):
        for level in range(len(path)):
            beginning = tuple(path[: level + 1])
            out[row, level] = numbers.setdefault(beginning, len(numbers))
    return out
