"""Products that customers with baskets like this customer's buy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numba as nb
import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.events.erasures import Erased, Marks
from features.ranges import ranges
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.masking import hidden
from models.next_product.opinions import Lists, Shown, Sparse

BLOCK = 64
"""Customers whose similarities to everybody are held at once."""


@dataclass(frozen=True)
class Kept:
    """Customers that others are compared with, the latest buyer first."""

    vectors: Sparse
    """What each says: customers × products."""
    buyers: Sparse
    """Products × customers: what sharing the product adds to the likeness of the two."""
    rarity: npt.NDArray[np.float32]
    """Of each product, shape (products,): the logarithm of customers per buyer."""
    sign: npt.NDArray[np.uint64]
    """What tells a customer's own row, rising; see `_signs`."""
    signed: npt.NDArray[np.int32]
    """The row of each sign."""
    began_at: npt.NDArray[np.int64]
    """Each one's first basket."""
    marks: Marks


class Similar(Candidates):
    """What the most similar customers bought, the latest baskets counting most.

    A customer is a vector of products, each counted once per basket and less the more baskets
    came after it; near is who shares rare products (cosine, weighted by rarity); the opinion is
    the mean of the nearest customers' vectors. Nobody is their own neighbour. Source: Hu, He,
    Gao and Zhang, Modeling Personalized Item Frequency Information for Next-basket
    Recommendation (2020), here without groups of baskets, and with an inverted index: a product
    leads to its latest buyers only, and only so many customers are kept, so that the work for
    one customer has a bound.

    Arguments:
        neighbours: how many customers speak for each.
        decay: what a basket counts for each that came after it, where customers are compared.
        latest: the same where the neighbours speak: what is bought now changes faster than taste.
        customers: how many are kept at most, the latest buyers.
        products: how many of a customer's products count, the heaviest.
        buyers: how many customers a shared product leads to, the latest buyers.
    """

    name: ClassVar[str] = "similar"

    def __init__(
        self,
        neighbours: int = 300,
        decay: float = 0.8,
        latest: float = 0.6,
        *,
        customers: int = 100_000,
        products: int = 100,
        buyers: int = 2_000,
    ) -> None:
        self.neighbours = neighbours
        self.decay = decay
        self.latest = latest
        self.customers = customers
        self.products = products
        self.buyers = buyers
        nothing = Lists(np.zeros(1, np.int64), *_NOTHING)
        self.kept_ = _kept(nothing, nothing, 0, buyers)
        self.shown_ = Shown.alike(np.ones(0, np.bool_), 1)

    def fit(self, histories: Histories) -> Self:
        """Keep the latest buyers' vectors; see `Candidates.fit`."""
        bought = np.flatnonzero((np.diff(histories.offsets) > 0) & histories.bought)
        latest = histories.at[histories.offsets[bought + 1] - 1]
        order = bought[np.argsort(-latest, kind="stable")[: self.customers]]
        self.n_products_ = histories.n_products
        self.kept_ = _kept(
            _taken(self._vectors(histories, self.decay), order),
            _taken(self._vectors(histories, self.latest), order),
            self.n_products_,
            self.buyers,
            _signs(histories)[order],
            histories.at[histories.offsets[order]],
            histories.marks.taken(order),
        )
        self.shown_ = Shown.alike(np.ones(len(order), np.bool_), 1)
        return self

    def opinions(self, histories: Histories) -> Sparse:
        """Mean decayed counts of the nearest customers; see `Candidates.opinions`."""
        vectors, signs = self._vectors(histories, self.decay), _signs(histories)
        parts = [
            self._opinions(_taken(vectors, np.arange(begin, end)), signs[begin:end])
            for begin in range(0, len(histories), BLOCK)
            for end in (min(begin + BLOCK, len(histories)),)
        ]
        counts = [np.diff(part.offsets) for part in parts]
        return Sparse(
            np.concatenate([[0], *counts]).cumsum().astype(np.int64),
            np.concatenate([_NOTHING[0], *(part.products for part in parts)]),
            np.concatenate([_NOTHING[1], *(part.scores for part in parts)]),
            self.n_products_,
        )

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """See `Candidates.reason`."""
        del history, product, catalog
        return "Bought by customers who buy what you buy"

    def mask(self, erased: Erased) -> None:
        """Leave out erased people's vectors; see `Candidates.mask`."""
        gone = hidden(self.kept_.marks, self.kept_.began_at, erased)
        self.shown_ = Shown.alike(~gone, 1)

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        settings: dict[str, Any] = {
            "neighbours": self.neighbours,
            "decay": self.decay,
            "latest": self.latest,
            "customers": self.customers,
            "products": self.products,
            "buyers": self.buyers,
        }
        kept = self.kept_
        write_settings(folder, {"settings": settings, "marked_by": kept.marks.key_id})
        for name, matrix in (("vectors", kept.vectors), ("buyers", kept.buyers)):
            write_array(folder, f"{name}_offsets", matrix.offsets)
            write_array(folder, f"{name}_entries", matrix.products)
            write_array(folder, f"{name}_weights", matrix.scores)
        for name in ("rarity", "sign", "signed", "began_at"):
            write_array(folder, name, getattr(kept, name))
        write_array(folder, "hashes", kept.marks.hashes)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        document = read_settings(folder)
        out = cls(**document["settings"])
        rarity, sign, signed, began_at = (
            read_array(folder, name, mode="c") for name in ("rarity", "sign", "signed", "began_at")
        )
        vectors = _read(folder, "vectors", len(rarity))
        buyers = _read(folder, "buyers", len(sign))
        marks = Marks(read_array(folder, "hashes"), document["marked_by"])
        out.kept_ = Kept(vectors, buyers, rarity, sign, signed, began_at, marks)
        out.n_products_ = len(rarity)
        out.shown_ = Shown.alike(np.ones(len(sign), np.bool_), 1)
        return out

    def _opinions(self, vectors: Lists, signs: npt.NDArray[np.uint64]) -> Sparse:
        kept = self.kept_
        weight = vectors.scores * kept.rarity[vectors.products]
        likeness = Sparse.passed_on(vectors.offsets, vectors.products, weight, kept.buyers)
        near = likeness.top(self.neighbours, self._others(signs))
        owner = near.owner
        total = np.bincount(owner, near.scores, len(near)).astype(np.float32)
        return Sparse.passed_on(
            near.offsets, near.products, near.scores / total[owner], kept.vectors
        )

    def _others(self, signs: npt.NDArray[np.uint64]) -> Shown:
        """All kept customers but each one's own row."""
        begin = np.searchsorted(self.kept_.sign, signs)
        end = np.searchsorted(self.kept_.sign, signs, side="right")
        own = [self.kept_.signed[b:e] for b, e in zip(begin.tolist(), end.tolist(), strict=True)]
        return Shown(
            self.shown_.everyone,
            np.concatenate([[0], np.cumsum(end - begin)]).astype(np.int64),
            np.concatenate([_NOTHING[0], *own]),
        )

    def _vectors(self, histories: Histories, decay: float) -> Lists:
        """Each customer's heaviest products, those that were there at the time of `fit`."""
        pairs = histories.purchases
        offsets = pairs.of_customers(len(histories))
        weights = _by_baskets(
            histories.offsets, histories.at, offsets, pairs.offsets, pairs.basket_at, decay
        )
        everything = Shown.alike(np.ones(self.n_products_, np.bool_), len(histories))
        counted = Sparse(offsets, pairs.product, weights, self.n_products_)
        return counted.top(self.products, everything)


