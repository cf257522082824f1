"""UP-CF: recent personal popularity, spread over similar customers (Faggioli et al. 2020)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from models.next_product.history import Histories
from training.baselines.baskets import Baskets, block_size, compared, first
from training.baselines.frequency import Ranked


@dataclass(frozen=True)
class UpCf:
    """UP-CF: the share of one's latest baskets that hold a product, summed by similarity.

    Faggioli, Polato and Aiolli, "Recency Aware Collaborative Filtering for Next Basket
    Recommendation", UMAP 2020.
    """

    window: int = 25
    """Latest baskets that count (r)."""
    asymmetry: float = 0.25
    """Of the cosine: one's own size counts by this power, the other's by the rest (alpha)."""
    locality: int = 5
    """Power of the similarity (q): the higher, the more only the most similar count."""
    seed: int = 0
    """Of the draw of who is compared with, where there are many customers."""

    def rank(self, histories: Histories, rows: npt.NDArray[np.int64], k: int) -> Ranked:
        """The k first products of some of the customers; arguments as `TifuKnn.rank`."""
        baskets = Baskets.of(histories)
        count = np.minimum(baskets.baskets[baskets.row], self.window)
        weights = baskets.matrix((baskets.back < self.window) / np.maximum(count, 1))
        held = weights.copy()
        held.data = np.ones_like(held.data)
        sizes = np.maximum(np.diff(held.indptr), 1).astype(np.float32)
        others = compared(len(histories), self.seed)
        known = (sp.diags(sizes[others] ** (self.asymmetry - 1)) @ held[others]).T.tocsc()
        mine_scaled = sp.diags(sizes**-self.asymmetry) @ held
        absent = np.ones(len(histories), np.bool_)
        absent[others] = False
        out = np.full((len(rows), k), -1, np.int32)
        step = block_size(len(others) + histories.n_products)
        for begin in range(0, len(rows), step):
            mine = rows[begin : begin + step]
            similar = (mine_scaled[mine] @ known).power(self.locality)
            scores = (similar @ weights[others]).toarray()
            own = np.flatnonzero(absent[mine])  # one is like oneself, drawn or not
            scores[own] += weights[mine[own]].toarray()
            out[begin : begin + step] = first(scores, k)
        return out
