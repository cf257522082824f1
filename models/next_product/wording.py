"""Why a product stands in a list, in words for the customer, and what that rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from features.gaps import between
from features.instants import iso
from models.next_product.anchors import TOGETHER, Anchored, nearest_anchor
from models.next_product.candidate import Candidates
from models.next_product.placements.placement import CATEGORY
from models.next_product.popular import Popular
from models.next_product.recommendation import Source
from models.next_product.shelf.arrange import Placed
from models.next_product.shelf.slots import EXPLORED, PINNED, PROMOTED

if TYPE_CHECKING:
    from models.next_product.visit import Judged, Visit

FILLS = "catalog"
"""The source of what nobody proposed and nobody bought lately."""

RULE = "rule"
"""The source of what a rule of the shop put there."""

NEW = "new"
"""The source of what is shown because it is new."""


@dataclass(frozen=True)
class Told:
    """A reason."""

    reason: str
    source: str
    sources: tuple[Source, ...] = ()
    evidence: Mapping[str, float | int | str] = field(default_factory=dict)


def told(
    visit: "Visit",
    anchor: str,
    placed: Placed,
    judged: "Judged",
    about: Anchored | None,
) -> Told:
    """Why a product stands where it does.

    What it is about comes first in a list about products; then what the customer did; then what
    the shop wanted.

    Arguments:
        visit: whose.
        anchor: what the list is about.
        placed: the product.
        judged: the customer's candidates.
        about: the anchors' candidates, in a list about products.
    """
    product = placed.product
    sources = _sources(visit, product, judged)
    if about is not None:
        place = int(np.searchsorted(about.products, product))
        if place < len(about.products) and about.products[place] == product:
            return _of_anchor(visit, anchor, product, about, place, sources)
    own = judged.place(product)
    if own is not None and sources:
        best = _telling(visit.model.generators, judged.proposals.places[own])
        reason = best.reason(visit.history, product, visit.catalog)
        return Told(reason, best.name, sources, _bought(visit, product))
    if placed.how in (PINNED, PROMOTED):
        return Told("Recommended by the shop", RULE, evidence={"rule": placed.rule or ""})
    if placed.how == EXPLORED:
        return Told("New in our range", NEW, evidence=_first_seen(visit, product))
    if anchor == "results":
        return Told("Fits your search", "search")
    liked = visit.liked_by_all
    if liked.name != Popular.name and visit.is_liked(product):
        return Told(liked.reason(visit.history, product, visit.catalog), liked.name)
    return Told(*_filling_up(visit.model.popular, product))


def _telling(generators: Sequence[Candidates], places: npt.NDArray[np.float32]) -> Candidates:
    """The generator that gives a candidate's reason; see `Recommendation.source`.

    Arguments:
        generators: those of the model.
        places: the candidate's in each one's list, NaN where it does not stand there.
    """
    listed = (
        (not generator.certain, place, g)
        for g, (generator, place) in enumerate(zip(generators, places.tolist(), strict=True))
        if place == place
    )
    return generators[min(listed)[2]]


def _filling_up(popular: Popular, product: int) -> tuple[str, str]:
    """The reason and the source of a product that nobody proposes."""
    if product < len(popular.buyers_) and popular.buyers_[product] > 0:
        return "Popular right now", Popular.name
    return "More from our range", FILLS


def _of_anchor(
    visit: "Visit",
    anchor: str,
    product: int,
    about: Anchored,
    place: int,
    sources: tuple[Source, ...],
) -> Told:
    """Why a product goes with the anchors, or is like them."""
    source, one = about.source[place], nearest_anchor(product, about.anchors, visit.reference)
    if one is None and len(about.anchors) == 1:
        one = about.anchors[0]
    title = "" if one is None else visit.catalog.title(one)
    if source in TOGETHER:
        reason = {
            "cart": f"Goes with {title}" if title else "Goes with what is in your cart",
            "order": f"Goes with {title}" if title else "Goes with what you ordered",
        }.get(anchor, f"Often bought with {title}")
        if title and anchor != "product":
            reason += " in your cart" if anchor == "cart" else ", which you ordered"
    elif source in ("session", "viewed"):
        reason = f"Looked at together with {title}" if title else "Looked at in visits like yours"
    elif source == CATEGORY:
        code = int(visit.catalog.category[product])
        reason = f"Popular in {visit.catalog.categories[code].split(' > ')[-1]}"
    else:
        reason = f"Similar to {title}" if title else "Similar to what you chose"
    theirs = tuple(
        Source(name, found + 1, float(lists.scores[found]))
        for name, lists in about.lists.items()
        for found in np.flatnonzero(lists.products == product).tolist()
    )
    evidence: dict[str, float | int | str] = {}
    if one is not None:
        evidence["product_id"] = visit.catalog.ids[one]
    others = (each for each in sources if each.name not in about.lists)
    return Told(reason, source, (*theirs, *others), evidence)


def _sources(visit: "Visit", product: int, judged: "Judged") -> tuple[Source, ...]:
    """The generators that proposed a product to the customer, the one that did so highest first."""
    place = judged.place(product)
    if place is None:
        return ()
    said = judged.proposals.opinions[place].tolist()
    found = [
        Source(generator.name, int(rank), score)
        for generator, score, rank in zip(
            visit.model.generators, said[0::3], said[2::3], strict=True
        )
        if rank == rank
    ]
    return tuple(sorted(found, key=lambda source: source.place))


def _bought(visit: "Visit", product: int) -> Mapping[str, float | int | str]:
    """How often the customer bought a product, how many days apart, and when last."""
    history = visit.history
    if not history.bought[0]:
        return {}
    pairs = history.purchases
    place = int(np.searchsorted(pairs.product, product))
    if place == len(pairs.product) or pairs.product[place] != product:
        return {}
    at = pairs.basket_at[pairs.offsets[place] : pairs.offsets[place + 1]]
    out: dict[str, float | int | str] = {"times_bought": len(at), "last_bought_at": iso(at[-1])}
    days = between(np.zeros(len(at), np.int64), at)[1]
    if len(days):
        out["days_between"] = round(float(np.exp(np.log(days).mean())), 1)  # as the reason says
    return out


def _first_seen(visit: "Visit", product: int) -> Mapping[str, float | int | str]:
    return {"first_seen_at": iso(int(visit.catalog.first_seen_at[product]))}
