"""A catalogue's products as vectors of words, and which of them are nearest to each other."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from models.next_product.occasions import blocks, joined, others
from models.next_product.opinions import Lists, Shown, Sparse

WORDS = 40
"""Words of a product that count, the heaviest."""

PRODUCTS = 500
"""Products that a word leads to, those where it weighs most: a champion list (Manning, Raghavan
and Schütze, Introduction to Information Retrieval, 2008, section 7.1.3). With WORDS it bounds what
one product costs: 20,000 additions."""

LEAST = 0.05
"""Cosine below which products are not alike: they share a common word or letters."""


@dataclass(frozen=True)
class Space:
    """The words of the products there were at the time of `fit`."""

    words: npt.NDArray[np.int32]
    """Hashes, rising."""
    rarity: npt.NDArray[np.float32]
    """Of each word: the logarithm of products per product that has it, plus 1."""
    products: Sparse
    """For each word the products it leads to, with its weight there."""
    unseen: float
    """The rarity of a word that no product has."""

    @classmethod
    def of(cls, said: sp.csr_matrix) -> tuple["Space", Lists]:
        """The space that products make, and their vectors.

        Arguments:
            said: products × hashes of words; see `words`.
        """
        words, place = np.unique(said.indices, return_inverse=True)
        among = 1 + int((np.diff(said.indptr) > 0).sum())
        rarity = np.log(among / (1.0 + np.bincount(place, minlength=len(words)))) + 1
        vectors = _vectors(said, place, rarity[place], len(words))
        led = _inverted(vectors, len(words), said.shape[0])
        unseen = float(np.log(among)) + 1
        return cls(words.astype(np.int32), rarity.astype(np.float32), led, unseen), vectors

    def near(self, vectors: Lists, most: int, threads: int) -> Sparse:
        """The nearest of the products to each of these, themselves left out."""
        n, length = len(vectors), np.diff(self.products.offsets)
        reached = np.concatenate([[0], np.cumsum(length[vectors.products])])[vectors.offsets]

        def one(part: tuple[int, int]) -> Lists:
            return _best(_part(vectors, *part), self.products, others(*part, n), most)

        with ThreadPoolExecutor(threads) as pool:
            return joined(list(pool.map(one, blocks(reached))), n)

    def placed(self, said: sp.csr_matrix, most: int) -> tuple[Lists, Lists]:
        """For products that came later the nearest known ones, and the nearest of each other.

        Arguments:
            said: later products × hashes of words.
            most: length of a list.
        """
        words, place = np.unique(said.indices, return_inverse=True)
        known = np.minimum(np.searchsorted(self.words, words), max(len(self.words) - 1, 0))
        there = self.words[known] == words
        rarity = np.where(there, self.rarity[known], self.unseen)
        vectors = _vectors(said, place, rarity[place], len(words))
        n = len(vectors)
        # a word that is not known is given a place behind all, which leads nowhere
        led = Lists(
            vectors.offsets,
            np.where(there, known, len(self.words))[vectors.products].astype(np.int32),
            vectors.scores,
        )
        everything = Shown.alike(np.ones(self.products.n_products, np.bool_), n)
        old = _best(led, self.products, everything, most)
        new = _best(vectors, _inverted(vectors, len(words), n), others(0, n, n), most)
        return old, new


def grown(lists: Sparse, old: Lists, new: Lists, first: int, n_products: int, most: int) -> Sparse:
    """Lists of all products, when later products have come into them and have got their own.

    Arguments:
        lists: of the products known first.
        old: for each later product the nearest of these.
        new: for each later product the nearest later ones, counted from the first of them.
        first: index of the first later product; those between have no lists.
        n_products: the size of the catalogue.
        most: later products on a list at most, and all products on a later one's.
    """
    held, later = lists.n_products, len(old)
    back = sp.csr_matrix((old.scores, old.products, old.offsets), (later, held)).T.tocsr()
    everything = Shown.alike(np.ones(later, np.bool_), held)
    more = Sparse(back.indptr.astype(np.int64), back.indices, back.data, later).top(
        most, everything
    )
    own = _joined(
        old.offsets, old.products, old.scores, new.offsets, new.products + first, new.scores
    )
    all_own = Sparse(own[0], own[1], own[2], n_products)
    own_best = all_own.top(most, Shown.alike(np.ones(n_products, np.bool_), later))
    offsets, products, scores = _joined(
        lists.offsets,
        lists.products,
        lists.scores,
        more.offsets,
        more.products + np.int32(first),
        more.scores,
    )
    nothing = np.full(first - held, offsets[-1])
    return Sparse(
        np.concatenate([offsets, nothing, offsets[-1] + own_best.offsets[1:]]),
        np.concatenate([products, own_best.products]),
        np.concatenate([scores, own_best.scores]),
        n_products,
    )


def _vectors(
    said: sp.csr_matrix,
    place: npt.NDArray[np.int64],
    rarity: npt.NDArray[np.float64],
    n_words: int,
) -> Lists:
    """The heaviest words of each product, with a norm of 1."""
    weight = (said.data * rarity).astype(np.float32)
    all_words = Shown.alike(np.ones(n_words, np.bool_), said.shape[0])
    every = Sparse(said.indptr.astype(np.int64), place.astype(np.int32), weight, n_words)
    kept = every.top(WORDS, all_words)
    norm = np.sqrt(np.bincount(kept.owner, kept.scores**2, len(kept)))
    return Lists(kept.offsets, kept.products, (kept.scores / norm[kept.owner]).astype(np.float32))


def _inverted(vectors: Lists, n_words: int, n_products: int) -> Sparse:
    """For each word the products where it weighs most."""
    owner = vectors.owner
    order = np.lexsort((owner, -vectors.scores, vectors.products))
    count = np.bincount(vectors.products, minlength=n_words)
    begin = np.cumsum(count) - count
    place = np.arange(len(order)) - begin[vectors.products[order]]
    order = order[place < PRODUCTS]
    offsets = np.concatenate([[0], np.cumsum(np.minimum(count, PRODUCTS))])
    return Sparse(
        offsets.astype(np.int64), owner[order].astype(np.int32), vectors.scores[order], n_products
    )


def _best(vectors: Lists, products: Sparse, shown: Shown, most: int) -> Lists:
    """The nearest products of each vector that are alike at all."""
    cosine = Sparse.passed_on(vectors.offsets, vectors.products, vectors.scores, products)
    found = cosine.top(most, shown)
    alike = found.scores >= LEAST
    counts = np.concatenate([[0], np.cumsum(alike)])
    return Lists(counts[found.offsets], found.products[alike], found.scores[alike])


def _part(lists: Lists, begin: int, end: int) -> Lists:
    ends = lists.offsets[begin : end + 1]
    kept = slice(int(ends[0]), int(ends[-1]))
    return Lists(ends - ends[0], lists.products[kept], lists.scores[kept])


@nb.njit(nogil=True, cache=True)
def _joined(offsets, products, scores, ends, others, more):  # type: ignore[no-untyped-def]  # compiled
    """Row by row two lists, one after the other."""
    rows = len(offsets) - 1
    out = np.empty(len(products) + len(others), np.int32)
    worth = np.empty(len(out), np.float32)
    bounds = offsets + ends
    for row in range(rows):
        n = bounds[row]
        for place in range(offsets[row], offsets[row + 1]):
            out[n], worth[n] = products[place], scores[place]
            n += 1
        for place in range(ends[row], ends[row + 1]):
            out[n], worth[n] = others[place], more[place]
            n += 1
    return bounds, out, worth
