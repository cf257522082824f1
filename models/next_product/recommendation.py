"""Recommended products, with their reasons, and the lists that they stand in."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """A candidate generator that proposed a product."""

    name: str
    place: int
    """In its list, 1 the first."""
    score: float
    """The generator's own, comparable within its list alone."""


@dataclass(frozen=True)
class Recommendation:
    """One product to show."""

    product: int
    """Catalogue index: of the parent, or of a variant where variants were asked for."""
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
    value: float | None = None
    """Probability × margin × price, in the shop's currency; None where one is not known."""
    evidence: Mapping[str, float | int | str] = field(default_factory=dict)
    """What the reason rests on: the products, days and counts in it."""
    sources: tuple[Source, ...] = ()
    """All generators that proposed it."""
    propensity: float = 1.0
    """The probability with which it was put into its place, given the places before it."""
    rule: str | None = None
    """The shop's rule that put it there or moved it."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """What the score is made of: `relevance`, and what `rules` and `rotation` multiply it by."""


@dataclass(frozen=True)
class NotShown:
    """A product that would have been proposed, or was pinned, and why it is not shown."""

    product: int
    why: str
    """`bought`, `filter`, … (see `Why`)."""
    rule: str | None = None


@dataclass(frozen=True)
class Shelf:
    """One placement's list, best first."""

    placement: str
    items: tuple[Recommendation, ...]
    withheld: tuple[NotShown, ...] = ()
    """With `explain`: what was proposed and not shown."""
    features: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """With `explain`: the ranker's row of each item, by product."""
