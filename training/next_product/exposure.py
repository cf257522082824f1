"""What lists show, whatever was bought: how much of the range, how unknown, how varied."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from models.next_product.history import Histories
from training.baselines import Ranked
from training.metrics import Floats


@dataclass(frozen=True)
class Range:
    """The products that lists draw from, and how known each is."""

    parents: npt.NDArray[np.int32]
    """Indices of the products that stand for themselves and their variants."""
    popularity: Floats
    """Share of the customers who had bought each product, shape (products,)."""
    category: npt.NDArray[np.int32]
    """Of each product; -1 where it has none."""
    brand: npt.NDArray[np.int32]

    @classmethod
    def of(cls, catalog: Catalog, histories: Histories) -> "Range":
        """A catalogue's range, as bought by these customers."""
        buyers = np.bincount(histories.purchases.product, minlength=len(catalog))
        return cls(
            parents=np.unique(catalog.parent),
            popularity=buyers / max(1, len(histories)),
            category=catalog.category,
            brand=catalog.brand,
        )

    @property
    def described(self) -> bool:
        """Whether any product has a category or a brand."""
        return bool((self.category >= 0).any() or (self.brand >= 0).any())

    def novelty(self) -> Floats:
        """Self-information of each product in bits: -log2 of its share of buyers.

        What nobody bought yet, where that is infinite, counts as a tenth of the least share.
        """
        some = self.popularity[self.popularity > 0]
        least = float(some.min()) / 10 if len(some) else 1.0
        out: Floats = -np.log2(np.maximum(self.popularity, least))
        return out


def exposure(ranked: Ranked, shelf: Range, k: int) -> dict[str, float]:
    """Figures of all lists together.

    coverage: share of the range that anybody is shown. novelty: mean self-information of what is
    shown, in bits (Vargas and Castells 2011). popularity: mean share of buyers of what is shown.
    gini: of how often each product of the range is shown; 0 all alike, 1 one alone. diversity:
    mean distance of two products of a list, a half for another category and a half for another
    brand (Ziegler et al. 2005); only where the catalogue tells either.

    Arguments:
        ranked: products best first, -1 where there are no more, shape (customers, at least k).
        shelf: what they are drawn from.
        k: how many of each list count.
    """
    first = ranked[:, :k]
    shown = first[first >= 0]
    often = np.bincount(shown, minlength=len(shelf.popularity))[shelf.parents]
    out = {
        f"coverage@{k}": float((often > 0).mean()) if len(often) else float("nan"),
        f"novelty@{k}": _mean(shelf.novelty()[shown]),
        f"popularity@{k}": _mean(shelf.popularity[shown]),
        f"gini@{k}": _gini(often),
    }
    if shelf.described:
        out[f"diversity@{k}"] = _mean(_diversity(first, shelf))
    return out


def _diversity(first: Ranked, shelf: Range) -> Floats:
    """Of each list with two products at least."""
    present = first >= 0
    count = present.sum(axis=1)
    pairs = count * (count - 1)
    alike = np.zeros(len(first))
    for kind in (shelf.category, shelf.brand):
        codes = np.where(present, kind[first], -1)
        for place in range(first.shape[1]):
            mine = codes[:, place]
            same = (codes == mine[:, None]).sum(axis=1) - 1
            alike += np.where(mine >= 0, same, 0)
    some = pairs > 0
    out: Floats = 1 - alike[some] / (2 * pairs[some])
    return out


def _gini(often: npt.NDArray[np.int64]) -> float:
    total, n = int(often.sum()), len(often)
    if not total:
        return float("nan")
    rising = np.sort(often)
    return float((2 * np.arange(1, n + 1) - n - 1) @ rising / (n * total))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
