"""What to show a customer; there is always an answer, and it says how it was come by."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from features.consents import PERSONALISATION, PROFILING
from features.errors import InputError, StorageError, shown
from features.timeline import Timeline
from models.next_product.page import page
from models.next_product.placements import Placement
from models.next_product.query import Ask, Query
from models.next_product.recommendation import NotShown, Recommendation, Shelf
from serving.champion import Champion
from serving.clock import Clock
from serving.errors import FieldError
from serving.impressions import ImpressionLog
from serving.listing import EMPTY_FILTER, Fallback, Listed, Page, Wanted, in_words
from serving.live import Live
from serving.popular import popular
from serving.profile import Profiles
from serving.store import Impression, Store

log = structlog.get_logger()

HOME = "home"
"""What a placement that is not known, or lacks the product it is about, is answered as."""

EARLIER = "earlier"
"""The source of a product that was chosen before, and that no generator proposes now."""

MOST = 100
"""Products of a list that is looked at again."""

_AS_GIVEN: Mapping[str, Any] = {
    "anchor": "results",
    "personal": 0.0,
    "diversity": 1.0,
    "exploration": 0.0,
    "rotation_days": 0.0,
    "complements": False,
    "fill": False,
    "shows": ("anchor",),
}
"""A placement whose list was chosen before: what may no longer be shown goes, the rest stands."""


@dataclass(frozen=True)
class _Who:
    """Whom lists are made for."""

    live: Live
    timeline: Timeline
    """Empty of strangers, and of who does not allow that it is used."""
    at: int
    fallback: Fallback | None
    name: str | None = None
    """Under which what was shown is remembered; None of nobody in particular."""
    said_yes: bool = False
    """To personalisation, rather than not no."""


@dataclass(frozen=True)
class _Asked:
    """What the model is asked for one list, and why that is not what was wanted."""

    ask: Ask
    fallback: Fallback | None
    notes: tuple[str, ...]

    def listed(
        self, recommendation_id: str, placement: str, shelf: Shelf, instead: Fallback | None
    ) -> Listed:
        """The list that came of it; `instead` is why it is not the model's at all."""
        fallback, notes = self.fallback, self.notes
        # that there is no model says less than why it would not have been asked
        told = instead == "no_bundle" and fallback in ("store_unavailable", "no_consent")
        if instead is not None and not told:
            fallback, notes = instead, (in_words(instead), *notes)
        return Listed(recommendation_id, placement, shelf, fallback, "; ".join(notes) or None)


