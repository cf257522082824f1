"""What each customer's list got right: all of it, what was bought before, and what was new."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.timeline import Timelines
from models.next_product.history import Histories
from models.next_product.period import Period
from training.baselines import Ranked
from training.metrics import Floats, hits, ranking_scores

Ideal = Literal["full", "min"]

PARTS = ("repeat", "explore")
"""What a customer had bought before the instant, and what not."""


@dataclass(frozen=True)
class Truth:
    """What customers bought after an instant, and which of it they had bought before."""

    offsets: npt.NDArray[np.int64]
    """What customer `i` bought is `products[offsets[i]:offsets[i + 1]]`."""
    products: npt.NDArray[np.int32]
    repeat: npt.NDArray[np.bool_]
    """Which of these products the customer had bought before."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of(cls, period: Period, timelines: Timelines, catalog: Catalog) -> "Truth":
        """The truth of a period's customers."""
        instants = np.full(len(period.customers), period.at, np.int64)
        pairs = Histories.of(timelines, period.customers, instants, catalog).purchases
        owner = np.repeat(np.arange(len(period.customers)), np.diff(period.offsets))
        known = np.isin(
            owner * np.int64(len(catalog)) + period.products,
            pairs.row * np.int64(len(catalog)) + pairs.product,
        )
        return cls(period.offsets, period.products, known)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How many products each customer bought."""
        return np.diff(self.offsets)

    def of_part(self, part: str) -> "Truth":
        """What of it belongs to a part; some customers then have nothing."""
        kept = self.repeat if part == "repeat" else ~self.repeat
        return self.only(kept)

    def only(self, kept: npt.NDArray[np.bool_]) -> "Truth":
        """These of the products, shape (products,)."""
        ends = np.concatenate([[0], np.cumsum(kept)])[self.offsets]
        return Truth(ends, self.products[kept], self.repeat[kept])


def scores(ranked: Ranked, truth: Truth, ideal: Ideal = "full") -> dict[str, Floats]:
    """Recall, NDCG, PHR and MAP at 10 and 20 of each customer, and apart for the two parts.

    A part's figures, `repeat_recall@10`, …, are of the same whole list: how much of what was
    bought again, or for the first time, it holds. NaN where a customer bought nothing of it.

    Arguments:
        ranked: products best first, -1 where there are no more, shape (customers, k).
        truth: of the same customers.
        ideal: what the NDCG is divided by; see `ranking_scores`.
    """
    out = _scores(ranked, truth, ideal)
    for part in PARTS:
        found = _scores(ranked, truth.of_part(part), ideal)
        out |= {f"{part}_{name}": values for name, values in found.items()}
    return out


def _scores(ranked: Ranked, truth: Truth, ideal: Ideal) -> dict[str, Floats]:
    some = truth.counts > 0
    hit = hits(ranked, truth.offsets, truth.products)
    out = {}
    for name, values in ranking_scores(hit[some], truth.counts[some], ideal=ideal).items():
        out[name] = np.full(len(truth), np.nan)
        out[name][some] = values
    return out


def means(found: dict[str, Floats]) -> dict[str, float]:
    """Each figure's mean over the customers it is defined for; NaN where there are none."""
    return {
        name: float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
        for name, values in found.items()
    }
