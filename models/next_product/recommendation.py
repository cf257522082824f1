"""One recommended product, with the reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recommendation:
    """One product to show."""

    product: int
    """Catalogue index of the parent."""
    score: float
    """Higher is better, comparable within one list; 0 for what only fills it up."""
    probability: float | None
    """P(bought within the horizon), given that the customer orders in it; None where the
    ranker did not judge."""
    reason: str
    """Why, in words for the customer."""
    source: str
    """The generator that gives the reason: of those that proposed the product, one that knows it
    from the customer's own purchases, else the one that listed it highest."""
