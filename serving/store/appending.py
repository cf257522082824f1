"""The steps of storing a batch of events, inside one transaction of the caller's."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, case, update

from features.events.event import Event
from features.events.schema import schema as event_schema
from features.events.validation import packed
from features.identity import Link, Ruling, links_of, ruling_of
from serving.store import rows as rows_of
from serving.store import schema as t
from serving.store.database import Database, upsert
from serving.store.numbering import rows_among
from serving.store.records import Incoming, Timer

PART_BYTES = 4096
"""A part of a timeline takes no further rows beyond this: about one page, 107 rows."""

HISTORY_PART = 0
"""The part that holds what was loaded; the store's own events follow it."""


_LAST_PARTS = """\
SELECT person, part, rows FROM timeline_parts JOIN (
    SELECT person, max(part) AS part FROM timeline_parts WHERE person {among} GROUP BY person
) AS last USING (person, part)"""


def unseen(
    database: Database, connection: Connection, events: Sequence[Incoming]
) -> list[Incoming]:
    """The events whose id is not counted yet, each id once, in order."""
    first = {incoming.event.event_id: incoming for incoming in reversed(events)}
    for event_id in known(database, connection, first):
        del first[event_id]
    return [incoming for incoming in events if first.get(incoming.event.event_id) is incoming]


def known(database: Database, connection: Connection, event_ids: Collection[str]) -> set[str]:
    """Those of the ids that own events or loaded history have."""
    found = own(database, connection, event_ids)
    hashed = {rows_of.id_hash(event_id): event_id for event_id in event_ids}
    sql = "SELECT id FROM history_ids WHERE id {among}"
    loaded = rows_among(database, connection, sql, hashed)
    return found | {hashed[bytes(id_)] for (id_,) in loaded}


def own(database: Database, connection: Connection, event_ids: Collection[str]) -> set[str]:
    """Those of the ids that the store's own events have."""
    sql = "SELECT event_id FROM events WHERE event_id {among}"
    return {event_id for (event_id,) in rows_among(database, connection, sql, event_ids)}


def product_ids(event: Event) -> Iterator[str]:
    """The products an event names, with repetitions."""
    if event.product_id is not None:
        yield event.product_id
    for line in event.products or ():
        yield line.product_id


def add_events(
    database: Database, connection: Connection, events: Sequence[Event], people: Mapping[str, int]
) -> None:
    """Store the envelopes; the transaction must hold the log's lock until it ends."""
    database.insert(
        connection,
        t.events,
        [rows_of.event_row(event, people[event.customer_id]) for event in events],
    )


def add_rows(
    database: Database,
    connection: Connection,
    events: Sequence[Event],
    people: Mapping[str, int],
    products: Mapping[str, int],
) -> None:
    """Append the events' rows to the timelines of the ids they came under; bots have none."""
    added: dict[int, bytearray] = defaultdict(bytearray)
    for event in events:
        if not event.of_a_person:
            continue
        added[people[event.customer_id]] += packed(event, products)
    last = {
        person: (part, tail)
        for person, part, tail in rows_among(database, connection, _LAST_PARTS, added)
    }
    parts = []
    for person, new in added.items():
        part, tail = last.get(person, (HISTORY_PART, b""))
        if part == HISTORY_PART or len(tail) + len(new) > PART_BYTES:
            part, tail = part + 1, b""
        parts.append((person, part, tail + bytes(new)))
    _put_parts(database, connection, parts)


def replace_history(
    database: Database, connection: Connection, people: Sequence[tuple[int, bytes]]
) -> None:
    """Put packed rows before people's own events, instead of those put there before."""
    _put_parts(database, connection, [(person, HISTORY_PART, rows) for person, rows in people])


def links(events: Sequence[Event]) -> list[Link]:
    """The links that these events tell of: those that carry several identifiers."""
    return [
        link
        for event in events
        if (event.anonymous_id is not None or event.identifiers) and event.of_a_person
        for link in links_of(event.customer_ids, event.received_at)
    ]


def rulings(events: Sequence[Event]) -> list[Ruling]:
    """The rulings that these events are."""
    return [ruling for event in events if (ruling := ruling_of(event)) is not None]


def count_bought(
    connection: Connection, events: Sequence[Event], products: Mapping[str, int]
) -> None:
    """Count each order's products, once per order."""
    order = event_schema().code("Order Completed")
    bought = Counter(
        products[product_id]
        for event in events
        if event.type == order and event.of_a_person
        for product_id in set(product_ids(event))
    )
    if bought:
        connection.execute(
            update(t.products)
            .where(t.products.c.number == bindparam("of"))
            .values(bought=t.products.c.bought + bindparam("more")),
            # by number: whoever else changes products does so in the same order
            [{"of": number, "more": more} for number, more in sorted(bought.items())],
        )


def set_timers(connection: Connection, timers: Sequence[tuple[int, Timer]]) -> None:
    """Set timers; of two for the same trigger and person the one due later stays."""
    latest: dict[tuple[str, int], Timer] = {}
    for person, timer in timers:
        held = latest.setdefault((timer.trigger, person), timer)
        latest[timer.trigger, person] = Timer(
            timer.trigger,
            max(held.started_at, timer.started_at),
            max(held.due_at, timer.due_at),
        )
    if latest:
        new = upsert(connection, t.timers)
        connection.execute(
            new.on_conflict_do_update(
                index_elements=["trigger", "person"],
                set_={
                    name: case(
                        (new.excluded[name] > t.timers.c[name], new.excluded[name]),
                        else_=t.timers.c[name],
                    )
                    for name in ("started_at", "due_at")
                }
                | {"claimed_until": 0},
            ),
            [{"person": person, **asdict(timer)} for (_, person), timer in latest.items()],
        )


def _put_parts(
    database: Database, connection: Connection, parts: Sequence[tuple[int, int, bytes]]
) -> None:
    database.insert(
        connection,
        t.timeline_parts,
        [{"person": person, "part": part, "rows": rows} for person, part, rows in parts],
        "replace",
    )
