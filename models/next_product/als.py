"""Products that suit a customer's taste: matrix factorisation of who bought what."""

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from features.catalog import Catalog
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Factors


class Als(Candidates):
    """Implicit-feedback alternating least squares; customers are folded in when asked for.

    Only the products' factors are kept. A customer's factors are the closed-form solution
    for the present history, so that a new order counts at once and nobody is stored.
    Source: Hu, Koren, Volinsky, Collaborative Filtering for Implicit Feedback Datasets
    (2008), equation 4; fitted by the library implicit.

    Arguments:
        factors: length of a factor vector.
        regularization: weight of the squared norms.
        alpha: confidence in a basket, beside 1 for not having bought.
        iterations: rounds of alternation.
        seed: of the starting factors.
        threads: of fitting; the result does not depend on them.
    """

    name: ClassVar[str] = "als"

    def __init__(
        self,
        factors: int = 64,
        regularization: float = 0.05,
        alpha: float = 10.0,
        iterations: int = 15,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.factors = factors
        self.regularization = regularization
        self.alpha = alpha
        self.iterations = iterations
        self.seed = seed
        self.threads = threads
        self.item_factors_: npt.NDArray[np.float32] = np.empty((0, factors), np.float32)
        self.gram_: npt.NDArray[np.float32] = np.empty((factors, factors), np.float32)

    def fit(self, histories: Histories) -> Self:
        """Factorise log-scaled counts of baskets; see `Candidates.fit`."""
        # imported here because only training needs it, and it starts worker threads
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # no stubs

        with threadpool_limits(1, "blas"):
            model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=self.alpha,
                iterations=self.iterations,
                num_threads=self.threads,
                random_state=self.seed,
            )
            model.fit(_confidence(histories), show_progress=False)
            self.item_factors_ = np.asarray(model.item_factors, np.float32)
            self.gram_ = self.item_factors_.T @ self.item_factors_
        self.n_products_ = histories.n_products
        return self

    def customer_factors(self, histories: Histories) -> npt.NDArray[np.float32]:
        """Factors of customers folded in from their histories, shape (customers, factors)."""
        confidence = _confidence(histories)
        out = np.zeros((len(histories), self.factors), np.float32)
        base = self.gram_ + self.regularization * np.eye(self.factors, dtype=np.float32)
        for row in range(len(histories)):
            part = slice(confidence.indptr[row], confidence.indptr[row + 1])
            known = confidence.indices[part] < self.n_products_
            factors = self.item_factors_[confidence.indices[part][known]]
            weight = self.alpha * confidence.data[part][known]
            if len(weight):
                left = base + (factors.T * (weight - 1)) @ factors
                out[row] = np.linalg.solve(left, factors.T @ weight)
        return out

    def opinions(self, histories: Histories) -> Factors:
        """Predicted preferences, about 1 for a sure purchase; see `Candidates.opinions`."""
        return Factors(self.customer_factors(histories), self.item_factors_)

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """See `Candidates.reason`."""
        del product, catalog
        return "Fits what you bought" if history.bought[0] else "Fits what you looked at"

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        settings: dict[str, Any] = {
            "factors": self.factors,
            "regularization": self.regularization,
            "alpha": self.alpha,
            "iterations": self.iterations,
            "seed": self.seed,
            "threads": self.threads,
        }
        write_settings(folder, settings)
        write_array(folder, "item_factors", self.item_factors_)
        write_array(folder, "gram", self.gram_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        out = cls(**read_settings(folder))
        out.item_factors_ = read_array(folder, "item_factors", mode="c")
        out.gram_ = read_array(folder, "gram")
        out.n_products_ = len(out.item_factors_)
        return out


def _confidence(histories: Histories) -> sp.csr_matrix:
    """Log-scaled counts of baskets: the tenth purchase says less than the first."""
    return histories.matrix(np.log1p(histories.purchases.baskets).astype(np.float32))
