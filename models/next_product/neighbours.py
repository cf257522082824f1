"""Products that the same customers buy as what this customer bought."""

from typing import Any, ClassVar, Literal, Self

import numpy as np
import scipy.sparse as sp

from models.next_product.associations import Associations
from models.next_product.history import Histories
from models.next_product.opinions import Sparse

Weighting = Literal["tfidf", "bm25", "cosine"]


class Neighbours(Associations):
    """Item-item nearest neighbours over customers, from the library implicit.

    Arguments:
        neighbours: how many similar products are kept per product.
        weighting: how purchases are weighted before products are compared.
        half_life_days: after how many days a basket of the customer counts half.
        threads: of fitting; the result does not depend on them.
    """

    name: ClassVar[str] = "neighbours"
    phrase: ClassVar[str] = "Often bought with"

    def __init__(
        self,
        neighbours: int = 100,
        weighting: Weighting = "tfidf",
        half_life_days: float = 180.0,
        threads: int = 2,
    ) -> None:
        super().__init__(neighbours, half_life_days)
        self.weighting: Weighting = weighting
        self.threads = threads

    @property
    def settings(self) -> dict[str, Any]:
        """See `Associations.settings`."""
        return super().settings | {"weighting": self.weighting, "threads": self.threads}

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
        self.lists_ = Sparse(
            similarity.indptr.astype(np.int64),
            similarity.indices.astype(np.int32),
            similarity.data,
            histories.n_products,
        )
        self.n_products_ = histories.n_products
        return self


def _weighted(baskets: sp.csr_matrix, weighting: Weighting) -> sp.csr_matrix:
    """Customers × products, weighted so that products compare by their dot product."""
    from implicit.nearest_neighbours import bm25_weight, normalize, tfidf_weight

    weight = {"tfidf": tfidf_weight, "bm25": bm25_weight, "cosine": sp.coo_matrix}[weighting]
    weighted = weight(baskets.T.astype(np.float64))
    # in a tiny shop a customer may have bought nearly everything; that weighs nothing, not less
    weighted.data = np.maximum(weighted.data, 1e-9)
    return (weighted if weighting == "bm25" else normalize(weighted)).T.tocsr()
