"""The `Store` over SQL: the same statements for SQLite and PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import count

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, select

from features.catalog import Product
from features.consents import Consent, ConsentRules
from features.events.erasures import Erasures
from features.events.event import Event
from features.events.identifiers import Rules
from features.identity import Link, Ruling
from serving.store import (
    appending,
    consenting,
    erasing,
    feeding,
    linking,
    quarantining,
    rows,
    statements,
)
from serving.store import schema as t
from serving.store.access import SqlAccess
from serving.store.aging import SqlAging
from serving.store.database import Database, Lock, upsert
from serving.store.deciding import SqlDecisions
from serving.store.erasures import SqlErasures
from serving.store.impressions import SqlImpressions
from serving.store.joining import SqlIdentity
from serving.store.loading import SqlHistory
from serving.store.merchandising import SqlRules
from serving.store.numbering import number_people, number_products
from serving.store.records import (
    Appended,
    FedProduct,
    Incoming,
    Person,
    ProductChange,
    Rejected,
    StoredAnswer,
    StoredEvent,
)
from serving.store.scoring import SqlScores
from serving.store.viewing import SqlViews


class SqlStore(
    SqlDecisions,
    SqlHistory,
    SqlIdentity,
    SqlErasures,
    SqlAging,
    SqlViews,
    SqlAccess,
    SqlScores,
    SqlImpressions,
    SqlRules,
):
    """A `Store` in a database.

    Arguments:
        database: its tables are there, and of this program's revision.
        rules: who is one person.
        erasures: who was erased, kept elsewhere.
        consent_rules: what a consent banner's categories mean.
    """

    def __init__(
        self,
        database: Database,
        rules: Rules,
        erasures: Erasures,
        consent_rules: ConsentRules,
    ) -> None:
        super().__init__(database, rules, erasures)
        self._consent_rules = consent_rules
        # append-only, so what is known never becomes wrong
        self._product_numbers: dict[str, int] = {}

    # --- events and customers

    def append(self, events: Sequence[Incoming], rejected: Sequence[Rejected] = ()) -> Appended:
        """Store a batch; see `Store.append`."""
        attempts = count(1)

        def work(connection: Connection) -> tuple[int, int, dict[str, int]]:
            admitted = events
            if events:  # no id becomes history, nor erased, between the look for it and the commit
                self._database.lock(connection, Lock.HISTORY, shared=True)
                admitted = erasing.admitted(self._database, connection, self._erasures, events)
            new = appending.unseen(self._database, connection, admitted)
            if new and next(attempts) > 1:
                # somebody stored some of them meanwhile, for the same people: after waiting for
                # these people it shows which
                self._numbered(connection, *_told(new))
                new = appending.unseen(self._database, connection, new)
            numbers = self._append_new(connection, new) if new else {}
            quarantining.put_aside(self._database, connection, rejected)
            return len(new), len(admitted), numbers

        accepted, admitted, numbers = self._database.write("store the events", work)
        self._product_numbers.update(numbers)
        return Appended(accepted, admitted - accepted, len(rejected), erased=len(events) - admitted)

    def _append_new(self, connection: Connection, new: Sequence[Incoming]) -> dict[str, int]:
        events, links, rulings = _told(new)
        products, people = self._numbered(connection, events, links, rulings)
        theirs = [people[incoming.event.customer_id] for incoming in new]
        appending.add_rows(self._database, connection, events, people, products)
        consenting.append(
            self._database,
            connection,
            [(p, c) for p, i in zip(theirs, new, strict=True) for c in i.consents],
            self._consent_rules,
        )
        appending.set_timers(
            connection, [(p, x) for p, i in zip(theirs, new, strict=True) for x in i.timers]
        )
        linking.touch(self._database, connection, set(theirs))
        linking.add_links(self._database, connection, links, rulings, self._rules)
        self._database.lock(connection, Lock.LOG)
        appending.count_bought(connection, events, products)
        appending.add_events(self._database, connection, events, people)
        return products

    def _numbered(
        self,
        connection: Connection,
        events: Sequence[Event],
        links: Sequence[Link],
        rulings: Sequence[Ruling],
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Numbers of the products and of the people of these events; the people are locked."""
        first_seen = {
            product_id: event.timestamp
            for event in reversed(events)
            for product_id in appending.product_ids(event)
        }
        known = self._product_numbers
        products = {i: known[i] for i in first_seen if i in known}
        if len(products) < len(first_seen):
            missing = {i: at for i, at in first_seen.items() if i not in products}
            products |= number_products(self._database, connection, missing)
        owners = {event.customer_id for event in events}
        linked = linking.linked(links, rulings)
        people = number_people(self._database, connection, owners | linked)
        self._database.lock_people(connection, people.values())
        return products, people

    def person(self, customer_id: str) -> Person | None:
        """Everything known of a customer, in one statement and so of one moment."""
        return rows.person_of(
            self._database.read(
                "read a customer",
                lambda c: c.execute(statements.PERSON, {"asked": customer_id}).all(),
            )
        )

    def consents(self, customer_id: str) -> list[Consent]:
        """A customer's statements, oldest first."""
        found = self._database.read(
            "read consents",
            lambda c: c.execute(statements.CONSENTS, {"asked": customer_id}).mappings().all(),
        )
        return [consenting.consent_of(row) for row in found]

    def events(
        self,
        *,
        customer_id: str | None = None,
        name: str | None = None,
        unknown: bool = False,
        before: int | None = None,
        limit: int = 100,
    ) -> list[StoredEvent]:
        """The store's own events, newest first."""
        asked = statements.events(customer_id, name, unknown, before, limit)
        found = self._database.read("read events", lambda c: c.execute(asked).mappings().all())
        return [rows.event_of(row) for row in found]

    def events_after(self, sequence: int, limit: int) -> list[StoredEvent]:
        """The store's own events after a sequence: those appear in the order of sequences."""
        asked = (
            statements.EVENTS.where(t.events.c.sequence > sequence)
            .order_by(t.events.c.sequence)
            .limit(limit)
        )
        found = self._database.read("read events", lambda c: c.execute(asked).mappings().all())
        return [rows.event_of(row) for row in found]

    def known_ids(self, event_ids: Sequence[str]) -> set[str]:
        """Those of the ids that are counted already."""
        return self._database.read(
            "read event ids", lambda c: appending.known(self._database, c, event_ids)
        )

    def quarantined(
        self, *, message_id: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[Rejected]:
        """Messages kept aside, newest first."""
        asked = statements.quarantined(message_id, before, limit)
        found = self._database.read(
            "read the quarantine", lambda c: c.execute(asked).mappings().all()
        )
        return [Rejected(**row) for row in found]

    # --- products

    def products(self, start: int = 0) -> list[Product]:
        """Products by number."""
        found = self._database.read(
            "read the products",
            lambda c: c.execute(statements.PRODUCTS, {"start": start}).mappings().all(),
        )
        return [rows.product_of(row) for row in found]

    def product(self, product_id: str) -> Product | None:
        """One product."""
        row = self._database.read(
            "read a product",
            lambda c: c.execute(statements.PRODUCT, {"asked": product_id}).mappings().first(),
        )
        return None if row is None else rows.product_of(row)

    def popular(self, limit: int) -> list[int]:
        """Numbers of the products bought most often."""
        return self._database.read(
            "read the products",
            lambda c: list(c.scalars(statements.POPULAR, {"limit": limit}).all()),
        )

    def put_products(self, products: Sequence[Product]) -> npt.NDArray[np.int32]:
        """Add or update products."""

        def work(connection: Connection) -> dict[str, int]:
            first_seen: dict[str, int | None] = {p.product_id: p.first_seen_at for p in products}
            numbers = number_products(self._database, connection, first_seen)
            if products:
                ordered = sorted(products, key=lambda p: numbers[p.product_id])
                connection.execute(
                    statements.DESCRIBE,
                    [{"of": numbers[p.product_id], **rows.described(p)} for p in ordered],
                )
            return numbers

        numbers = self._database.write("store the products", work)
        return np.array([numbers[p.product_id] for p in products], np.int32)

    def feed(self, changes: Sequence[ProductChange], at: int) -> None:
        """Keep what a feed says of products."""

        def work(connection: Connection) -> None:
            feeding.feed(self._database, connection, changes, at)

        self._database.write("store the products", work)

    def fed(self, after: int) -> list[FedProduct]:
        """What later feeds said."""
        return self._database.read(
            "read the products", lambda connection: feeding.fed(connection, after)
        )

    # --- answers to requests with an idempotency key

    def answer(self, key: str) -> StoredAnswer | None:
        """What the request with this key was answered."""
        row = self._database.read(
            "read an answer",
            lambda c: c.execute(statements.ANSWER, {"asked": key}).mappings().first(),
        )
        return None if row is None else StoredAnswer(**row)

    def put_answer(self, key: str, answer: StoredAnswer) -> bool:
        """Keep an answer, if the key is free."""
        row = {"key": key, **asdict(answer)}

        def work(connection: Connection) -> bool:
            new = upsert(connection, t.answers).on_conflict_do_nothing()
            return connection.scalar(new.returning(t.answers.c.key), row) is not None

        return self._database.write("store an answer", work)

    def forget_answers(self, before: int) -> int:
        """Drop old answers."""
        old = delete(t.answers).where(t.answers.c.at < before)
        return self._database.write("drop old answers", lambda c: c.execute(old).rowcount)

    # --- itself

    def ping(self) -> None:
        """Return when the store answers."""
        self._database.read(
            "reach the store", lambda c: c.scalar(select(t.positions.c.name).limit(1))
        )

    def close(self) -> None:
        """Let go of all connections."""
        self._database.close()


def _told(new: Sequence[Incoming]) -> tuple[list[Event], list[Link], list[Ruling]]:
    """The events, and the links and rulings that they tell of."""
    events = [incoming.event for incoming in new]
    return events, appending.links(events), appending.rulings(events)
