"""How much of what customers have falls into each group of products: a category, or a brand."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.next_product.history import Histories
from models.next_product.opinions import Lists, Sparse

Groups = Sequence[tuple[npt.NDArray[np.int32], int]]
"""One or more ways to group products: the group of each product of the catalogue, and how many
groups count; what lies outside belongs to none. They are numbered one way after the other."""


def shares(histories: Histories, groups: Groups, half_life_days: float) -> Lists:
    """The groups of each customer's products with their shares, which sum up to 1 at most per way.

    Arguments:
        histories: of n customers.
        groups: of the catalogue's products.
        half_life_days: after how many days a basket counts half.
    """
    pairs = histories.purchases
    weight = histories.decayed(half_life_days).astype(np.float64)
    total = np.bincount(pairs.row, weight, len(histories))
    mine = _numbered(groups, pairs.product)
    some = np.flatnonzero(mine >= 0)
    pair = some % max(len(pairs.row), 1)
    width = max(sum(size for _, size in groups), 1)
    key, place = np.unique(pairs.row[pair] * width + mine[some], return_inverse=True)
    owner, found = np.divmod(key, width)
    # baskets of decades ago may weigh nothing
    share = np.bincount(place, weight[pair], len(key)) / np.maximum(total[owner], 1e-30)
    offsets = np.searchsorted(owner, np.arange(len(histories) + 1)).astype(np.int64)
    return Lists(offsets, found.astype(np.int32), share.astype(np.float32))


def leading(
    groups: Groups,
    products: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    n_products: int,
    most: int,
) -> Sparse:
    """For each group its products with the highest scores.

    Arguments:
        groups: of the catalogue's products.
        products: those that are considered.
        scores: of each; only those above 0 count.
        n_products: the size of the catalogue.
        most: products of one group.
    """
    mine = _numbered(groups, products)
    worth, of = np.tile(scores, len(groups)), np.tile(products, len(groups))
    kept = np.flatnonzero((mine >= 0) & (worth > 0))
    order = kept[np.lexsort((of[kept], -worth[kept], mine[kept]))]
    count = np.bincount(mine[order], minlength=sum(size for _, size in groups))
    begin = np.cumsum(count) - count
    order = order[np.arange(len(order)) - begin[mine[order]] < most]
    offsets = np.concatenate([[0], np.cumsum(np.minimum(count, most))]).astype(np.int64)
    return Sparse(offsets, of[order].astype(np.int32), worth[order], n_products)


def _numbered(groups: Groups, products: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """The groups of products by each way, one way after the other; -1 where there is none."""
    out, first = [], 0
    for group, size in groups:
        mine = group[products].astype(np.int64)
        out.append(np.where((mine >= 0) & (mine < size), mine + first, -1))
        first += size
    return np.concatenate(out)
