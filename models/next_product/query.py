"""What is asked of the next-product model for one page."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.next_product.placements import Placement
from models.next_product.shelf.filters import Filters
from models.next_product.shelf.rules import Rule


@dataclass(frozen=True)
class Ask:
    """One list of a page."""

    placement: Placement
    k: int | None = None
    """How many products; the placement's own number when None."""
    anchors: Sequence[int] = ()
    """Catalogue indices: the page's product, the products of cart or order, the search results.
    For a cart, what the timeline says is in it when empty."""
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True)
class Query:
    """One or several lists; no product stands twice on them."""

    asks: Sequence[Ask]
    rules: Sequence[Rule] = ()
    """The shop's; those that act now, here, are followed."""
    exclude: Sequence[int] = ()
    """Products (any variant) not to show."""
    variants: bool = False
    """List the variant that suits the customer rather than the parent."""
    explain: bool = False
    """Say also what was not shown, and the ranker's rows."""
    seed: str = ""
    """What the draws of new products depend on: the recommendation's id. The same seed, instant
    and customer give the same page."""
    age: float | None = None
    """The customer's, in years; products with a `min_age` are shown to nobody of unknown age."""
    country: str | None = None
    """Where the customer is, as the shop's events name it; what those say if None."""
    sensitive: bool = False
    """Whether products marked `sensitive` may be shown: the customer said yes to
    personalisation, rather than not no."""
