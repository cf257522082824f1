"""What the ranker sees of a customer and a candidate, in training and at request time alike."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.instants import DAY_MS
from features.pairs import PAIR_FEATURES
from models.next_product.candidate import Scores, best

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


def propose(scores: list[Scores], depth: int, shown: npt.NDArray[np.bool_]) -> Proposals:
    """The union of the generators' lists for one customer.

    Arguments:
        scores: per generator, scores of all products, shape (products,).
        depth: length of each list.
        shown: which products may be shown; lists are drawn from these only.
    """
    allowed = [np.where(shown[: len(s)], s, np.float32(0)) for s in scores]
    listed = [best(s, depth) for s in allowed]
    products = np.unique(np.concatenate(listed)) if listed else np.empty(0, np.int32)
    opinions = np.full((len(products), 3 * len(scores)), np.nan, np.float32)
    for g, (values, mine) in enumerate(zip(allowed, listed, strict=True)):
        value = values[products]
        opinions[:, 3 * g] = value
        opinions[:, 3 * g + 1] = value / values[mine[0]] if len(mine) else 0.0
        opinions[np.searchsorted(products, mine), 3 * g + 2] = np.arange(1, len(mine) + 1)
    return Proposals(np.array([0, len(products)], np.int64), products.astype(np.int32), opinions)


def joined(parts: list[Proposals], n_generators: int) -> Proposals:
    """Proposals of several customers as one."""
    counts = [len(part.products) for part in parts]
    return Proposals(
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        products=np.concatenate([np.empty(0, np.int32), *(part.products for part in parts)]),
        opinions=np.concatenate(
            [np.empty((0, 3 * n_generators), np.float32), *(part.opinions for part in parts)]
        ),
    )


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