class Recommender:
    """Answers what to show.

    Arguments:
        profiles: who the customer is.
        champion: what answers are made from.
        store: counts of what was bought, for when there is no model.
        clock: the present.
        placements: all that there are, by name.
        impressions: where what was shown is written.
    """

    def __init__(
        self,
        profiles: Profiles,
        champion: Champion,
        store: Store,
        clock: Clock,
        placements: Mapping[str, Placement],
        impressions: ImpressionLog,
    ) -> None:
        self._profiles = profiles
        self._champion = champion
        self._store = store
        self._clock = clock
        self._placements = placements
        self._impressions = impressions
        self._there_are = f"there are {', '.join(sorted(placements))}"

    def see_placements(self, names: Collection[str]) -> None:
        """See that there are placements of these names.

        Raises:
            FieldError: there is none; the message names those there are.
        """
        for name in names:
            if name not in self._placements:
                raise FieldError(
                    "placements", f"no placement is called {shown(name)}; {self._there_are}"
                )

    def recommend(
        self,
        customer_ids: Sequence[str],
        wanted: Sequence[Wanted],
        *,
        exclude: Collection[str] = (),
        age: float | None = None,
        country: str | None = None,
        variants: bool = False,
        explain: bool = False,
    ) -> Page:
        """Lists of products, none of which stands twice on them.

        Arguments:
            customer_ids: ids the customer may be known under, the best first.
            wanted: which lists.
            exclude: product ids not to show, nor their variants.
            age: the customer's, in years; None where it is not known.
            country: where the customer is from; None where it is not known.
            variants: list variants rather than what stands for them.
            explain: say also what was not shown, and what the ranker saw.

        Raises:
            FieldError: a filter names a field that is not known; the message has those there are.
        """
        who, name = self._who(customer_ids), uuid.uuid4().hex
        asked = [self._asked(one, who) for one in wanted]
        asks = [one.ask for one in asked if one.fallback != EMPTY_FILTER]
        query = self._query(
            asks, who, name, exclude, age, country, variants=variants, explain=explain
        )
        shelves, instead = self._shelves(query, who)
        filled = iter(shelves)
        lists = []
        for place, (one, want) in enumerate(zip(asked, wanted, strict=True), start=1):
            empty = one.fallback == EMPTY_FILTER
            shelf = Shelf(want.placement, ()) if empty else next(filled)
            id_ = f"rec_{name}" if place == 1 else f"rec_{name}_{place}"
            lists.append(one.listed(id_, want.placement, shelf, None if empty else instead))
        self._write(lists, who)
        return Page(tuple(lists), who.live)

    def recheck(
        self,
        customer_ids: Sequence[str],
        product_ids: Sequence[str],
        wanted: Wanted,
        *,
        exclude: Collection[str] = (),
        age: float | None = None,
        country: str | None = None,
    ) -> Page:
        """What of a list that was made earlier may still be shown, in its order, filled up.

        The list says also what is no longer shown, and why.

        Arguments:
            customer_ids: as in `recommend`.
            product_ids: the list.
            wanted: where it is shown, and how many products.
            exclude: as in `recommend`.
            age: as in `recommend`.
            country: as in `recommend`.

        Raises:
            InputError: as in `recommend`.
        """
        who, name = self._who(customer_ids), uuid.uuid4().hex
        asked = self._asked(wanted, who)
        index, parent = who.live.catalog.index, who.live.catalog.parent
        given = list(dict.fromkeys(index[i] for i in product_ids if i in index))
        items: tuple[Recommendation, ...] = ()
        gone: list[NotShown] = []
        instead: Fallback | None = None
        if asked.fallback != EMPTY_FILTER:
            standing = asked.ask.placement.model_copy(update=_AS_GIVEN)
            asks = [Ask(standing, MOST, given, wanted.filters), asked.ask]
            query = self._query(asks, who, name, exclude, age, country, explain=True)
            (kept, more), instead = self._shelves(query, who)
            title = asked.ask.placement.title  # nobody searched; why it was chosen is not known
            stays = (
                replace(item, reason=title, source=EARLIER) if item.source == "search" else item
                for item in kept.items
            )
            items = (*stays, *more.items)[: wanted.k]
            why = {one.product: one for one in kept.withheld}
            still = {item.product for item in kept.items}
            for product in given:
                if product not in still:
                    found = why.get(int(parent[product]), NotShown(product, "unavailable"))
                    gone.append(replace(found, product=product))
        shelf = Shelf(wanted.placement, items, tuple(gone))
        listed = asked.listed(f"rec_{name}", wanted.placement, shelf, instead)
        self._write([listed], who)
        return Page((listed,), who.live)

    def _who(self, customer_ids: Sequence[str]) -> _Who:
        try:
            if self._champion.live.bundle is None:
                self._champion.number_products()  # the store's products are all there is
            if not customer_ids:
                self._champion.hear()  # as looking for a customer does
            known = self._profiles.first(customer_ids)
            fallback: Fallback = "unknown_customer"
        except StorageError as error:
            log.error("recommending without the store", error=str(error))
            known, fallback = None, "store_unavailable"
        if known is None:
            return _Who(self._champion.live, Timeline.empty(), self._clock() + 1, fallback)
        standing = known.standing(PERSONALISATION)
        if not standing.allowed:
            return _Who(known.live, Timeline.empty(), known.at, "no_consent")
        remembered = known.standing(PROFILING).allowed
        name = known.person.customer_id if remembered else None
        return _Who(known.live, known.timeline, known.at, None, name, standing.said)

    def _query(
        self,
        asks: Sequence[Ask],
        who: _Who,
        seed: str,
        exclude: Collection[str],
        age: float | None,
        country: str | None,
        *,
        variants: bool = False,
        explain: bool,
    ) -> Query:
        index = who.live.catalog.index
        return Query(
            asks=asks,
            rules=who.live.followed,
            exclude=[index[i] for i in dict.fromkeys(exclude) if i in index],
            variants=variants,
            explain=explain,
            seed=seed,
            age=age,
            country=None if who.fallback == "no_consent" else country,
            sensitive=who.said_yes,
        )

    def _asked(self, wanted: Wanted, who: _Who) -> _Asked:
        """What the model is asked for a list; the reasons are told from the weakest on."""
        catalog = who.live.catalog
        try:
            allowed = wanted.filters.allowed(catalog)
        except InputError as error:
            raise FieldError("filters", str(error)) from error
        if allowed is not None and not (allowed & catalog.available).any():
            ask = Ask(self._placements[HOME])
            return _Asked(ask, EMPTY_FILTER, (in_words(EMPTY_FILTER),))
        fallback: Fallback | None = None
        notes: list[str] = []
        placement = self._placements.get(wanted.placement)
        if placement is None:
            placement, fallback = self._placements[HOME], "unknown_placement"
            name = shown(wanted.placement)
            notes.append(f"no placement is called {name}, so this is {HOME}; {self._there_are}")
        if who.fallback is not None:
            fallback = who.fallback
            notes.append(in_words(fallback))
        ids = list(dict.fromkeys(wanted.product_ids))
        unknown = [product_id for product_id in ids if product_id not in catalog.index]
        anchors = [catalog.index[product_id] for product_id in ids if product_id in catalog.index]
        if unknown:
            notes.append(f"no product {shown(unknown[0])} is known")
        if placement.anchor in ("product", "results") and not anchors:
            if who.fallback != "store_unavailable":
                fallback = "unknown_product" if unknown else "no_anchor"
            if not unknown:
                notes.append(in_words("no_anchor"))
            if placement.anchor == "product":
                placement = self._placements[HOME].model_copy(update={"k": placement.k})
        return _Asked(Ask(placement, wanted.k, anchors, wanted.filters), fallback, tuple(notes))

    def _shelves(self, query: Query, who: _Who) -> tuple[Sequence[Shelf], Fallback | None]:
        """The model's lists; what is popular where there are none, and why."""
        live = who.live
        model = None if live.bundle is None else live.bundle.next_product
        if model is None:
            return popular(self._store, query, live, who.at, "no_bundle")
        try:
            reference = live.reference
            return page(
                model, who.timeline, who.at, query, catalog=live.catalog, reference=reference
            ), None
        except Exception as error:
            # a page is waiting: it gets a list, we get the stack trace
            log.error("the next-product model failed", version=live.version, exc_info=error)
            return popular(self._store, query, live, who.at, "model_failed")

    def _write(self, lists: Sequence[Listed], who: _Who) -> None:
        ids, version = who.live.catalog.ids, who.live.version
        for one in lists:
            items = tuple(
                (ids[i.product], float(i.score), float(i.propensity)) for i in one.shelf.items
            )
            if items:
                self._impressions.add(
                    Impression(
                        one.recommendation_id, who.name, who.at, one.placement, version, items
                    )
                )
