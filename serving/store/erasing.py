"""The steps of erasing a person, inside one transaction of the caller's."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, select, update

from features.events.erasures import Erasure, Erasures
from features.events.event import Event
from features.events.row import ROW
from features.identity import SHARED, ruling_of
from serving.store import rows
from serving.store import schema as t
from serving.store.database import Database, upsert
from serving.store.naming import answers_naming, naming, rulings_naming
from serving.store.numbering import rows_among, slices
from serving.store.records import Incoming

PSEUDONYM = "erased:"
"""Before the hash of an erased user, where a device must still be known to be shared."""

_OF_PERSON = """\
SELECT p.customer_id FROM people AS p JOIN people AS asked ON p.owner = asked.owner
WHERE asked.customer_id {among}"""


def ids_of(database: Database, connection: Connection, customer_id: str) -> set[str]:
    """All ids of a person, and the devices that they share with others.

    What was done on a shared device without logging in is nobody's, and may be theirs.
    """
    theirs = {name for (name,) in rows_among(database, connection, _OF_PERSON, [customer_id])}
    theirs.add(customer_id)
    nobodys = """SELECT DISTINCT weaker FROM links JOIN people ON customer_id = weaker
        WHERE owner = number AND stronger {among}"""
    return theirs | {weaker for (weaker,) in rows_among(database, connection, nobodys, theirs)}


def named_by_hashes(connection: Connection, erasures: Erasures, hashes: set[str]) -> dict[str, str]:
    """The ids in a store that have these hashes: the hash (hexadecimal) by id."""
    found: dict[str, str] = {}
    for table in (t.people, t.decisions, t.accesses):
        named = select(table.c.customer_id).where(table.c.customer_id.is_not(None)).distinct()
        for name in connection.scalars(named):
            digest = erasures.hash(name).hex()
            if digest in hashes:
                found[name] = digest
    return found


def last_received(database: Database, connection: Connection, customer_ids: Collection[str]) -> int:
    """When the last of their own events, or of rulings about them, arrived; 0 without any.

    A ruling's instant may be a moment ahead of the clock, so that no two share one.
    """
    own = """SELECT max(received_at) FROM events WHERE person IN (
        SELECT number FROM people WHERE customer_id {among})"""
    ruled = "SELECT max(at) FROM rulings WHERE other {among}"
    return max(
        (
            at or 0
            for sql in (own, ruled)
            for (at,) in rows_among(database, connection, sql, customer_ids)
        ),
        default=0,
    )


def erase(
    database: Database,
    connection: Connection,
    customer_ids: Collection[str],
    pseudonyms: Mapping[str, str],
) -> dict[str, int]:
    """Delete everything of people; how many rows, by table.

    Arguments:
        database: where.
        connection: in a transaction that holds `Lock.HISTORY`: nothing of theirs comes in.
        customer_ids: all of their ids.
        pseudonyms: what stands for each of these ids where one must be told from another.
    """
    numbered = "SELECT number FROM people WHERE customer_id {among}"
    numbers = [n for (n,) in rows_among(database, connection, numbered, customer_ids)]
    database.lock_people(connection, numbers)
    ruled = rulings_naming(connection, customer_ids)
    with database.overwriting(connection):
        _keep_event_ids(database, connection, numbers, ruled.values())
        removed = {
            "links": _forget_links(database, connection, customer_ids, pseudonyms),
            "rulings": _delete(database, connection, "rulings", '"into"', customer_ids)
            + _delete(database, connection, "rulings", "other", customer_ids),
        }
        for table in ("timeline_parts", "events", "consents", "timers", "scores", "impressions"):
            removed[table] = _delete(database, connection, table, "person", numbers)
        # others' rulings about them; what is in timelines of these names nobody
        removed["events"] += _delete(database, connection, "events", "sequence", ruled)
        answers = answers_naming(connection, customer_ids)
        removed["answers"] = _delete(database, connection, "answers", "key", answers)
        removed["decisions"] = _delete(
            database, connection, "decisions", "customer_id", customer_ids
        )
        removed["accesses"] = _delete(database, connection, "accesses", "customer_id", customer_ids)
        rejected = [message.sequence for message in naming(connection, customer_ids)]
        removed["quarantine"] = _delete(database, connection, "quarantine", "sequence", rejected)
        removed["people"] = _delete(database, connection, "people", "number", numbers)
    return dict(sorted(removed.items()))


def put_hashes(connection: Connection, erasure: Erasure) -> None:
    """Keep the hashes of an erasure; of two for one id the later instant counts."""
    if not erasure.hashes:
        return
    new = upsert(connection, t.erased)
    later = new.excluded.until >= t.erased.c.until
    connection.execute(
        new.on_conflict_do_update(
            index_elements=["hash"],
            set_={name: new.excluded[name] for name in ("until", "erasure_id")},
            where=later,
        ),
        [
            {
                "hash": bytes.fromhex(digest),
                "erasure_id": erasure.erasure_id,
                "until": erasure.until,
            }
            for digest in sorted(set(erasure.hashes))
        ],
    )


def until(
    database: Database, connection: Connection, erasures: Erasures, customer_ids: Iterable[str]
) -> dict[str, tuple[int, str]]:
    """For those of the ids that were erased: up to which instant, and by which erasure."""
    by_hash = {erasures.hash(customer_id): customer_id for customer_id in set(customer_ids)}
    sql = "SELECT hash, until, erasure_id FROM erased WHERE hash {among}"
    return {
        by_hash[bytes(digest)]: (last, erasure_id)
        for digest, last, erasure_id in rows_among(database, connection, sql, by_hash)
    }


def admitted(
    database: Database, connection: Connection, erasures: Erasures, events: Sequence[Incoming]
) -> Sequence[Incoming]:
    """The events that are not of before an erasure; the others are counted with its receipt."""
    named = {name for incoming in events for name in _named_by(incoming.event)}
    erased = until(database, connection, erasures, named)
    if not erased:
        return events
    kept: list[Incoming] = []
    dropped: dict[str, int] = {}
    for incoming in events:
        event = incoming.event
        last, erasure_id = max(erased.get(name, (-1, "")) for name in _named_by(event))
        if min(event.timestamp, event.received_at) <= last:
            dropped[erasure_id] = dropped.get(erasure_id, 0) + 1
        else:
            kept.append(incoming)
    if dropped:
        connection.execute(
            update(t.erasures)
            .where(t.erasures.c.erasure_id == bindparam("of"))
            .values(dropped=t.erasures.c.dropped + bindparam("more")),
            [{"of": erasure_id, "more": more} for erasure_id, more in sorted(dropped.items())],
        )
    return kept


def later(packed: bytes, last: int) -> bytes:
    """Packed rows without those that happened, or arrived, by an instant."""
    theirs = np.frombuffer(packed, ROW)
    kept: bytes = theirs[np.minimum(theirs["at"], theirs["known_at"]) > last].tobytes()
    return kept


def _named_by(event: Event) -> tuple[str, ...]:
    """Whose an event is, and of a ruling the other as well."""
    ruling = ruling_of(event)
    return (event.customer_id,) if ruling is None else (event.customer_id, ruling.other)


def _keep_event_ids(
    database: Database,
    connection: Connection,
    numbers: Collection[int],
    further: Collection[str],
) -> None:
    """Count the ids of own events that go as history's: a retry of one is a duplicate for ever."""
    sql = "SELECT event_id FROM events WHERE person {among}"
    theirs = {event_id for (event_id,) in rows_among(database, connection, sql, numbers)}
    ids = sorted(map(rows.id_hash, theirs.union(further)))
    database.insert(connection, t.history_ids, [{"id": id_} for id_ in ids], "skip")


