"""What a generator thinks of products, for many customers at once."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.next_product.selection import (
    best_of_dense,
    best_of_sparse,
    first_of,
    looked_up,
    products_of,
    spread,
)

Products = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]
Offsets = npt.NDArray[np.int64]

_NOTHING = np.empty(0, np.int32)


@dataclass(frozen=True)
class Lists:
    """Products of many customers with a score each, customer after customer."""

    offsets: Offsets
    """The list of customer `i` is `offsets[i]:offsets[i + 1]`."""
    products: Products
    scores: Scores

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def owner(self) -> npt.NDArray[np.int64]:
        """Whose each entry is, shape (entries,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


@dataclass(frozen=True)
class Shown:
    """What may be shown to each of some customers."""

    everyone: npt.NDArray[np.bool_]
    """Which products may be shown at all, shape (products,)."""
    offsets: Offsets
    """Withheld from customer `i` are `offsets[i]:offsets[i + 1]` of the next."""
    withheld: Products

    @classmethod
    def alike(cls, everyone: npt.NDArray[np.bool_], customers: int) -> "Shown":
        """The same for all customers."""
        return cls(everyone, np.zeros(customers + 1, np.int64), _NOTHING)

    def part(self, begin: int, end: int) -> "Shown":
        """Of customers `begin` to `end` (exclusive)."""
        kept = self.offsets[begin : end + 1]
        return Shown(self.everyone, kept - kept[0], self.withheld[kept[0] : kept[-1]])


class Opinions(ABC):
    """Scores of all products for some customers; higher is better, 0 is no opinion."""

    @abstractmethod
    def top(self, k: int, shown: Shown) -> Lists:
        """The `k` best of what may be shown to each customer, if so many are above 0.

        Best first; of equal ones the lower index comes first.
        """

    @abstractmethod
    def of(self, offsets: Offsets, products: Products) -> Scores:
        """The score of given products, shape (len(products),).

        Arguments:
            offsets: those of customer `i` are `offsets[i]:offsets[i + 1]`.
            products: by catalogue index; a generator has no opinion of one it does not know.
        """

    @abstractmethod
    def part(self, begin: int, end: int) -> "Opinions":
        """Of customers `begin` to `end` (exclusive)."""


@dataclass(frozen=True)
class Sparse(Opinions):
    """Scores of few products each."""

    offsets: Offsets
    """Those of customer `i` are `offsets[i]:offsets[i + 1]`."""
    products: Products
    """In any order, each once."""
    scores: Scores
    n_products: int

    @classmethod
    def passed_on(
        cls, offsets: Offsets, products: Products, weights: Scores, to: "Sparse"
    ) -> "Sparse":
        """Weights of customers' products passed on to other products.

        Arguments:
            offsets: products of customer `i` are `offsets[i]:offsets[i + 1]`.
            products: by catalogue index; those that `to` does not know are left out.
            weights: of each.
            to: for each product the others, and what part of the weight.
        """
        offsets, products, sums = spread(
            offsets, products, weights, to.offsets, to.products, to.scores, to.n_products
        )
        return cls(offsets, products, sums, to.n_products)

    def top(self, k: int, shown: Shown) -> Lists:
        """See `Opinions.top`."""
        found = best_of_sparse(
            self.offsets,
            self.products,
            self.scores,
            k,
            shown.everyone,
            shown.offsets,
            shown.withheld,
        )
        return Lists(*found)

    def of(self, offsets: Offsets, products: Products) -> Scores:
        """See `Opinions.of`."""
        found: Scores = looked_up(
            self.offsets, self.products, self.scores, offsets, products, self.n_products
        )
        return found

    def part(self, begin: int, end: int) -> "Sparse":
        """See `Opinions.part`."""
        kept = self.offsets[begin : end + 1]
        mine = slice(int(kept[0]), int(kept[-1]))
        return Sparse(kept - kept[0], self.products[mine], self.scores[mine], self.n_products)


@dataclass(frozen=True)
class Factors(Opinions):
    """Scores that are dot products of vectors."""

    customers: npt.NDArray[np.float32]
    """Shape (customers, factors)."""
    products: npt.NDArray[np.float32]
    """Shape (products, factors)."""

    def top(self, k: int, shown: Shown) -> Lists:
        """See `Opinions.top`.

        A matrix product finds them, whose last digit depends on how many customers there are;
        the scores are `of`'s.
        """
        dense = self.customers @ self.products.T
        count, products, _ = best_of_dense(dense, k, shown.everyone, shown.offsets, shown.withheld)
        scores = self.of(count, products)
        owner = np.repeat(np.arange(len(count) - 1), np.diff(count))
        order = np.lexsort((products, -scores, owner))
        return Lists(count, products[order], scores[order])

    def of(self, offsets: Offsets, products: Products) -> Scores:
        """See `Opinions.of`."""
        found: Scores = products_of(self.customers, self.products, offsets, products)
        return found

    def part(self, begin: int, end: int) -> "Factors":
        """See `Opinions.part`."""
        return Factors(self.customers[begin:end], self.products)


@dataclass(frozen=True)
class Shared(Opinions):
    """The same scores for everyone."""

    scores: Scores
    """Shape (products,)."""

    @cached_property
    def _order(self) -> Products:
        """All products above 0, best first."""
        return best(self.scores, len(self.scores))

    def top(self, k: int, shown: Shown) -> Lists:
        """See `Opinions.top`."""
        order = self._order
        order = order[shown.everyone[order]]
        found = first_of(
            order, self.scores, k, len(shown.offsets) - 1, shown.offsets, shown.withheld
        )
        return Lists(*found)

    def of(self, offsets: Offsets, products: Products) -> Scores:
        """See `Opinions.of`."""
        del offsets
        out = np.zeros(len(products), np.float32)
        known = products < len(self.scores)
        out[known] = self.scores[products[known]]
        return out

    def part(self, begin: int, end: int) -> "Shared":
        """See `Opinions.part`."""
        del begin, end
        return self


def best(scores: Scores, k: int) -> Products:
    """Indices of the `k` highest scores above 0, best first; the lower index wins a tie.

    >>> best(np.array([0.0, 2.0, 3.0, 2.0], dtype=np.float32), 2).tolist()
    [2, 1]
    """
    if k <= 0:
        return _NOTHING
    found = np.flatnonzero(scores > 0)
    if len(found) > k:
        values = scores[found]
        found = found[values >= np.partition(values, -k)[-k]]
    order = np.argsort(-scores[found], kind="stable")[:k]
    return found[order].astype(np.int32)
