"""The 360° view of a customer: timeline, features, consents and decisions, put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.compute import Matrix, vector
from features.consents import Consent, ConsentRules, Standing, standing
from features.definitions import FEATURES
from features.events.schema import schema
from features.timeline import Timeline
from models.declared import features_named
from serving.champion import Champion
from serving.clock import Clock
from serving.consent import standings
from serving.errors import UnknownCustomerError
from serving.live import Live
from serving.store import Decision, Person, Store

LAST_ORDERS = 5
LAST_DECISIONS = 10


@dataclass(frozen=True)
class Known:
    """A customer as answers are made from: one moment, one bundle, one numbering."""

    person: Person
    timeline: Timeline
    """In the numbering of `live`."""
    live: Live
    at: int
    """The instant of the answer: what was acknowledged before it counts."""
    consents: tuple[Consent, ...]
    rules: ConsentRules

    def standing(self, purpose: str, channel: str | None = None) -> Standing:
        """Whether the customer allows a purpose, and why; on any channel when none is given."""
        return standing(self.consents, self.rules, purpose, channel, at=self.at)

    def features(self, names: Sequence[str] | None = None) -> Matrix:
        """The declared features, or those named, in order; NaN where undefined."""
        # always the same tuple for the same names: the kernel's program is found by it
        chosen = FEATURES if names is None else features_named(tuple(names))
        return vector(
            self.timeline, self.at, self.live.catalog, self.live.reference, features=chosen
        )


@dataclass(frozen=True)
class Line:
    """One product of an order."""

    product_id: str
    title: str
    quantity: float
    price: float | None


@dataclass(frozen=True)
class Order:
    """One order as it was placed."""

    at: int
    total: float | None
    channel: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Profile:
    """What is known of a customer."""

    customer_id: str
    identifiers: tuple[str, ...]
    at: int
    first_seen_at: int | None
    last_seen_at: int | None
    events: int
    last_orders: tuple[Order, ...]
    features: dict[str, float | None]
    consents: tuple[Consent, ...]
    standings: Mapping[str, Mapping[str, Standing]]
    """By purpose and channel."""
    decisions: tuple[Decision, ...]
    model_version: str | None


class Profiles:
    """Finds customers.

    Arguments:
        store: where they are.
        champion: in whose numbering.
        clock: the present.
        rules: what holds where a customer said nothing of consent.
    """

    def __init__(self, store: Store, champion: Champion, clock: Clock, rules: ConsentRules) -> None:
        self._store = store
        self._champion = champion
        self._clock = clock
        self._rules = rules

    def find(self, customer_id: str) -> Known | None:
        """A customer under any of their ids; None when nothing is known."""
        person = self._store.person(customer_id)
        self._champion.hear(None if person is None else person.fed)
        if person is None:
            return None
        live, timeline = self._champion.translated(person.timeline)
        consents = tuple(self._store.consents(customer_id))
        return Known(person, timeline, live, self._clock() + 1, consents, self._rules)

    def first(self, customer_ids: Sequence[str]) -> Known | None:
        """The first of several ids, the best first, of which anything is known."""
        return next((found for i in customer_ids if (found := self.find(i))), None)

    def known(self, customer_id: str) -> Known:
        """A customer under any of their ids.

        Raises:
            UnknownCustomerError: nothing is known of them.
        """
        found = self.find(customer_id)
        if found is None:
            raise UnknownCustomerError(customer_id)
        return found

    def profile(self, customer_id: str) -> Profile:
        """The whole view.

        Raises:
            UnknownCustomerError: nothing is known of them.
        """
        known = self.known(customer_id)
        past = known.timeline.until(known.at)
        values = known.features()
        return Profile(
            customer_id=known.person.customer_id,
            identifiers=known.person.identifiers,
            at=known.at,
            first_seen_at=int(past.at[0]) if len(past) else None,
            last_seen_at=int(past.at[-1]) if len(past) else None,
            events=int((~np.isin(past.type, _line_codes())).sum()),
            last_orders=tuple(_orders(past, known.live)),
            features={
                feature.name: None if np.isnan(value) else float(value)
                for feature, value in zip(FEATURES, values, strict=True)
            },
            consents=known.consents,
            standings=standings(known.consents, known.rules, known.at),
            decisions=tuple(self._store.decisions(customer_id, limit=LAST_DECISIONS)),
            model_version=known.live.version,
        )


def _line_codes() -> list[int]:
    return [schema().code("Order Line"), schema().code("Refund Line")]


def _orders(past: Timeline, live: Live) -> list[Order]:
    """The latest orders, newest first, each with the lines of its instant.

    Of several orders at one instant the timeline does not tell whose a line is; the first that
    is shown has them all.
    """
    order, line = schema().code("Order Completed"), schema().code("Order Line")
    channels = schema().channel_names
    found = []
    told: set[int] = set()
    for row in np.flatnonzero(past.type == order)[: -LAST_ORDERS - 1 : -1]:
        at = int(past.at[row])
        begin, end = np.searchsorted(past.at, (at, at + 1))
        lines = [] if at in told else np.flatnonzero(past.type[begin:end] == line) + begin
        told.add(at)
        found.append(
            Order(
                at=at,
                total=_number(past.value[row]),
                channel=channels.get(int(past.channel[row]), "other"),
                lines=tuple(_line(past, int(i), live) for i in lines),
            )
        )
    return found


def _line(past: Timeline, row: int, live: Live) -> Line:
    product = int(past.product[row])
    return Line(
        product_id=live.catalog.ids[product] if product >= 0 else "",
        title=live.catalog.title(product) if product >= 0 else "",
        quantity=float(past.quantity[row]),
        price=_number(past.measure[row]),
    )


def _number(value: np.float32) -> float | None:
    return None if np.isnan(value) else round(float(value), 2)
