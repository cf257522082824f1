"""Lists of products: as they are asked for, and as they are answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from models.next_product.recommendation import Shelf
from models.next_product.shelf import Filters
from serving.live import Live

Fallback = Literal[
    "unknown_customer",
    "no_consent",
    "no_bundle",
    "empty_filter",
    "model_failed",
    "store_unavailable",
    "unknown_product",
    "no_anchor",
    "unknown_placement",
]
"""Why a list is not the model's own for this customer and place; of several the weightiest.

`no_consent`: they do not allow what they did to be used for it. `unknown_product`, `no_anchor`:
the placement is about a product, and the one that was named is not known, or none was.
"""

EMPTY_FILTER: Final = "empty_filter"

_WORDS: Mapping[Fallback, str] = {
    "unknown_customer": "nothing is known of this customer",
    "no_consent": "the customer does not allow personalisation",
    "no_bundle": "no model is published yet, so these are what is bought most often",
    "empty_filter": "nothing that can be bought passes the filters",
    "model_failed": "the model failed, so these are what is bought most often; see the log",
    "store_unavailable": "the store does not answer, so nothing is known of the customer",
    "no_anchor": "the placement is about products, and none is named in product_id or product_ids",
}


def in_words(fallback: Fallback) -> str:
    """A fallback, said to a developer."""
    return _WORDS[fallback]


@dataclass(frozen=True)
class Wanted:
    """One list as it is asked for."""

    placement: str
    k: int | None = None
    """How many; None: as many as the placement says."""
    product_ids: Sequence[str] = ()
    """What the list is about: the page's product, the cart, the order, the search's results."""
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True)
class Listed:
    """One list, and how it was come by."""

    recommendation_id: str
    placement: str
    """As it was asked for."""
    shelf: Shelf
    fallback: Fallback | None
    note: str | None
    """Why it is not all that was asked for, in words."""


@dataclass(frozen=True)
class Page:
    """The lists of one answer, in the order in which they were asked for."""

    lists: tuple[Listed, ...]
    live: Live
