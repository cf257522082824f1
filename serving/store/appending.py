"""The steps of storing a batch of events, inside one transaction of the caller's."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from features.events.event import Event
from features.events.schema import schema as event_schema
from features.events.validation import rows
from features.identity import Link, customer_id
from serving.store import schema as t
from serving.store.numbering import slices
from serving.store.records import Consent, Incoming, Timer

_ENVELOPE = [column.name for column in t.events.columns if column.name != "sequence"]

PART_BYTES = 4096
"""A part of a timeline takes no further rows beyond this: about one page, 107 rows."""

HISTORY_PART = 0
"""The part that holds what was loaded; the store's own events follow it."""


def unseen(connection: Connection, events: Sequence[Incoming]) -> list[Incoming]:
    """The events whose id is not stored yet, each id once, in order."""
    first = {incoming.event.event_id: incoming for incoming in reversed(events)}
    for ids in slices(list(first)):
        known = connection.scalars(select(t.events.c.event_id).where(t.events.c.event_id.in_(ids)))
        for event_id in known.all():
            del first[event_id]
    return [incoming for incoming in events if first.get(incoming.event.event_id) is incoming]


def product_ids(event: Event) -> Iterator[str]:
    """The products an event names, with repetitions."""
    if event.product_id is not None:
        yield event.product_id
    for line in event.products or ():
        yield line.product_id


def add_events(connection: Connection, events: Sequence[Event]) -> None:
    """Store the envelopes."""
    connection.execute(insert(t.events), [_envelope(event) for event in events])


def add_rows(
    connection: Connection,
    events: Sequence[Event],
    people: Mapping[str, int],
    products: Mapping[str, int],
) -> None:
    """Append the events' rows to the timelines of the ids they came under."""
    added: dict[int, bytearray] = defaultdict(bytearray)
    for event in events:
        added[people[customer_id(event.user_id, event.anonymous_id)]] += rows(
            event, products
        ).tobytes()
    last = {person: (part, tail) for person, part, tail in _last_parts(connection, list(added))}
    grown, begun = [], []
    for person, new in added.items():
        part, tail = last.get(person, (HISTORY_PART, b""))
        if part > HISTORY_PART and len(tail) + len(new) <= PART_BYTES:
            grown.append({"of": person, "at": part, "rows": tail + bytes(new)})
        else:
            begun.append({"person": person, "part": part + 1, "rows": bytes(new)})
    if grown:
        connection.execute(
            update(t.timeline_parts).where(
                t.timeline_parts.c.person == bindparam("of"),
                t.timeline_parts.c.part == bindparam("at"),
            ),
            grown,
        )
    if begun:
        connection.execute(insert(t.timeline_parts), begun)


def links(events: Sequence[Event]) -> list[Link]:
    """The links that these events tell of: those that carry both ids."""
    return [
        Link(event.user_id, event.anonymous_id, event.received_at)
        for event in events
        if event.user_id is not None and event.anonymous_id is not None
    ]


def count_bought(
    connection: Connection, events: Sequence[Event], products: Mapping[str, int]
) -> None:
    """Count each order's products, once per order."""
    order = event_schema().code("Order Completed")
    bought = Counter(
        products[product_id]
        for event in events
        if event.type == order
        for product_id in set(product_ids(event))
    )
    if bought:
        connection.execute(
            update(t.products)
            .where(t.products.c.number == bindparam("of"))
            .values(bought=t.products.c.bought + bindparam("more")),
            [{"of": number, "more": more} for number, more in bought.items()],
        )


def add_consents(connection: Connection, consents: Sequence[tuple[int, Consent]]) -> None:
    """Keep statements; those of an event that is known change nothing."""
    if consents:
        connection.execute(
            upsert(t.consents).on_conflict_do_nothing(),
            [{"person": person, **asdict(consent)} for person, consent in consents],
        )


def set_timers(connection: Connection, timers: Sequence[tuple[int, Timer]]) -> None:
    """Set timers; of two for the same trigger and person the one due later stays."""
    if timers:
        new = upsert(t.timers)
        connection.execute(
            new.on_conflict_do_update(
                index_elements=["trigger", "person"],
                set_={
                    "started_at": func.max(t.timers.c.started_at, new.excluded.started_at),
                    "due_at": func.max(t.timers.c.due_at, new.excluded.due_at),
                    "claimed_until": 0,
                },
            ),
            [{"person": person, **asdict(timer)} for person, timer in timers],
        )


def _last_parts(connection: Connection, people: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
    parts = t.timeline_parts
    for numbers in slices(people):
        newest = (
            select(parts.c.person, func.max(parts.c.part).label("part"))
            .where(parts.c.person.in_(numbers))
            .group_by(parts.c.person)
            .subquery()
        )
        yield from (
            connection.execute(
                select(parts.c.person, parts.c.part, parts.c.rows).join(
                    newest,
                    (parts.c.person == newest.c.person) & (parts.c.part == newest.c.part),
                )
            ).all()
        )


def _envelope(event: Event) -> dict[str, object]:
    columns = {name: getattr(event, name) for name in _ENVELOPE}
    if event.products is not None:
        columns["products"] = json.dumps([asdict(line) for line in event.products])
    return columns
