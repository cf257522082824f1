"""Customers' baskets counted from the newest, as the next-basket methods of the papers see them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from models.next_product.history import Histories
from training.baselines.frequency import Ranked

MOST_CUSTOMERS = 50_000
"""Customers that neighbours are looked for among, drawn at random: the work grows with them."""

MOST_CELLS = 8_000_000
"""Scores and similarities held at once; four bytes each."""


@dataclass(frozen=True)
class Baskets:
    """The products of every basket, each once; baskets are what was bought at one instant."""

    row: npt.NDArray[np.int64]
    """Place of the customer in the histories, rising."""
    product: npt.NDArray[np.int32]
    back: npt.NDArray[np.int64]
    """How many newer baskets the customer has."""
    baskets: npt.NDArray[np.int64]
    """Of each customer, shape (customers,)."""
    n_products: int

    @classmethod
    def of(cls, histories: Histories) -> "Baskets":
        """The baskets of all histories."""
        pairs = histories.purchases
        row = np.repeat(pairs.row, pairs.baskets)
        product = np.repeat(pairs.product, pairs.baskets)
        order = np.lexsort((product, pairs.basket_at, row))
        row, product, at = row[order], product[order], pairs.basket_at[order]
        first = np.diff(row, prepend=-1) != 0
        new = first | (np.diff(at, prepend=0) != 0)
        baskets = np.bincount(row[new], minlength=len(histories))
        number = np.cumsum(new) - 1
        newest = np.cumsum(baskets) - 1
        return cls(row, product, newest[row] - number, baskets, histories.n_products)

    def matrix(self, weight: npt.NDArray[np.floating]) -> sp.csr_matrix:
        """Customers × products with the sum of the weights of a pair's baskets, float32."""
        return sp.csr_matrix(
            (np.asarray(weight, np.float32), (self.row, self.product)),
            shape=(len(self.baskets), self.n_products),
        )


def compared(customers: int, seed: int) -> npt.NDArray[np.int64]:
    """Whom neighbours are looked for among: all, or as many as are drawn; rising."""
    if customers <= MOST_CUSTOMERS:
        return np.arange(customers)
    drawn = np.random.default_rng(seed).choice(customers, MOST_CUSTOMERS, replace=False)
    return np.sort(drawn)


def block_size(width: int) -> int:
    """Customers at once, where each takes `width` cells."""
    return max(1, MOST_CELLS // max(1, width))


def first(scores: npt.NDArray[np.float32], k: int) -> Ranked:
    """The k best products above 0 of each row, the lower index first on a tie."""
    width = min(k, scores.shape[1])
    out = np.full((len(scores), k), -1, np.int32)
    if not width:
        return out
    limit = np.partition(scores, -width, axis=1)[:, -width]
    for i, values in enumerate(scores):
        found = np.flatnonzero((values >= limit[i]) & (values > 0))
        best = found[np.argsort(-values[found], kind="stable")[:k]]
        out[i, : len(best)] = best
    return out
