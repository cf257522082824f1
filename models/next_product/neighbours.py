"""Products that the same customers buy as what this customer bought."""

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from features.catalog import Catalog
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Sparse

_NO_PAIRS = (np.empty(0, np.int32), np.empty(0, np.float32))

Weighting = Literal["tfidf", "bm25", "cosine"]


class Neighbours(Candidates):
    """Item-item nearest neighbours over customers, from the library implicit.

    Arguments:
        neighbours: how many similar products are kept per product.
        weighting: how purchases are weighted before products are compared.
        half_life_days: after how many days a basket of the customer counts half.
        threads: of fitting; the result does not depend on them.
    """

    name: ClassVar[str] = "neighbours"

    def __init__(
        self,
        neighbours: int = 100,
        weighting: Weighting = "tfidf",
        half_life_days: float = 180.0,
        threads: int = 2,
    ) -> None:
        self.neighbours = neighbours
        self.weighting: Weighting = weighting
        self.half_life_days = half_life_days
        self.threads = threads
        self.similarity_ = Sparse(np.zeros(1, np.int64), *_NO_PAIRS, 0)

    def fit(self, histories: Histories) -> Self:
        """Compare all products by who bought them; see `Candidates.fit`."""
        # imported here because only training needs it, and it starts worker threads
        from implicit.nearest_neighbours import all_pairs_knn

        baskets = histories.matrix(histories.purchases.baskets.astype(np.float32))
        # one more than asked for, since every product is its own nearest neighbour
        similarity = all_pairs_knn(
            _weighted(baskets, self.weighting),
            self.neighbours + 1,
            show_progress=False,
            num_threads=self.threads,
        )
        similarity = similarity.astype(np.float32).tocsr()
        similarity.setdiag(0)
        similarity.eliminate_zeros()
        similarity.sort_indices()
        self.similarity_ = Sparse(
            similarity.indptr.astype(np.int64),
            similarity.indices.astype(np.int32),
            similarity.data,
            histories.n_products,
        )
        self.n_products_ = histories.n_products
        return self

    def opinions(self, histories: Histories) -> Sparse:
        """Similarities to the products bought, summed by how lately; see `Candidates.opinions`."""
        bought = histories.purchases
        weights = histories.decayed(self.half_life_days)
        return Sparse.passed_on(
            bought.of_customers(len(histories)), bought.product, weights, self.similarity_
        )

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """Names the purchase that speaks most for the product; see `Candidates.reason`."""
        bought = history.purchases.product
        share = history.decayed(self.half_life_days) * self._similarity(bought, product)
        title = catalog.title(int(bought[int(np.argmax(share))]))
        return f"Often bought with {title}"

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        settings: dict[str, Any] = {
            "neighbours": self.neighbours,
            "weighting": self.weighting,
            "half_life_days": self.half_life_days,
            "threads": self.threads,
        }
        write_settings(folder, settings)
        write_array(folder, "offsets", self.similarity_.offsets)
        write_array(folder, "products", self.similarity_.products)
        write_array(folder, "weights", self.similarity_.scores)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        out = cls(**read_settings(folder))
        offsets, products, weights = (
            read_array(folder, name, mode="c") for name in ("offsets", "products", "weights")
        )
        out.n_products_ = len(offsets) - 1
        out.similarity_ = Sparse(offsets, products, weights, out.n_products_)
        return out

    def _similarity(self, products: npt.NDArray[np.int32], other: int) -> npt.NDArray[np.float32]:
        """Similarity of each product to another one; read off the rows, as slicing is slow."""
        out = np.zeros(len(products), np.float32)
        pairs = self.similarity_
        for i, product in enumerate(products.tolist()):
            if product >= self.n_products_:
                continue
            part = slice(pairs.offsets[product], pairs.offsets[product + 1])
            row = pairs.products[part]
            place = int(np.searchsorted(row, other))
            if place < len(row) and row[place] == other:
                out[i] = pairs.scores[part][place]
        return out


def _weighted(baskets: sp.csr_matrix, weighting: Weighting) -> sp.csr_matrix:
    """Customers × products, weighted so that products compare by their dot product."""
    from implicit.nearest_neighbours import bm25_weight, normalize, tfidf_weight

    weight = {"tfidf": tfidf_weight, "bm25": bm25_weight, "cosine": sp.coo_matrix}[weighting]
    weighted = weight(baskets.T.astype(np.float64))
    # in a tiny shop a customer may have bought nearly everything; that weighs nothing, not less
    weighted.data = np.maximum(weighted.data, 1e-9)
    return (weighted if weighting == "bm25" else normalize(weighted)).T.tocsr()
