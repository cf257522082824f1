"""Which products people buy again, and after how long."""

from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.instants import DAY_MS
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.history import Histories
from models.next_product.shelf.kept import Kept

REFILL_RATE = 0.05
"""The share of a product's buyers who bought it again from which on it is a refill: one of
twenty, as those who bought it lately could not do so yet."""

PRIOR_BUYERS = 20.0
"""Buyers that what is known of the category weighs against the product's own."""

MIN_GAPS = 5
"""Repurchases that a product needs for a gap of its own."""

DUE_PART = 0.05
"""The part of the usual gap after which a refill is shown again: half a day for milk, a week for
a lamp's bulbs. What is not yet due then, the ranker sees by itself; many buy again early."""


class Refills:
    """The share of buyers who bought again, shrunk to the category's, and the usual gap.

    A product of which little is known is taken for what its category is, and a category for what
    the shop is: groceries come again, sofas do not. A purchase of yesterday, which could not be
    repeated yet, counts as one that was not; shares are somewhat low therefore.
    """

    def __init__(self) -> None:
        self.rate_: npt.NDArray[np.float32] = np.empty(0, np.float32)
        self.gap_days_: npt.NDArray[np.float32] = np.empty(0, np.float32)
        self.baskets_: npt.NDArray[np.int32] = np.empty(0, np.int32)
        self.category_rate_: npt.NDArray[np.float32] = np.empty(0, np.float32)
        self.shop_rate_ = 0.0
        self.shop_gap_days_ = 30.0
        self.n_baskets_ = 0

    def fit(self, histories: Histories, catalog: Catalog) -> Self:
        """Count who bought what again, on another day."""
        pairs, n = histories.purchases, len(catalog)
        pair = np.repeat(np.arange(len(pairs.product)), pairs.baskets)
        day = pairs.basket_at // DAY_MS
        gap = np.diff(day)
        again = (np.diff(pair) == 0) & (gap > 0)
        rebought = np.zeros(len(pairs.product), np.bool_)
        rebought[pair[1:][again]] = True
        buyers = np.bincount(pairs.product, minlength=n)
        rebuyers = np.bincount(pairs.product[rebought], minlength=n)
        self.shop_rate_ = float(rebuyers.sum() / max(buyers.sum(), 1))
        category = catalog.category
        known = category >= 0
        again_there, buyers_there = (
            np.bincount(category[known], x[known], len(catalog.categories))
            for x in (rebuyers, buyers)
        )
        self.category_rate_ = _shrunk(again_there, buyers_there, self.shop_rate_)
        self.rate_ = _shrunk(rebuyers, buyers, self._category_rates(catalog))
        self.gap_days_ = _medians(pairs.product[pair[1:][again]], gap[again], n)
        self.shop_gap_days_ = float(np.median(gap[again])) if again.any() else 30.0
        self.baskets_ = np.bincount(pairs.product[pair], minlength=n).astype(np.int32)
        owner = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
        starts = np.ones(len(owner), np.bool_)
        starts[1:] = (np.diff(owner) != 0) | (np.diff(histories.at) != 0)
        self.n_baskets_ = int(starts.sum())
        return self

    def extended(self, catalog: Catalog) -> "Refills":
        """The same for a catalogue that has grown: new products are as their category."""
        if len(self.rate_) == len(catalog):
            return self
        return _extended.get(catalog, self, lambda: self._extended(catalog))

    def _extended(self, catalog: Catalog) -> "Refills":
        out, held = Refills(), len(self.rate_)
        out.rate_ = self._category_rates(catalog)
        out.rate_[:held] = self.rate_
        out.gap_days_ = np.full(len(catalog), np.nan, np.float32)
        out.gap_days_[:held] = self.gap_days_
        out.baskets_ = np.zeros(len(catalog), np.int32)
        out.baskets_[:held] = self.baskets_
        out.category_rate_, out.shop_rate_ = self.category_rate_, self.shop_rate_
        out.shop_gap_days_, out.n_baskets_ = self.shop_gap_days_, self.n_baskets_
        return out

    @cached_property
    def refill(self) -> npt.NDArray[np.bool_]:
        """Which products are refills, shape (products,)."""
        return self.rate_ >= REFILL_RATE

    @cached_property
    def gap_ms(self) -> npt.NDArray[np.float64]:
        """The usual ms from one purchase to the next, shape (products,)."""
        days = np.where(np.isnan(self.gap_days_), self.shop_gap_days_, self.gap_days_)
        return np.asarray(days, np.float64) * DAY_MS

    def save(self, folder: Path) -> None:
        """Write JSON and .npy files."""
        settings = {
            "shop_rate": self.shop_rate_,
            "shop_gap_days": self.shop_gap_days_,
            "n_baskets": self.n_baskets_,
        }
        write_settings(folder, settings)
        for name in _ARRAYS:
            write_array(folder, name, getattr(self, f"{name}_"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; arrays are memory-mapped."""
        out, settings = cls(), read_settings(folder)
        out.shop_rate_ = float(settings["shop_rate"])
        out.shop_gap_days_ = float(settings["shop_gap_days"])
        out.n_baskets_ = int(settings["n_baskets"])
        for name in _ARRAYS:
            setattr(out, f"{name}_", read_array(folder, name))
        return out

    def _category_rates(self, catalog: Catalog) -> npt.NDArray[np.float32]:
        """Of each product its category's rate; the shop's where that is unknown."""
        rates = np.full(len(catalog.categories) + 1, self.shop_rate_, np.float32)
        rates[: len(self.category_rate_)] = self.category_rate_
        rates[-1] = self.shop_rate_
        out: npt.NDArray[np.float32] = rates[catalog.category]
        return out


_extended: Kept[Refills] = Kept(2)
_ARRAYS = ("rate", "gap_days", "baskets", "category_rate")


def _shrunk(
    again: npt.NDArray[np.floating[Any] | np.integer[Any]],
    buyers: npt.NDArray[np.floating[Any] | np.integer[Any]],
    prior: float | npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    shrunk = (again + PRIOR_BUYERS * prior) / (buyers + PRIOR_BUYERS)
    return np.asarray(shrunk, np.float32)


def _medians(
    product: npt.NDArray[np.int32], gap: npt.NDArray[np.int64], n: int
) -> npt.NDArray[np.float32]:
    """The median gap of each product with enough of them; NaN otherwise."""
    order = np.lexsort((gap, product))
    gap = gap[order]
    counts = np.bincount(product, minlength=n)
    begin = np.cumsum(counts) - counts
    out = np.full(n, np.nan, np.float32)
    some = np.flatnonzero(counts >= MIN_GAPS)
    low = begin[some] + (counts[some] - 1) // 2
    high = begin[some] + counts[some] // 2
    out[some] = (gap[low] + gap[high]) / 2
    return out
