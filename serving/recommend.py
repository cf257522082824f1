"""What to show a customer; there is always an answer, and it says how it was come by."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import structlog

from features.consents import PERSONALISATION
from features.errors import StorageError
from features.timeline import Timeline
from serving.champion import Champion
from serving.clock import Clock
from serving.live import Live
from serving.profile import Known, Profiles
from serving.store import Store

log = structlog.get_logger()

Fallback = Literal[
    "unknown_customer",
    "no_consent",
    "no_bundle",
    "empty_filter",
    "model_failed",
    "store_unavailable",
]
"""Why the answer is not the model's own for this customer.

`no_consent`: they do not allow what they did to be used for it.
"""

POPULAR_DEPTH = 10_000
"""How far down the list of popular products a filter searches when there is no model."""


@dataclass(frozen=True)
class Filters:
    """What may be shown; None allows everything."""

    category: str | None = None
    """A category path or its beginning: `Garden` allows `Garden > Pots`."""
    brand: str | None = None
    price_min: float | None = None
    price_max: float | None = None

    def allowed(self, live: Live) -> npt.NDArray[np.bool_] | None:
        """Which products pass, shape (products,); None when all do."""
        if self == Filters():
            return None
        catalog = live.catalog
        out = np.ones(len(catalog), np.bool_)
        if self.category is not None:
            wanted = self.category.casefold()
            codes = [
                code
                for code, path in enumerate(catalog.categories)
                if path.casefold() == wanted or path.casefold().startswith(f"{wanted} > ")
            ]
            out &= np.isin(catalog.category, codes)
        if self.brand is not None:
            wanted = self.brand.casefold()
            codes = [code for code, name in enumerate(catalog.brands) if name.casefold() == wanted]
            out &= np.isin(catalog.brand, codes)
        if self.price_min is not None:
            out &= catalog.price >= self.price_min  # a product without a price never passes
        if self.price_max is not None:
            out &= catalog.price <= self.price_max
        return out


@dataclass(frozen=True)
class Item:
    """One product to show, and why."""

    product: int
    """Catalogue index."""
    score: float
    reason: str
    source: str


@dataclass(frozen=True)
class Recommended:
    """A list and how it was come by."""

    items: tuple[Item, ...]
    live: Live
    fallback: Fallback | None


class Recommender:
    """Answers what to show.

    Arguments:
        profiles: who the customer is.
        champion: what answers are made from.
        store: counts of what was bought, for when there is no model.
        clock: the present.
    """

    def __init__(self, profiles: Profiles, champion: Champion, store: Store, clock: Clock) -> None:
        self._profiles = profiles
        self._champion = champion
        self._store = store
        self._clock = clock

    def recommend(
        self,
        customer_ids: Sequence[str],
        k: int,
        *,
        filters: Filters | None = None,
        exclude: Collection[str] = (),
    ) -> Recommended:
        """A list of up to k products.

        Arguments:
            customer_ids: ids the customer may be known under, the best first.
            k: how many products.
            filters: what may be shown.
            exclude: product ids not to show, nor their variants.
        """
        fallback: Fallback | None = None
        known: Known | None = None
        try:
            if self._champion.live.bundle is None:
                self._champion.number_products()  # the store's products are all there is
            if not customer_ids:
                self._champion.hear()  # as looking for a customer does
            known = self._profiles.first(customer_ids)
            if known is None:
                fallback = "unknown_customer"
            elif not known.standing(PERSONALISATION).allowed:
                fallback = "no_consent"
        except StorageError as error:
            log.error("recommending without the store", error=str(error))
            fallback = "store_unavailable"
        live = self._champion.live if known is None else known.live
        personal = known is not None and fallback is None
        timeline = known.timeline if known is not None and personal else Timeline.empty()
        at = self._clock() + 1 if known is None else known.at

        allowed = None if filters is None else filters.allowed(live)
        if allowed is not None and not (allowed & live.catalog.available).any():
            return Recommended((), live, "empty_filter")
        hidden = [live.catalog.index[i] for i in exclude if i in live.catalog.index]
        model = None if live.bundle is None else live.bundle.next_product
        if model is None:
            if fallback not in ("store_unavailable", "no_consent"):
                fallback = "no_bundle"
            return self._popular(live, k, hidden, allowed, fallback)
        try:
            items = model.recommend(
                timeline,
                at,
                k,
                catalog=live.catalog,
                reference=live.reference,
                exclude=hidden,
                allowed=allowed,
            )
        except Exception as error:
            # a page is waiting: it gets a list, we get the stack trace
            log.error("the next-product model failed", version=live.version, exc_info=error)
            return self._popular(live, k, hidden, allowed, "model_failed")
        return Recommended(
            tuple(Item(i.product, i.score, i.reason, i.source) for i in items), live, fallback
        )

    def _popular(
        self,
        live: Live,
        k: int,
        hidden: Collection[int],
        allowed: npt.NDArray[np.bool_] | None,
        fallback: Fallback,
    ) -> Recommended:
        """What the store counted as bought most often, then everything else it knows."""
        shown = live.catalog.available.copy()
        if allowed is not None:
            shown &= allowed
        parents = np.zeros(len(shown), np.bool_)
        parents[live.catalog.parent[shown]] = True
        parents[live.catalog.parent[list(hidden)]] = False
        try:
            numbers = self._store.popular(POPULAR_DEPTH)
        except StorageError as error:
            log.error("recommending without the store", error=str(error))
            numbers, fallback = list(range(len(live.index))), "store_unavailable"
        items: list[Item] = []
        for number in numbers:
            if len(items) == k:
                break
            if number >= len(live.index):
                continue
            product = int(live.catalog.parent[live.index[number]])
            if parents[product]:
                parents[product] = False
                items.append(Item(product, 0.0, "Often bought here", "popular"))
        return Recommended(tuple(items), live, fallback)