_NOTHING = (np.empty(0, np.int32), np.empty(0, np.float32))


def _read(folder: Path, name: str, width: int) -> Sparse:
    offsets, entries, weights = (
        read_array(folder, f"{name}_{part}", mode="c") for part in ("offsets", "entries", "weights")
    )
    return Sparse(offsets, entries, weights, width)


def _kept(
    vectors: Lists,
    latest: Lists,
    n_products: int,
    most_buyers: int,
    signs: npt.NDArray[np.uint64] = np.empty(0, np.uint64),  # noqa: B008
    began_at: npt.NDArray[np.int64] = np.empty(0, np.int64),  # noqa: B008
    marks: Marks | None = None,
) -> Kept:
    """What customers say (`latest`), and the inverted index of what they are compared by."""
    customers = len(vectors)
    bought_by = np.bincount(vectors.products, minlength=n_products)
    rarity = np.log((1 + customers) / np.maximum(bought_by, 1)).astype(np.float32)
    weight = vectors.scores * rarity[vectors.products]
    owner = vectors.owner
    norm = np.sqrt(np.bincount(owner, weight * weight, customers)).astype(np.float32)
    order = np.argsort(vectors.products, kind="stable")  # the latest buyer first
    begin = np.cumsum(bought_by) - bought_by
    place = np.arange(len(order)) - begin[vectors.products[order]]
    order = order[place < most_buyers]
    by_sign = np.argsort(signs, kind="stable")
    led_to = np.minimum(bought_by, most_buyers)
    buyers = Sparse(
        np.concatenate([[0], np.cumsum(led_to)]).astype(np.int64),
        owner[order].astype(np.int32),
        (weight / np.maximum(norm, 1e-9)[owner])[order].astype(np.float32),
        customers,
    )
    return Kept(
        Sparse(latest.offsets, latest.products, latest.scores, n_products),
        buyers,
        rarity,
        signs[by_sign],
        by_sign.astype(np.int32),
        began_at,
        marks or Marks.none(),
    )


