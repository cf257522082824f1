"""Reference: what is known of the population as of an instant.

A category's price level, a product's usual repurchase gap and what is bought together are not
functions of one timeline. They are computed here from what was known before an instant, and
travel with the bundle, so that the service uses the very numbers the models were trained on.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from scipy import sparse

from features.catalog import Catalog
from features.errors import StorageError
from features.events.schema import schema
from features.gaps import MOST_WEIGHT, Gaps
from features.instants import DAY_MS
from features.timeline import Timelines

NEIGHBOURS = 20
"""Co-purchase neighbours kept for each product."""

MIN_TOGETHER = 2
"""Baskets that two products must share; once is chance."""

MIN_GAPS = 5
"""Repurchases a product needs before its gap is stated."""

FEW = 10
"""Buyers at which a product's own figures count as much as all products'."""

MAX_BASKET = 200
"""Products in a basket beyond which it says nothing about what goes together (wholesale);
it also bounds the pairs that are counted."""


PRODUCT_FACTS = (
    "product_price",
    "product_gap_days",
    "product_usual_days",
    "product_buyers",
    "product_buyers_30d",
    "product_again",
    "product_place",
    "product_basket",
)
"""Arrays of shape (products,)."""


@dataclass(frozen=True)
class Reference:
    """Population facts as of an instant; product arrays are by catalogue index, at parents."""

    category_price: npt.NDArray[np.float32]
    """Median price of one piece bought, by category index; NaN where nothing was bought."""
    product_price: npt.NDArray[np.float32]
    """Median price paid for one piece; NaN where never bought."""
    product_gap_days: npt.NDArray[np.float32]
    """Median days between a customer's repurchases of the product; NaN below MIN_GAPS."""
    product_usual_days: npt.NDArray[np.float32]
    """Days between repurchases as `Gaps.learn` has them: of every product, if of any."""
    gap_prior: npt.NDArray[np.float32]
    """Everybody's usual days, and how many own gaps count as much as the product's; shape (2,)."""
    product_buyers: npt.NDArray[np.int32]
    """Distinct customers who bought it."""
    product_buyers_30d: npt.NDArray[np.int32]
    """Those of the last 30 days."""
    product_again: npt.NDArray[np.float32]
    """Share of its buyers who bought it in a second basket; of few buyers, mixed with all's."""
    product_place: npt.NDArray[np.float32]
    """Mean number of baskets before a customer's first with it; of few buyers, mixed with all's."""
    product_basket: npt.NDArray[np.float32]
    """Mean products in baskets that hold it; NaN where never bought."""
    co_offsets: npt.NDArray[np.int64]
    """Neighbours of product p are `co_products[co_offsets[p]:co_offsets[p + 1]]`."""
    co_products: npt.NDArray[np.int32]
    co_weight: npt.NDArray[np.float32]
    """Cosine of the two products' baskets, strongest first."""

    @classmethod
    def empty(cls, catalog: Catalog) -> "Reference":
        """Nothing known yet about these products."""
        return cls(
            category_price=np.full(len(catalog.categories), np.nan, np.float32),
            product_price=np.full(len(catalog), np.nan, np.float32),
            product_gap_days=np.full(len(catalog), np.nan, np.float32),
            product_usual_days=np.full(len(catalog), np.nan, np.float32),
            gap_prior=np.array([np.nan, MOST_WEIGHT], np.float32),
            product_buyers=np.zeros(len(catalog), np.int32),
            product_buyers_30d=np.zeros(len(catalog), np.int32),
            product_again=np.full(len(catalog), np.nan, np.float32),
            product_place=np.full(len(catalog), np.nan, np.float32),
            product_basket=np.full(len(catalog), np.nan, np.float32),
            co_offsets=np.zeros(len(catalog) + 1, np.int64),
            co_products=np.empty(0, np.int32),
            co_weight=np.empty(0, np.float32),
        )

    @classmethod
    def as_of(cls, timelines: Timelines, catalog: Catalog, at: int) -> "Reference":
        """Population facts from what was known before an instant.

        Arguments:
            timelines: all customers, anonymous baskets included.
            catalog: the numbering the timelines' products refer to.
            at: int64 ms UTC.
        """
        lines = _lines_before(timelines, catalog, at)
        if not len(lines.product):
            return cls.empty(catalog)
        n = len(catalog)
        paid = lines.price > 0
        priced = paid & (lines.category >= 0)
        offsets, products, weight = _together(lines, n)
        return cls(
            category_price=_medians(
                lines.category[priced], lines.price[priced], len(catalog.categories)
            ),
            product_price=_medians(lines.product[paid], lines.price[paid], n),
            **_by_product(lines, n, at // DAY_MS),
            co_offsets=offsets,
            co_products=products,
            co_weight=weight,
        )

    def extended(self, catalog: Catalog) -> "Reference":
        """The same facts for a catalogue that has grown; of new products nothing is known."""
        if len(self.product_buyers) == len(catalog) and len(self.category_price) == len(
            catalog.categories
        ):
            return self
        unknown = Reference.empty(catalog)
        held = len(self.product_buyers)
        unknown.category_price[: len(self.category_price)] = self.category_price
        unknown.product_usual_days[:] = self.gap_prior[0]
        unknown.gap_prior[:] = self.gap_prior
        for name in PRODUCT_FACTS:
            getattr(unknown, name)[:held] = getattr(self, name)
        unknown.co_offsets[: held + 1] = self.co_offsets
        unknown.co_offsets[held + 1 :] = self.co_offsets[-1]
        return replace(unknown, co_products=self.co_products, co_weight=self.co_weight)

    def save(self, folder: Path) -> None:
        """Write one .npy file per array."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name))

    @classmethod
    def load(cls, folder: Path) -> "Reference":
        """Memory-map saved facts.

        Raises:
            StorageError: an array is missing or unreadable.
        """
        try:
            return cls(
                **{
                    field.name: np.asarray(np.load(folder / f"{field.name}.npy", mmap_mode="c"))
                    for field in fields(cls)
                }
            )
        except (OSError, ValueError) as error:
            raise StorageError(f"cannot read reference facts from {folder}: {error}") from error


@dataclass(frozen=True)
class _Lines:
    """Order lines known before the instant, in the timelines' order."""

    customer: npt.NDArray[np.int64]
    basket: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    product: npt.NDArray[np.int32]
    category: npt.NDArray[np.int32]
    price: npt.NDArray[np.float32]


def _lines_before(timelines: Timelines, catalog: Catalog, at: int) -> _Lines:
    rows = timelines.rows
    line = schema().code("Order Line")
    keep = np.flatnonzero((rows.type == line) & (rows.product >= 0) & rows.before(at))
    customer = np.searchsorted(timelines.offsets, keep, side="right") - 1
    moment = rows.at[keep]
    # Lines stand right behind their order, so a basket ends where customer or instant change.
    starts = np.ones(len(keep), np.bool_)
    starts[1:] = (np.diff(customer) != 0) | (np.diff(moment) != 0)
    variant = rows.product[keep]
    return _Lines(
        customer=customer,
        basket=np.cumsum(starts) - 1,
        day=moment // DAY_MS,
        product=catalog.parent[variant],
        category=catalog.category[variant],
        price=rows.measure[keep],
    )


def _medians(
    group: npt.NDArray[np.int32], value: npt.NDArray[np.float32], groups: int, least: int = 1
) -> npt.NDArray[np.float32]:
    """Median of the values of each group; NaN below `least` values."""
    order = np.lexsort((value, group))
    value = value[order]
    counts = np.bincount(group, minlength=groups)
    ends = np.cumsum(counts)
    out = np.full(groups, np.nan, np.float32)
    some = np.flatnonzero(counts >= least)
    low = ends[some] - counts[some] + (counts[some] - 1) // 2
    high = ends[some] - counts[some] + counts[some] // 2
    out[some] = (value[low] + value[high]) / 2
    return out


def _by_product(lines: _Lines, n: int, today: int) -> dict[str, npt.NDArray[Any]]:
    """What customers' purchases of a product, one after another, say of it."""
    order = np.lexsort((lines.basket, lines.product, lines.customer))
    customer, product = lines.customer[order], lines.product[order]
    basket, day = lines.basket[order], lines.day[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(customer) != 0) | (np.diff(product) != 0)
    pair = np.cumsum(first) - 1
    gap = np.diff(day)
    again = ~first[1:] & (gap > 0)
    days = gap[again].astype(np.float64)
    gaps = Gaps.learn(pair[1:][again], product[1:][again], days, n)
    bought = product[first]
    buyers = np.bincount(bought, minlength=n)
    last = np.append(np.flatnonzero(first)[1:], len(order)) - 1
    other_basket = np.append(~first[1:] & (np.diff(basket) > 0), False)
    repeats = np.bincount(pair[1:][other_basket[:-1]], minlength=len(bought)) > 0
    # baskets are numbered along each customer's time
    begin = np.ones(len(lines.customer), np.bool_)
    begin[1:] = np.diff(lines.customer) != 0
    earliest = lines.basket[begin][np.cumsum(begin) - 1]
    before = basket[first] - earliest[order][first]
    size = np.bincount(lines.basket)[lines.basket]
    held = np.bincount(lines.product, minlength=n)
    return {
        "product_gap_days": _medians(product[1:][again], days.astype(np.float32), n, MIN_GAPS),
        "product_usual_days": gaps.product_days,
        "gap_prior": np.array([gaps.everyone_days, gaps.weight], np.float32),
        "product_buyers": buyers.astype(np.int32),
        "product_buyers_30d": np.bincount(bought[day[last] >= today - 30], minlength=n).astype(
            np.int32
        ),
        "product_again": _mixed(np.bincount(bought, repeats.astype(np.float64), n), buyers),
        "product_place": _mixed(np.bincount(bought, before.astype(np.float64), n), buyers),
        "product_basket": (
            np.bincount(lines.product, size, n) / np.where(held > 0, held, np.nan)
        ).astype(np.float32),
    }


def _mixed(
    total: npt.NDArray[np.generic], number: npt.NDArray[np.generic]
) -> npt.NDArray[np.float32]:
    """Means by product, with everybody's mean as if of FEW buyers more."""
    usual = total.sum() / max(number.sum(), 1)
    out: npt.NDArray[np.float32] = ((total + FEW * usual) / (number + FEW)).astype(np.float32)
    return out


def _together(
    lines: _Lines, n: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Strongest neighbours by the cosine of basket incidence (Sarwar et al. 2001)."""
    baskets = int(lines.basket[-1]) + 1
    incidence = sparse.csr_array(
        (np.ones(len(lines.product), np.float32), (lines.basket, lines.product)),
        shape=(baskets, n),
    )
    incidence.data[:] = 1.0
    size = np.diff(incidence.indptr)
    incidence = incidence[(size > 1) & (size <= MAX_BASKET)]
    together = sparse.csr_array(incidence.T @ incidence)
    norm = np.sqrt(np.maximum(together.diagonal(), 1.0))
    found, products, weight = _strongest(together.indptr, together.indices, together.data, norm)
    kept = np.arange(NEIGHBOURS) < found[:, None]
    return np.concatenate([[0], np.cumsum(found)]), products[kept], weight[kept]


@nb.njit(cache=True)
def _strongest(starts, others, counts, norm):  # type: ignore[no-untyped-def]  # compiled
    """The NEIGHBOURS strongest of each product by insertion; the lower index wins a tie."""
    n = len(starts) - 1
    found = np.zeros(n, np.int64)
    products = np.empty((n, NEIGHBOURS), np.int32)
    weights = np.empty((n, NEIGHBOURS), np.float32)
    for p in range(n):
        for k in range(starts[p], starts[p + 1]):
            other = others[k]
            if other == p or counts[k] < MIN_TOGETHER:
                continue
            weight = np.float32(counts[k] / (norm[p] * norm[other]))
            j = found[p]
            if j == NEIGHBOURS and not _before(
                weight, other, weights[p, j - 1], products[p, j - 1]
            ):
                continue
            if j < NEIGHBOURS:
                found[p] += 1
            else:
                j -= 1
            while j > 0 and _before(weight, other, weights[p, j - 1], products[p, j - 1]):
                weights[p, j] = weights[p, j - 1]
                products[p, j] = products[p, j - 1]
                j -= 1
            weights[p, j] = weight
            products[p, j] = other
    return found, products, weights


@nb.njit(cache=True)
def _before(weight, product, other_weight, other_product):  # type: ignore[no-untyped-def]  # compiled
    return weight > other_weight or (weight == other_weight and product < other_product)
