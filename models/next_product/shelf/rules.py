"""What the shop itself wants shown: named rules that boost, bury, pin, promote or exclude."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Literal, Self

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from features.catalog import Catalog
from features.errors import InputError, shown
from features.instants import instant
from models.next_product.shelf.filters import EVERYTHING, Filters, Mask
from models.next_product.shelf.kept import Kept

Action = Literal["boost", "bury", "pin", "promote", "exclude"]


class Rule(BaseModel):
    """One rule; it acts on the products it names and on those its filters match.

    Where several rules concern one product, exclude comes before pin, pin before promote, and
    boosts and buries multiply; of two pins at one place the first by name counts. What must not
    be shown to a customer is shown by no rule.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """What it is called in answers and addresses."""

    action: Action
    """Boost and bury move products up or down, pin puts one at a place, promote keeps a part of
    the places for some, exclude shows none of them."""

    match: Filters = EVERYTHING
    """Any product of the catalogue that passes."""

    products: tuple[str, ...] = Field(default=(), max_length=1000)
    """Product ids, each with its variants; they count beside those that match."""

    strength: float = Field(default=2.0, gt=1, le=1000)
    """Of boost and bury: the score is multiplied, or divided, by it."""

    position: int | None = Field(default=None, ge=1, le=100)
    """Of a pin: the place on the list, 1 the first; of several products the best ranked."""

    share: float | None = Field(default=None, gt=0, le=1)
    """Of promote: the part of a list's places that go to these products, spread over it."""

    placements: tuple[str, ...] = ()
    """Where it acts; everywhere when empty."""

    starts_at: AwareDatetime | None = None
    """From when on it acts; always when absent."""

    ends_at: AwareDatetime | None = None
    """From when on it no longer acts; never when absent."""

    enabled: bool = True
    """Whether it acts at all."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.match and not self.products:
            raise ValueError("name products, or filters that products match")
        if (self.action == "pin") != (self.position is not None):
            raise ValueError("a pin needs a position, and nothing else has one")
        if (self.action == "promote") != (self.share is not None):
            raise ValueError("promote needs a share, and nothing else has one")
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        return self

    def acts(self, placement: str, at: int) -> bool:
        """Whether it acts in a placement at an instant (int64 ms UTC)."""
        return (
            self.enabled
            and (not self.placements or placement in self.placements)
            and (self.starts_at is None or instant(self.starts_at) <= at)
            and (self.ends_at is None or at < instant(self.ends_at))
        )

    def concerned(self, catalog: Catalog) -> Mask:
        """The parents it is about, shape (products,), read-only; of a variant its parent.

        A product that the catalogue does not have yet concerns nothing.

        Raises:
            InputError: the catalogue has no such field; see `Filters.allowed`.
        """
        return _concerned.get(catalog, self, lambda: self._mask(catalog))

    def _mask(self, catalog: Catalog) -> Mask:
        out = np.zeros(len(catalog), np.bool_)
        named = [catalog.index[i] for i in self.products if i in catalog.index]
        out[catalog.parent[named]] = True
        matching = self.match.allowed(catalog)
        if matching is not None:
            out[catalog.parent[matching]] = True
        out.flags.writeable = False
        return out


def check(rules: Sequence[Rule], catalog: Catalog | None = None) -> None:
    """See that rules do not contradict each other where and when they act together.

    Arguments:
        rules: all that the shop has.
        catalog: to see also which pinned products another rule's filters exclude.

    Raises:
        InputError: a name stands twice; two pins have one position, or one product two; a
            product is pinned and excluded; promoted shares are above 1 in sum. The message
            names the rules.
    """
    for one, other in combinations(rules, 2):
        if one.name == other.name:
            raise InputError(f"two rules are called {shown(one.name)}; rename one")
        if not _together(one, other):
            continue
        if one.action == other.action == "pin":
            _check_pins(one, other)
        for pin, exclude in ((one, other), (other, one)):
            if pin.action == "pin" and exclude.action == "exclude":
                _check_excluded(pin, exclude, catalog)
    _check_shares([rule for rule in rules if rule.action == "promote" and rule.enabled])


def _check_pins(one: Rule, other: Rule) -> None:
    if one.position == other.position:
        raise InputError(
            f"the rules {shown(one.name)} and {shown(other.name)} pin different products at "
            f"position {one.position} at the same time; move one, or let one end earlier"
        )
    if len(one.products) == 1 and one.products == other.products and not (one.match or other.match):
        raise InputError(
            f"the rules {shown(one.name)} and {shown(other.name)} pin {one.products[0]} at two "
            f"positions, {one.position} and {other.position}, at the same time; remove one"
        )


def _check_excluded(pin: Rule, exclude: Rule, catalog: Catalog | None) -> None:
    both = [product for product in pin.products if product in exclude.products]
    if not both and catalog is not None:
        out = exclude.concerned(catalog)
        places = ((i, catalog.index.get(i)) for i in pin.products)
        both = [i for i, place in places if place is not None and out[catalog.parent[place]]]
    if both:
        raise InputError(
            f"the rule {shown(pin.name)} pins {both[0]}, which the rule {shown(exclude.name)} "
            "excludes at the same time; take it out of one"
        )


def _check_shares(promoting: Sequence[Rule]) -> None:
    """See that no list is promised more than once; sums are highest where a rule begins."""
    for begun in promoting:
        for placement in begun.placements or (*_named(promoting), "any other"):
            begin = instant(begun.starts_at) if begun.starts_at else _ALWAYS
            acting = [rule for rule in promoting if rule.acts(placement, begin)]
            total = sum(rule.share or 0 for rule in acting)
            if total > 1 + 1e-9:
                names = ", ".join(rule.name for rule in acting)
                raise InputError(
                    f"the rules {names} promote {total:.0%} of the places of {placement}; "
                    "lower their shares to 100 % in sum"
                )


def _named(rules: Sequence[Rule]) -> Iterator[str]:
    return (placement for rule in rules for placement in rule.placements)


def _together(one: Rule, other: Rule) -> bool:
    """Whether both act in some placement at some instant."""
    where = not one.placements or not other.placements
    where = where or bool(set(one.placements) & set(other.placements))
    ends = [rule.ends_at for rule in (one, other) if rule.ends_at is not None]
    begins = [rule.starts_at for rule in (one, other) if rule.starts_at is not None]
    when = not ends or not begins or max(begins) < min(ends)
    return where and when and one.enabled and other.enabled


_ALWAYS = -(1 << 62)
"""Before every instant."""

_concerned: Kept[Mask] = Kept(64)
