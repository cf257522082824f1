"""Candidates for a list that is about products: a product's page, a cart, an order.

The anchors are given to the generators as the history of somebody who has just these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.reference import Reference
from models.next_product.candidate import Candidates
from models.next_product.content import Content
from models.next_product.history import Histories
from models.next_product.opinions import Lists, Opinions, Shown, Sparse
from models.next_product.placements import Placement
from models.next_product.placements.placement import BASKETS, CATEGORY
from models.next_product.popular import Popular
from models.next_product.shelf.complements import beyond_chance, substitutes
from models.next_product.shelf.filters import Mask
from models.next_product.shelf.refills import Refills

TOGETHER = (BASKETS, "together", "later", "neighbours")
"""Sources that say that products are bought together; others, that they are alike."""


@dataclass(frozen=True)
class Anchored:
    """Candidates that the anchors propose, rising by product."""

    products: npt.NDArray[np.int32]
    score: npt.NDArray[np.float64]
    """The weighted sum of what the sources think, each by the share of its best."""
    source: Sequence[str]
    """Of each the one that speaks most for it."""
    lists: Mapping[str, Lists]
    """What each source proposed."""
    anchors: Sequence[int]


def anchored(
    anchors: Sequence[int],
    at: int,
    placement: Placement,
    shown: Shown,
    depth: int,
    *,
    generators: Sequence[Candidates],
    catalog: Catalog,
    reference: Reference,
) -> Anchored:
    """What the sources of a placement propose for anchors (parents).

    Arguments:
        anchors: what the list is about; not empty.
        at: int64 ms UTC.
        placement: its sources and their weights.
        shown: what may be shown.
        depth: length of each source's list.
        generators: fitted.
        catalog: the present one.
        reference: the population's facts, `extended` to it.
    """
    history = Histories.of_products(anchors, at, catalog)
    popular = next(g for g in generators if isinstance(g, Popular))
    asked: dict[str, Opinions] = {
        BASKETS: _baskets(anchors, reference),
        CATEGORY: _category(anchors, catalog, popular, shown.everyone),
    }
    named = {generator.name: generator for generator in generators}
    weights: dict[str, float] = {str(name): weight for name, weight in placement.sources.items()}
    weights = weights or dict.fromkeys((*named, BASKETS), 1.0)
    lists: dict[str, Lists] = {}
    for name, weight in weights.items():
        if weight > 0 and name in named:
            lists[name] = named[name].opinions(history).top(depth, shown)
        elif weight > 0 and name in asked:
            lists[name] = asked[name].top(depth, shown)
    every = [np.empty(0, np.int32), *(found.products for found in lists.values())]
    products, place = np.unique(np.concatenate(every), return_inverse=True)
    ends = np.cumsum([len(each) for each in every])
    said = np.zeros((len(lists), len(products)))
    for row, (name, found) in enumerate(lists.items()):
        if len(found.products):
            share = found.scores / found.scores[0]
            said[row, place[ends[row] : ends[row + 1]]] = weights[name] * share
    names = list(lists)
    leading = said.argmax(axis=0) if len(names) else np.empty(0, np.int64)
    return Anchored(
        products.astype(np.int32),
        said.sum(axis=0),
        [names[row] for row in leading.tolist()],
        lists,
        anchors,
    )


def replacing(
    anchors: Sequence[int],
    catalog: Catalog,
    reference: Reference,
    refills: Refills,
    generators: Sequence[Candidates] = (),
) -> Mask:
    """Which products would replace an anchor rather than go with it, shape (products,)."""
    similarity = np.zeros(len(catalog), np.float32)
    for generator in generators:
        if isinstance(generator, Content):
            for anchor in anchors:
                products, cosine = generator.alike(anchor)
                similarity[products] = np.maximum(similarity[products], cosine)
    together = np.zeros(len(catalog), np.bool_)
    for anchor in anchors:
        part = slice(reference.co_offsets[anchor], reference.co_offsets[anchor + 1])
        others = reference.co_products[part]
        clearly = beyond_chance(
            reference.co_weight[part],
            refills.baskets_[others],
            int(refills.baskets_[anchor]),
            refills.n_baskets_,
        )
        together[others[clearly]] = True
    return substitutes(catalog.category, catalog.category[list(anchors)], together, similarity)


def nearest_anchor(product: int, anchors: Sequence[int], reference: Reference) -> int | None:
    """The anchor that most often stands in a basket with a product; None if none ever does."""
    best, heaviest = None, 0.0
    for anchor in anchors:
        part = slice(reference.co_offsets[anchor], reference.co_offsets[anchor + 1])
        weight = float(reference.co_weight[part][reference.co_products[part] == product].sum())
        if weight > heaviest:
            best, heaviest = anchor, weight
    return best


def _baskets(anchors: Sequence[int], reference: Reference) -> Sparse:
    """The cosines of baskets, summed over the anchors."""
    parts = [slice(reference.co_offsets[a], reference.co_offsets[a + 1]) for a in anchors]
    every = np.concatenate([np.empty(0, np.int32), *(reference.co_products[p] for p in parts)])
    weight = np.concatenate([np.empty(0, np.float32), *(reference.co_weight[p] for p in parts)])
    products, place = np.unique(every, return_inverse=True)
    sums = np.bincount(place, weight, len(products)).astype(np.float32)
    return _sparse(products, sums, len(reference.product_buyers))


def _category(anchors: Sequence[int], catalog: Catalog, popular: Popular, everyone: Mask) -> Sparse:
    """Products of the anchors' categories by how popular they are; unsold ones come last."""
    categories = np.unique(catalog.category[list(anchors)])
    within = np.zeros(len(catalog.categories) + 1, np.bool_)
    within[categories[categories >= 0]] = True
    products = np.flatnonzero(within[catalog.category] & everyone)
    scores = np.full(len(products), 1e-3, np.float32)
    known = products < len(popular.buyers_)
    scores[known] += popular.buyers_[products[known]]
    return _sparse(products, scores, len(catalog))


def _sparse(
    products: npt.NDArray[np.int32] | npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    n_products: int,
) -> Sparse:
    offsets = np.array([0, len(products)], np.int64)
    return Sparse(offsets, products.astype(np.int32), scores, n_products)
