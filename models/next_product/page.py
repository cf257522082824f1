"""From a query to the lists of a page: one call, one customer, no product twice."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.errors import InputError
from features.reference import Reference
from features.timeline import Timeline
from models.next_product.anchors import Anchored, anchored, replacing
from models.next_product.opinions import Shown
from models.next_product.query import Ask, Query
from models.next_product.recommendation import NotShown, Recommendation, Shelf
from models.next_product.shelf.arrange import Placed, Pool, arrange
from models.next_product.shelf.exploration import draws, new_products, weights
from models.next_product.shelf.filters import Mask
from models.next_product.shelf.may import May
from models.next_product.shelf.rotation import seen
from models.next_product.shelf.rules import Rule
from models.next_product.shelf.variants import best_variant
from models.next_product.visit import Judged, Visit
from models.next_product.wording import Told, told

if TYPE_CHECKING:
    from models.next_product.pipeline import NextProductModel


def page(
    model: "NextProductModel",
    timeline: Timeline,
    at: int,
    query: Query,
    *,
    catalog: Catalog,
    reference: Reference,
) -> tuple[Shelf, ...]:
    """The lists of a page, in the order in which they are asked for.

    Arguments:
        model: fitted.
        timeline: the customer's; empty for a stranger.
        at: int64 ms UTC; only what was known before it counts.
        query: which lists, and what of the shop's and the caller's wishes bears on them.
        catalog: the present catalogue, which extends the one the model was fitted on.
        reference: the bundle's population facts, `extended` to the catalogue.

    Returns:
        Each list with `k` products whenever so many may be shown there and stand in no list
        before it; a placement that does not fill up (search) gives what it was given.

    Raises:
        InputError: a k is negative; a filter or a rule names a field the catalogue does not
            have; an anchor is no product of the catalogue.
    """
    visit = Visit(model, timeline, at, query, catalog, reference)
    drafts = [draft(visit, ask) for ask in query.asks]
    taken: set[int] = set()
    out = []
    for place, one in enumerate(drafts):
        held = set().union(*(later.pinned for later in drafts[place + 1 :])) - one.pinned
        shelf = filled(visit, one, taken | held)
        taken |= {int(catalog.parent[item.product]) for item in shelf.items}
        out.append(shelf)
    return tuple(out)


@dataclass(frozen=True)
class Draft:
    """A list before anything is chosen for it."""

    ask: Ask
    k: int
    rules: Sequence[Rule]
    anchors: Sequence[int]
    """Parents."""
    may: May
    pinned: set[int]
    """Products that a rule pins here by their id, so that no earlier list takes them."""


def draft(visit: Visit, ask: Ask) -> Draft:
    """What bears on a list, and what may stand on it; see `page`."""
    query, catalog, placement = visit.query, visit.catalog, ask.placement
    k = placement.k if ask.k is None else ask.k
    if k < 0:
        raise InputError(f"k = {k}: must be 0 or more")
    rules = [rule for rule in query.rules if rule.acts(placement.name, visit.at)]
    anchors = visit.anchors(ask)
    replaced: Mask | None = None
    if placement.complements and anchors:
        replaced = replacing(
            anchors, catalog, visit.reference, visit.refills, visit.model.generators
        )
    may = May.of(
        catalog,
        visit.at,
        visit.personal,
        shows=placement.shows,
        filters=ask.filters,
        rules=rules,
        exclude=query.exclude,
        anchors=[*anchors, *visit.cart],
        substitutes=replaced,
        age=query.age,
        sensitive=query.sensitive,
    )
    pinned = set()
    for rule in rules:
        if rule.position is not None and rule.position <= k and len(rule.products) == 1:
            named = catalog.parent[[catalog.index[i] for i in rule.products if i in catalog.index]]
            pinned |= set(named[may.of_these(named)].tolist())
    return Draft(ask, k, rules, anchors, may, pinned)


def filled(visit: Visit, draft: Draft, taken: Collection[int] = ()) -> Shelf:
    """Chooses a list's products, and says why; those `taken` stand elsewhere on the page."""
    ask, may, placement = draft.ask, draft.may, draft.ask.placement
    free = may.everyone.copy()
    free[list(taken)] = False
    free[may.personal.products] = False
    shown = Shown.alike(free, 1)
    about: Anchored | None = None
    given: npt.NDArray[np.int32] | None = None
    if draft.k and placement.anchor == "results":
        given, products, relevance, judged = _results(visit, draft, free)
    elif draft.k and placement.anchor != "none" and draft.anchors:
        about = _about(visit, draft, shown)
        judged = visit.judged(shown, about.products)
        products = about.products
        relevance = _mixed(about.score, judged.of(products), placement.personal)
    else:
        judged = visit.judged(shown)
        products, relevance = judged.products, judged.score
        if not len(products):
            products, relevance = visit.popular(free)
    if placement.rank_by == "value":
        worth = visit.worth(products, placement.margin)
        known = worth[worth == worth]
        usual = np.median(known) if len(known) else 1.0  # for what has no price
        relevance = relevance * np.where(worth == worth, worth, usual)
    pool = _pool(visit, draft, products, relevance, judged, free)
    random = draws(visit.query.seed, placement.name, draft.k) if visit.query.seed else None
    placed = arrange(
        pool,
        draft.k,
        placement,
        visit.catalog,
        rules=draft.rules,
        seen=seen(visit.timeline, visit.at, placement.rotation_days, visit.catalog),
        draws=random,
    )
    worth = visit.worth(np.array([each.product for each in placed], np.int32), placement.margin)
    items = tuple(
        _item(visit, draft, each, judged, about, kept, given)
        for each, kept in zip(placed, worth.tolist(), strict=True)
    )
    if not visit.query.explain:
        return Shelf(placement.name, items)
    rows = {
        item.product: row
        for item, each in zip(items, placed, strict=True)
        if (row := judged.row(each.product)) is not None
    }
    return Shelf(ask.placement.name, items, _withheld(visit, draft), rows)


