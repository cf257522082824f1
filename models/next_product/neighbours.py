"""Products that the same customers buy as what this customer bought."""

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from features.catalog import Catalog
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.candidate import Candidates, Scores
from models.next_product.history import Histories

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
        self.similarity_ = sp.csr_matrix((0, 0), dtype=np.float32)

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
        self.similarity_ = similarity
        self.n_products_ = histories.n_products
        return self

    def scores(self, histories: Histories) -> Scores:
        """Similarities to the products bought, summed by how lately; see `Candidates.scores`."""
        bought = self._weights(histories)
        return np.asarray((bought @ self.similarity_).toarray(), np.float32)

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """Names the purchase that speaks most for the product; see `Candidates.reason`."""
        bought = self._weights(history)
        share = bought.data * self._similarity(bought.indices, product)
        title = catalog.title(int(bought.indices[int(np.argmax(share))]))
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
        write_array(folder, "offsets", self.similarity_.indptr.astype(np.int32))
        write_array(folder, "products", self.similarity_.indices.astype(np.int32))
        write_array(folder, "weights", self.similarity_.data)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        out = cls(**read_settings(folder))
        offsets: npt.NDArray[np.int32] = read_array(folder, "offsets")
        size = len(offsets) - 1
        out.similarity_ = sp.csr_matrix(
            (read_array(folder, "weights"), read_array(folder, "products"), offsets),
            shape=(size, size),
        )
        out.n_products_ = size
        return out

    def _similarity(self, products: npt.NDArray[np.int32], other: int) -> npt.NDArray[np.float32]:
        """Similarity of each product to another one; read off the rows, as slicing is slow."""
        out = np.zeros(len(products), np.float32)
        offsets = self.similarity_.indptr
        for i, product in enumerate(products.tolist()):
            part = slice(offsets[product], offsets[product + 1])
            row = self.similarity_.indices[part]
            place = int(np.searchsorted(row, other))
            if place < len(row) and row[place] == other:
                out[i] = self.similarity_.data[part][place]
        return out

    def _weights(self, histories: Histories) -> sp.csr_matrix:
        """Customers × known products: baskets by how long ago they were."""
        weights = histories.decayed_matrix(self.half_life_days)
        if histories.n_products > self.n_products_:
            weights = weights[:, : self.n_products_]
        return weights


def _weighted(baskets: sp.csr_matrix, weighting: Weighting) -> sp.csr_matrix:
    """Customers × products, weighted so that products compare by their dot product."""
    from implicit.nearest_neighbours import bm25_weight, normalize, tfidf_weight

    weight = {"tfidf": tfidf_weight, "bm25": bm25_weight, "cosine": sp.coo_matrix}[weighting]
    weighted = weight(baskets.T.astype(np.float64))
    # in a tiny shop a customer may have bought nearly everything; that weighs nothing, not less
    weighted.data = np.maximum(weighted.data, 1e-9)
    return (weighted if weighting == "bm25" else normalize(weighted)).T.tocsr()
