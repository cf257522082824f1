"""What the ranker sees of a customer and a candidate, in training and at request time alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.instants import DAY_MS
from features.pairs import PAIR_FEATURES
from features.ranges import ranges
from models.next_product.opinions import Lists, Opinions, Shown

CUSTOMER_FEATURES = (
    "purchase_orders_90d",
    "purchase_orders_life",
    "purchase_lines_life",
    "purchase_order_value_mean_life",
    "purchase_basket_size_mean_life",
    "cadence_order_days_since_last",
    "cadence_order_gap_mean_life",
    "preference_products_distinct_life",
    "preference_price_level_mean_365d",
    "engagement_activity_days_since_last",  # how old the last session is
)
"""What of the customer bears on which product comes next; the rest is left to churn."""

PRODUCT_COLUMNS = ("product_age_days",)
"""What of the product bears on it, beside what the pair features say."""


@dataclass(frozen=True)
class Proposals:
    """Candidates of one or many customers, customer after customer."""

    offsets: npt.NDArray[np.int64]
    """Candidates of customer `i` are `offsets[i]:offsets[i + 1]`."""
    products: npt.NDArray[np.int32]
    """Catalogue indices of parents, rising within a customer."""
    opinions: npt.NDArray[np.float32]
    """Per generator: score, score over the customer's best, place in its list (NaN when not
    in it); shape (candidates, 3 × generators)."""

    @property
    def places(self) -> npt.NDArray[np.float32]:
        """Place in each generator's list, 1 the best, NaN when not in it."""
        return self.opinions[:, 2::3]

    def part(self, customer: int) -> "Proposals":
        """Of one of the customers."""
        mine = slice(int(self.offsets[customer]), int(self.offsets[customer + 1]))
        ends = np.array([0, mine.stop - mine.start], np.int64)
        return Proposals(ends, self.products[mine], self.opinions[mine])


def propose(
    opinions: Sequence[Opinions],
    depth: int,
    shown: Shown,
    known: npt.NDArray[np.bool_],
    also: Lists | None = None,
) -> Proposals:
    """The union of the generators' lists, customer by customer.

    Arguments:
        opinions: per generator, of n customers.
        depth: length of each list.
        shown: what may be shown to them; lists are drawn from these only.
        known: to whom anything is proposed, shape (n,); strangers get what is popular, unranked.
        also: further products to judge, whoever proposes them.
    """
    width, n = len(shown.everyone), len(known)
    lists = [opinion.top(depth, shown) for opinion in opinions]
    keys = [found.owner * width + found.products for found in lists]
    further = [] if also is None else [also.owner * width + also.products]
    union = np.unique(np.concatenate([np.empty(0, np.int64), *keys, *further]))
    union = union[known[union // max(width, 1)]]
    offsets = np.searchsorted(union, np.arange(n + 1) * width).astype(np.int64)
    products = (union % max(width, 1)).astype(np.int32)
    owner = np.repeat(np.arange(n), np.diff(offsets))
    said = np.full((len(products), 3 * len(lists)), np.nan, np.float32)
    for g, (opinion, found, key) in enumerate(zip(opinions, lists, keys, strict=True)):
        value = opinion.of(offsets, products)
        some = np.diff(found.offsets) > 0
        best = np.ones(n, np.float32)
        best[some] = found.scores[found.offsets[:-1][some]]
        said[:, 3 * g] = value
        said[:, 3 * g + 1] = value / best[owner]
        place = ranges(np.ones(n, np.int64), np.diff(found.offsets))
        kept = known[found.owner]
        said[np.searchsorted(union, key[kept]), 3 * g + 2] = place[kept]
    return Proposals(offsets, products, said)


def column_names(generators: list[str], customer_features: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the ranker's columns, in order."""
    return (
        *(f"{name}_{part}" for name in generators for part in ("score", "share", "place")),
        *(feature.name for feature in PAIR_FEATURES),
        *customer_features,
        *PRODUCT_COLUMNS,
    )


def assemble(
    proposals: Proposals,
    pair: npt.NDArray[np.float32],
    customer: npt.NDArray[np.float32],
    instants: npt.NDArray[np.int64],
    catalog: Catalog,
) -> npt.NDArray[np.float32]:
    """The ranker's rows, float32, shape (candidates, columns).

    Arguments:
        proposals: candidates of n customers.
        pair: pair features of each candidate.
        customer: customer features, shape (n, features).
        instants: each customer's instant, shape (n,).
        catalog: the numbering of the products.
    """
    counts = np.diff(proposals.offsets)
    first_seen = catalog.first_seen_at[proposals.products]
    age = (np.repeat(instants, counts) - first_seen) / DAY_MS
    known = np.where(first_seen > 0, age, np.nan).astype(np.float32)[:, None]
    return np.hstack([proposals.opinions, pair, np.repeat(customer, counts, axis=0), known])