def _taken(lists: Lists, rows: npt.NDArray[np.int64]) -> Lists:
    """The lists of some customers, in this order."""
    length = np.diff(lists.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    entry = ranges(lists.offsets[rows], length)
    return Lists(offsets, lists.products[entry], lists.scores[entry])


def _signs(histories: Histories) -> npt.NDArray[np.uint64]:
    """A number per customer that tells the first basket: its instant and its products.

    It is the same whenever the customer is asked for, and says nothing that the row does not.
    """
    out: npt.NDArray[np.uint64] = _signed(histories.offsets, histories.at, histories.product)
    return out


@nb.njit(nogil=True, cache=True)
def _signed(offsets, at, product):  # type: ignore[no-untyped-def]  # compiled: Numba infers
    out = np.zeros(len(offsets) - 1, np.uint64)
    for row in range(len(out)):
        for line in range(offsets[row], offsets[row + 1]):
            if at[line] != at[offsets[row]]:
                break
            # a sum, since the order of lines in a basket means nothing
            mixed = np.uint64(product[line] + 1) * np.uint64(0x9E3779B97F4A7C15)
            out[row] += mixed ^ (mixed >> np.uint64(29))
        if offsets[row + 1] > offsets[row]:
            out[row] ^= np.uint64(at[offsets[row]]) * np.uint64(0xC2B2AE3D27D4EB4F)
    return out


@nb.njit(nogil=True, cache=True)
def _by_baskets(  # type: ignore[no-untyped-def]  # compiled: Numba infers the types
    offsets, at, first, pair_offsets, basket_at, decay
):
    """The weight of each pair: `decay` to the number of baskets that came after, summed."""
    out = np.zeros(len(pair_offsets) - 1, np.float32)
    for row in range(len(offsets) - 1):
        instants = np.empty(offsets[row + 1] - offsets[row], np.int64)
        baskets = 0
        for line in range(offsets[row], offsets[row + 1]):
            if baskets == 0 or at[line] != instants[baskets - 1]:
                instants[baskets] = at[line]
                baskets += 1
        for pair in range(first[row], first[row + 1]):
            for place in range(pair_offsets[pair], pair_offsets[pair + 1]):
                number = np.searchsorted(instants[:baskets], basket_at[place])
                out[pair] += decay ** (baskets - 1 - number)
    return out