def _about(visit: Visit, draft: Draft, shown: Shown) -> Anchored:
    """The candidates that a list's anchors propose."""
    return anchored(
        draft.anchors,
        visit.at,
        draft.ask.placement,
        shown,
        visit.model.candidates,
        generators=visit.model.generators,
        catalog=visit.catalog,
        reference=visit.reference,
    )


def _results(
    visit: Visit, draft: Draft, free: Mask
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float64], Judged]:
    """Search results as given, their parents, and the search's order mixed with the customer's."""
    given = np.array(draft.anchors, np.int32)
    parent = visit.catalog.parent[given]
    may = free[parent] & (_passing(visit, draft)[given] | (parent == given))
    given, parent = given[may], parent[may]
    judged = visit.judged(Shown.alike(free, 1), parent)
    by_search = 1 / np.log2(np.arange(2, len(given) + 2))
    relevance = _mixed(by_search, judged.of(parent), draft.ask.placement.personal)
    return given, parent, relevance, judged


def _passing(visit: Visit, draft: Draft) -> Mask:
    """Which products and variants can be bought and pass the filters."""
    passing = draft.ask.filters.allowed(visit.catalog)
    return visit.catalog.available if passing is None else passing & visit.catalog.available


def _mixed(
    about: npt.NDArray[np.float64], own: npt.NDArray[np.float64], personal: float
) -> npt.NDArray[np.float64]:
    """What the anchors and what the customer say, each by the share of its best."""
    best_about, best_own = about.max(initial=0.0), own.max(initial=0.0)
    if best_own <= 0:
        return about
    mixed = (1 - personal) * about / (best_about or 1.0) + personal * own / best_own
    return np.asarray(mixed, np.float64)


def _pool(
    visit: Visit,
    draft: Draft,
    products: npt.NDArray[np.int32],
    relevance: npt.NDArray[np.float64],
    judged: Judged,
    free: Mask,
) -> Pool:
    """What is ranked, what rules and chance may put on the list, and what fills it up."""
    placement, k = draft.ask.placement, draft.k
    new, parts = np.empty(0, np.int32), [products]
    there = np.zeros(len(free), np.bool_)

    def add(further: npt.NDArray[np.int32]) -> None:
        there[parts[-1]] = True
        parts.append(further[~there[further]])

    if k and placement.fill:
        if placement.exploration > 0 and visit.query.seed:
            new = new_products(visit.catalog, visit.reference.product_buyers, free, visit.at)
            new = visit.of_kind(new, draft.anchors)
        add(judged.products[np.argsort(-judged.score, kind="stable")])
        there[parts[-1]] = True
        add(visit.fillers(free & ~there, max(k - len(products), 0)))
        add(new)
        for rule in draft.rules:
            if rule.action in ("pin", "promote"):
                add(visit.leading(rule.concerned(visit.catalog) & free, k))
    every = np.concatenate(parts).astype(np.int32)
    chance = np.zeros(len(every))
    if len(new):
        order = np.argsort(every)
        chance[order[np.searchsorted(every, new, sorter=order)]] = weights(visit.liked(new))
    return Pool(every, relevance, chance)


def _item(
    visit: Visit,
    draft: Draft,
    placed: Placed,
    judged: Judged,
    about: Anchored | None,
    worth: float,
    given: npt.NDArray[np.int32] | None,
) -> Recommendation:
    """One product, with all that is to be said of it."""
    product = placed.product
    reason: Told = told(visit, draft.ask.placement.anchor, placed, judged, about)
    place = judged.place(product)
    probability = None
    if place is not None and visit.model.judges:
        probability = float(judged.score[place])
    listed = product if given is None else int(given[placed.place])
    if given is None and visit.query.variants:
        listed = best_variant(product, visit.catalog, _passing(visit, draft), visit.taste)
    return Recommendation(
        product=listed,
        score=placed.score,
        probability=probability,
        reason=reason.reason,
        source=reason.source,
        value=None if probability is None or worth != worth else probability * worth,
        evidence=reason.evidence,
        sources=reason.sources,
        propensity=placed.propensity,
        rule=placed.rule,
        parts=placed.parts,
    )


def _withheld(visit: Visit, draft: Draft) -> tuple[NotShown, ...]:
    """What would have been proposed or pinned if it could be shown, and why it is not."""
    may = draft.may
    everything = Shown.alike(np.ones(len(visit.catalog), np.bool_), 1)
    proposed = [
        visit.judged(everything, remembered=False).products.tolist(),
        may.personal.products.tolist(),
    ]
    proposed += [list(draft.anchors), list(visit.cart)]
    if draft.anchors and draft.ask.placement.anchor not in ("none", "results"):
        proposed.append(_about(visit, draft, everything).products.tolist())
    elif draft.anchors:
        proposed = [visit.catalog.parent[list(draft.anchors)].tolist()]  # and nothing else
    for rule in draft.rules:
        named = [visit.catalog.index[i] for i in rule.products if i in visit.catalog.index]
        proposed.append(visit.catalog.parent[named].tolist())
    every = sorted({product for products in proposed for product in products})
    return tuple(found for product in every if (found := may.why(product)) is not None)