def _forget_links(
    database: Database,
    connection: Connection,
    customer_ids: Collection[str],
    pseudonyms: Mapping[str, str],
) -> int:
    """Delete their links; where others share a device, a pseudonym says that they did."""
    sql = "SELECT stronger, weaker, day, linked_at FROM links WHERE weaker {among}"
    by_weaker: dict[str, list[Any]] = {}
    for link in rows_among(database, connection, sql, customer_ids):
        by_weaker.setdefault(link.weaker, []).append(link)
    refused = (
        "SELECT customer_id, refused FROM people WHERE refused IS NOT NULL AND customer_id {among}"
    )
    joining_nobody = {
        weaker
        for weaker, why in rows_among(database, connection, refused, by_weaker)
        if why.startswith(SHARED)
    }
    shared = {
        weaker: [link for link in links if link.stronger in pseudonyms]
        for weaker, links in by_weaker.items()
        if weaker in joining_nobody
    }
    alone = [
        weaker
        for weaker, links in by_weaker.items()
        if all(link.stronger in pseudonyms for link in links)
    ]
    count = _delete(database, connection, "links", "weaker", alone)
    count += _delete(database, connection, "links", "stronger", customer_ids)
    database.insert(
        connection,
        t.links,
        [
            {**link._asdict(), "stronger": pseudonyms[link.stronger]}
            for links in shared.values()
            for link in links
        ],
        "skip",
    )
    return count


def _delete(
    database: Database, connection: Connection, table: str, column: str, values: Collection[Any]
) -> int:
    count = 0
    for part in slices(sorted(values)):
        one_of, parameters = database.among(part)
        sql = f"DELETE FROM {table} WHERE {column} {one_of}"
        count += connection.exec_driver_sql(sql, parameters).rowcount
    return count
