"""The simplest recommenders: most bought by everybody, by oneself, and one generator alone."""

import numpy as np
import numpy.typing as npt

from features.ranges import ranges
from models.next_product import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Shown, best

Ranked = npt.NDArray[np.int32]
"""Products best first, -1 where there are no more, shape (customers, k)."""

BLOCK = 500
"""Customers scored at once; each holds one score per product."""


def top_overall(histories: Histories, k: int) -> npt.NDArray[np.int32]:
    """G-TopFreq: products by distinct buyers, the lower index first on a tie."""
    buyers = np.bincount(histories.purchases.product, minlength=histories.n_products)
    return best(buyers.astype(np.float32), k)


def personal(histories: Histories, k: int, filling: npt.NDArray[np.int32]) -> Ranked:
    """P-TopFreq, and GP-TopFreq where `filling` is G-TopFreq's list.

    One's own products by number of baskets, the more recently bought first on a tie, then
    the lower index.
    """
    pairs = histories.purchases
    order = np.lexsort((pairs.product, -pairs.last_at, -pairs.baskets, pairs.row))
    begin = np.searchsorted(pairs.row, np.arange(len(histories) + 1))
    out = np.full((len(histories), k), -1, np.int32)
    for i in range(len(histories)):
        own = pairs.product[order[begin[i] : begin[i + 1]]][:k]
        rest = filling[~np.isin(filling, own)][: k - len(own)]
        out[i, : len(own) + len(rest)] = np.concatenate([own, rest])
    return out


def alone(generator: Candidates, histories: Histories, k: int) -> Ranked:
    """One fitted generator's own list."""
    out = np.full((len(histories), k), -1, np.int32)
    everything = np.ones(histories.n_products, np.bool_)
    for begin in range(0, len(histories), BLOCK):
        part = histories.part(begin, min(begin + BLOCK, len(histories)))
        found = generator.opinions(part).top(k, Shown.alike(everything, len(part)))
        place = ranges(np.zeros(len(part), np.int64), np.diff(found.offsets))
        out[begin + found.owner, place] = found.products
    return out
