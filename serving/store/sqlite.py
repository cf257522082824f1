"""The embedded store: one SQLite file, shared by all workers of one machine."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update

from features import identity
from features.catalog import Product
from features.errors import StorageError
from features.identity import Link
from features.timeline import ROW, Timeline
from serving.store import appending, statements
from serving.store import schema as t
from serving.store.engine import create_tables, open_engine, storage_errors
from serving.store.linking import add_links, touch
from serving.store.numbering import number_people, number_products
from serving.store.records import (
    Appended,
    Consent,
    Decision,
    Due,
    HistoryPerson,
    Incoming,
    Person,
    Rejected,
    Version,
)


class SqliteStore:
    """The `Store` of one machine. Reads never wait for writes; writes queue.

    Arguments:
        path: the database file; its folder is made.
        busy_seconds: how long a write waits for another process's.

    Raises:
        StorageError: the file cannot be opened, is no store, or is of another version.
    """

    def __init__(self, path: Path, *, busy_seconds: float = 5.0) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make the store's folder {path.parent}: {error}") from error
        self._writes = open_engine(path, busy_seconds=busy_seconds, begin="BEGIN IMMEDIATE")
        self._reads = open_engine(path, busy_seconds=busy_seconds, begin=None)
        self._writer = threading.Lock()
        # append-only, so what is known never becomes wrong
        self._product_numbers: dict[str, int] = {}
        with storage_errors(f"open the store {path}"):
            create_tables(self._writes)

    def append(self, events: Sequence[Incoming], rejected: Sequence[Rejected] = ()) -> Appended:
        """Store a batch; see `Store.append`."""
        with self._writing("store the events") as connection:
            new = appending.unseen(connection, events)
            numbers: dict[str, int] = {}
            if new:
                numbers = self._append_new(connection, new)
            if rejected:
                connection.execute(insert(t.quarantine), [asdict(r) for r in rejected])
        self._product_numbers.update(numbers)
        return Appended(len(new), len(events) - len(new), len(rejected))

    def _append_new(self, connection: Connection, new: Sequence[Incoming]) -> dict[str, int]:
        events = [incoming.event for incoming in new]
        first_seen = {
            product_id: event.timestamp
            for event in reversed(events)
            for product_id in appending.product_ids(event)
        }
        numbers = {i: self._product_numbers[i] for i in first_seen if i in self._product_numbers}
        numbers |= number_products(
            connection, {i: at for i, at in first_seen.items() if i not in numbers}
        )
        owner = [identity.customer_id(event.user_id, event.anonymous_id) for event in events]
        people = number_people(connection, owner)
        appending.add_events(connection, events)
        appending.add_rows(connection, events, people, numbers)
        appending.count_bought(connection, events, numbers)
        appending.add_consents(
            connection,
            [
                (people[person], consent)
                for person, incoming in zip(owner, new, strict=True)
                for consent in incoming.consents
            ],
        )
        appending.set_timers(
            connection,
            [
                (people[person], timer)
                for person, incoming in zip(owner, new, strict=True)
                for timer in incoming.timers
            ],
        )
        touch(connection, people.values())
        add_links(connection, appending.links(events))
        return numbers

    def person(self, customer_id: str) -> Person | None:
        """Everything known of a customer, in one statement and so of one moment."""
        with self._reading("read a customer") as connection:
            found = connection.execute(statements.PERSON, {"asked": customer_id}).all()
        if not found:
            return None
        version: dict[int, int] = {}
        leading: str | None = None
        others: dict[str, None] = {}
        parts = []
        for name, number, owner, linked_at, changed, packed in found:
            version[number] = changed
            if number == owner:
                leading = name
            else:
                others[name] = None
            if packed is not None:
                rows = np.frombuffer(packed, ROW)
                if linked_at is not None:
                    rows = rows.copy()
                    np.maximum(rows["known_at"], linked_at, out=rows["known_at"])
                parts.append(rows)
        timeline = Timeline.of(np.concatenate(parts)) if parts else Timeline.empty()
        ids = (*(() if leading is None else (leading,)), *others)
        return Person(ids[0], ids, timeline, tuple(version.items()))

    def consents(self, customer_id: str) -> list[Consent]:
        """A customer's statements, oldest first."""
        with self._reading("read consents") as connection:
            found = connection.execute(statements.CONSENTS, {"asked": customer_id})
            return [Consent(**row) for row in found.mappings()]

    def products(self, start: int = 0) -> list[Product]:
        """Products by number."""
        with self._reading("read the products") as connection:
            found = connection.execute(statements.PRODUCTS, {"start": start})
            return [
                Product(**{**row, "attributes": json.loads(row["attributes"] or "{}")})
                for row in found.mappings()
            ]

    def popular(self, limit: int) -> list[int]:
        """Numbers of the products bought most often."""
        with self._reading("read the products") as connection:
            return list(connection.scalars(statements.POPULAR, {"limit": limit}).all())

    def claim(self, now: int, *, until: int, limit: int = 100) -> list[Due]:
        """Take due timers: under the write lock, so that no two workers take the same."""
        with self._reading("look for due timers") as connection:
            # almost always nothing is due, and then no lock is needed
            if connection.execute(statements.DUE, {"now": now, "limit": 1}).first() is None:
                return []
        with self._writing("claim timers") as connection:
            due = [
                Due(**row, claimed_until=until)
                for row in connection.execute(
                    statements.DUE, {"now": now, "limit": limit}
                ).mappings()
            ]
            if due:
                connection.execute(
                    update(t.timers)
                    .where(
                        t.timers.c.trigger == bindparam("by"), t.timers.c.person == bindparam("of")
                    )
                    .values(claimed_until=until),
                    [{"by": timer.trigger, "of": timer.person} for timer in due],
                )
        return due

    def settle(self, due: Due, decision: Decision | None, *, version: Version) -> bool:
        """End a timer with its decision; see `Store.settle`."""
        held = (
            (t.timers.c.trigger == due.trigger)
            & (t.timers.c.person == due.person)
            & (t.timers.c.due_at == due.due_at)
            & (t.timers.c.claimed_until == due.claimed_until)
        )
        with self._writing("end a timer") as connection:
            now = connection.execute(statements.VERSION, {"asked": due.customer_id})
            if tuple((number, changed) for number, changed in now) != version:
                connection.execute(update(t.timers).where(held).values(claimed_until=0))
                return False
            if not connection.execute(delete(t.timers).where(held)).rowcount:
                return False
            if decision is not None:
                connection.execute(insert(t.decisions), _decision_row(decision))
        return True

    def record(self, decision: Decision) -> None:
        """Keep a decision."""
        with self._writing("record a decision") as connection:
            connection.execute(insert(t.decisions), _decision_row(decision))

    def decision(self, decision_id: str) -> Decision | None:
        """One decision."""
        with self._reading("read a decision") as connection:
            row = connection.execute(statements.DECISION, {"asked": decision_id}).mappings().first()
        return None if row is None else _decision(row)

    def decisions(
        self, customer_id: str, *, kind: str | None = None, limit: int = 100
    ) -> list[Decision]:
        """A customer's decisions, newest first."""
        with self._reading("read decisions") as connection:
            found = connection.execute(
                statements.DECISIONS, {"asked": customer_id, "kind": kind, "limit": limit}
            )
            return [_decision(row) for row in found.mappings()]

    def quarantined(self, limit: int = 100) -> list[Rejected]:
        """Messages kept aside, newest first."""
        with self._reading("read the quarantine") as connection:
            found = connection.execute(statements.QUARANTINED, {"limit": limit})
            return [Rejected(**row) for row in found.mappings()]

    def put_products(self, products: Sequence[Product]) -> npt.NDArray[np.int32]:
        """Add or update products."""
        with self._writing("store the products") as connection:
            numbers = number_products(connection, {p.product_id: p.first_seen_at for p in products})
            if products:
                connection.execute(
                    statements.DESCRIBE, [{"of": p.product_id, **_described(p)} for p in products]
                )
        return np.array([numbers[p.product_id] for p in products], np.int32)

    def put_links(self, links: Sequence[Link]) -> None:
        """Add links."""
        with self._writing("store the links") as connection:
            add_links(connection, links)

    def put_consents(self, consents: Sequence[tuple[str, Consent]]) -> None:
        """Add past statements."""
        with self._writing("store the consents") as connection:
            people = number_people(connection, [customer_id for customer_id, _ in consents])
            appending.add_consents(
                connection, [(people[customer_id], consent) for customer_id, consent in consents]
            )

    def history_position(self, fingerprint: str) -> int:
        """How many customers of a history are loaded."""
        with self._reading("read the load's position") as connection:
            position = connection.scalar(statements.POSITION, {"asked": fingerprint})
        return int(position or 0)

    def put_history(self, fingerprint: str, position: int, people: Sequence[HistoryPerson]) -> None:
        """Replace customers' past before the store's own events."""
        with self._writing("load the history") as connection:
            numbers = number_people(connection, [person.customer_id for person in people])
            if people:
                connection.execute(
                    statements.PUT_PART,
                    [
                        {
                            "person": numbers[person.customer_id],
                            "part": appending.HISTORY_PART,
                            "rows": person.rows,
                        }
                        for person in people
                    ],
                )
                touch(connection, numbers.values())
            connection.execute(
                statements.PUT_POSITION, {"fingerprint": fingerprint, "position": position}
            )

    def put_bought(self, bought: Mapping[int, int]) -> None:
        """Replace the loaded history's counts."""
        with self._writing("store the counts") as connection:
            connection.execute(statements.FORGET_BOUGHT)
            if bought:
                connection.execute(
                    statements.ADD_BOUGHT,
                    [{"of": number, "before": count} for number, count in bought.items()],
                )

    def ping(self) -> None:
        """Return when the store answers."""
        with self._reading("reach the store") as connection:
            connection.scalar(select(t.store_version.c.version))

    def close(self) -> None:
        """Let go of all connections."""
        self._reads.dispose()
        self._writes.dispose()

    @contextmanager
    def _reading(self, doing: str) -> Iterator[Connection]:
        with storage_errors(doing), self._reads.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self, doing: str) -> Iterator[Connection]:
        with storage_errors(doing), self._writer, self._writes.begin() as connection:
            yield connection


def _decision_row(decision: Decision) -> dict[str, Any]:
    return {**asdict(decision), "details": json.dumps(dict(decision.details))}


def _decision(row: RowMapping) -> Decision:
    return Decision(**{**row, "details": json.loads(row["details"])})


def _described(product: Product) -> dict[str, Any]:
    return {
        "its_parent": product.parent_id,
        "its_title": product.title,
        "its_category": product.category,
        "its_brand": product.brand,
        "its_price": product.price,
        "its_attributes": json.dumps(dict(product.attributes)) if product.attributes else None,
        "its_availability": product.available,
    }
