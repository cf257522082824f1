"""TIFUKNN: personal frequencies with decay, and those of similar customers (Hu et al. 2020)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from models.next_product.history import Histories
from training.baselines.baskets import Baskets, block_size, compared, first
from training.baselines.frequency import Ranked


@dataclass(frozen=True)
class TifuKnn:
    """TIFUKNN; the defaults are what its authors publish for TaFeng.

    As in their code, a customer's baskets are cut into at most `groups` groups, newest last;
    with fewer baskets each is its own. Hu, He, Gao and Zhang, "Modeling Personalized Item
    Frequency Information for Next-basket Recommendation", SIGIR 2020.
    """

    neighbours: int = 300
    """Nearest customers, by Euclidean distance."""
    groups: int = 7
    within: float = 0.9
    """What a basket weighs of the next newer one (r_b)."""
    between: float = 0.7
    """What a group weighs of the next newer one (r_g)."""
    own: float = 0.7
    """Share of one's own vector in the forecast (alpha); the rest is the neighbours'."""
    seed: int = 0
    """Of the draw of whom neighbours are looked for among, where there are many customers."""

    def rank(self, histories: Histories, rows: npt.NDArray[np.int64], k: int) -> Ranked:
        """The k first products of some of the customers, -1 where there are no more.

        Arguments:
            histories: all customers, up to one instant.
            rows: places of those asked for.
            k: length of the lists.
        """
        vectors = self.vectors(histories)
        others = compared(len(histories), self.seed)
        known = vectors[others]
        squares = np.asarray(known.multiply(known).sum(axis=1), np.float32).ravel()
        turned, out = known.T.tocsc(), np.full((len(rows), k), -1, np.int32)
        step = block_size(len(others) + histories.n_products)
        for begin in range(0, len(rows), step):
            mine = rows[begin : begin + step]
            near = squares - 2 * (vectors[mine] @ turned).toarray()  # less one's own square
            near[others == mine[:, None]] = np.inf
            chosen = _nearest(near, self.neighbours)
            scores = self.own * vectors[mine] + (1 - self.own) * (chosen @ known)
            out[begin : begin + step] = first(scores.toarray(), k)
        return out

    def vectors(self, histories: Histories) -> sp.csr_matrix:
        """Decayed frequencies, customers × products, float32."""
        baskets = Baskets.of(histories)
        count = baskets.baskets[baskets.row]
        groups = np.minimum(count, self.groups)
        # as even as they go; the newer groups are the larger ones
        group = (baskets.back * groups) // np.maximum(count, 1)
        size = -(-((group + 1) * count) // groups) - -(-(group * count) // groups)
        weight = self.within**baskets.back * self.between**group / (size * groups)
        return baskets.matrix(weight)


def _nearest(distance: npt.NDArray[np.float32], k: int) -> sp.csr_matrix:
    """The mean over each row's k nearest, as a matrix."""
    k = min(k, distance.shape[1] - 1)
    if k < 1:
        return sp.csr_matrix(distance.shape, dtype=np.float32)
    near = np.argpartition(distance, k - 1, axis=1)[:, :k]
    ends = np.arange(len(distance) + 1) * k
    data = np.full(near.size, 1 / k, np.float32)
    return sp.csr_matrix((data, near.ravel(), ends), shape=distance.shape)
