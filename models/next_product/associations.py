"""Products that others lead to: what every generator does that keeps a list for each product."""

from pathlib import Path
from typing import Any, ClassVar, Self

import numba as nb
import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Lists, Sparse

_NOTHING = (np.empty(0, np.int32), np.empty(0, np.float32))

NO_LISTS = Sparse(np.zeros(1, np.int64), *_NOTHING, 0)
"""The lists of no products."""


class Associations(Candidates):
    """Passes on what the customer has to the products on its list, the stronger the later it was.

    Arguments:
        neighbours: length of each product's list.
        half_life_days: after how many days a basket of the customer counts half.
    """

    phrase: ClassVar[str]
    """What the title follows in a reason."""

    def __init__(self, neighbours: int, half_life_days: float) -> None:
        self.neighbours = neighbours
        self.half_life_days = half_life_days
        self.lists_ = NO_LISTS

    @property
    def settings(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"neighbours": self.neighbours, "half_life_days": self.half_life_days}

    def opinions(self, histories: Histories) -> Sparse:
        """Associations of what the customers have, summed by how lately; see `Candidates`."""
        if not len(self.lists_.products):
            return Sparse(np.zeros(len(histories) + 1, np.int64), *_NOTHING, self.n_products_)
        held = self.held(histories)
        return Sparse.passed_on(held.offsets, held.products, held.scores, self.lists_)

    def held(self, histories: Histories) -> Lists:
        """What the customers have, and how much each counts: here what they bought."""
        bought = histories.purchases
        weights = histories.decayed(self.half_life_days)
        return Lists(bought.of_customers(len(histories)), bought.product, weights)

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """Names what speaks most for the product; see `Candidates.reason`."""
        held, lists = self.held(history), self.lists_
        share = _shares(
            held.products, held.scores, lists.offsets, lists.products, lists.scores, product
        )
        return f"{self.phrase} {catalog.title(int(held.products[int(np.argmax(share))]))}"

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        write_settings(folder, self.settings)
        write_lists(folder, "", self.lists_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        out = cls(**read_settings(folder))
        out.lists_ = read_lists(folder, "")
        out.n_products_ = out.lists_.n_products
        return out


def write_lists(folder: Path, prefix: str, lists: Sparse) -> None:
    """Write the lists of all products."""
    write_array(folder, f"{prefix}offsets", lists.offsets)
    write_array(folder, f"{prefix}products", lists.products)
    write_array(folder, f"{prefix}weights", lists.scores)


def read_lists(folder: Path, prefix: str) -> Sparse:
    """Read what `write_lists` wrote."""
    offsets, products, weights = (
        read_array(folder, prefix + name, mode="c") for name in ("offsets", "products", "weights")
    )
    return Sparse(offsets, products, weights, len(offsets) - 1)


@nb.njit(nogil=True, cache=True)
def _shares(held, weights, offsets, products, scores, product):  # type: ignore[no-untyped-def]  # compiled
    """What each of the products held says for one product."""
    out: npt.NDArray[np.float32] = np.zeros(len(held), np.float32)
    for i in range(len(held)):
        if held[i] < len(offsets) - 1:
            for place in range(offsets[held[i]], offsets[held[i] + 1]):
                if products[place] == product:
                    out[i] = weights[i] * scores[place]
    return out
