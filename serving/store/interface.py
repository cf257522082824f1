"""What the service needs of a database; `tests/contracts/test_store.py` says it in examples."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from features.catalog import Product
from features.identity import Link
from serving.store.records import (
    Access,
    Appended,
    Consent,
    Decision,
    Due,
    FedProduct,
    HistoryPerson,
    Incoming,
    Key,
    Person,
    ProductChange,
    Rejected,
    StoredAnswer,
    StoredEvent,
    Version,
)


class Store(Protocol):
    """What the service needs of a database. Every method may raise StorageError."""

    def append(self, events: Sequence[Incoming], rejected: Sequence[Rejected] = ()) -> Appended:
        """Store events with their consents and timers, and rejected messages, durably.

        One transaction: when this returns, everything is on disk and the next read of any
        process sees it; when it raises, nothing was kept. An event whose id is known changes
        nothing, nor do its consents and timers. A timer replaces an earlier-due one of the
        same trigger and customer.
        """
        ...

    def person(self, customer_id: str) -> Person | None:
        """All that is known of a customer, found under any of their ids; None if nothing."""
        ...

    def consents(self, customer_id: str) -> list[Consent]:
        """A customer's statements, oldest first."""
        ...

    def products(self, start: int = 0) -> list[Product]:
        """Products by their number in the dictionary, from number `start` on."""
        ...

    def popular(self, limit: int) -> list[int]:
        """Numbers of the products bought most often, the rest in order of appearance."""
        ...

    def claim(self, now: int, *, until: int, limit: int = 100) -> list[Due]:
        """Timers due at `now` that nobody else holds; they are the caller's until `until`."""
        ...

    def settle(self, due: Due, decision: Decision | None, *, version: Version) -> bool:
        """End a claimed timer and keep its decision, if any, in one transaction.

        False, and nothing is kept, when the customer is no longer at the `version` that was
        looked at; the timer is then due again. False also when the timer was set anew.
        """
        ...

    def record(self, decision: Decision) -> None:
        """Keep a decision."""
        ...

    def decision(self, decision_id: str) -> Decision | None:
        """One decision; None when there is no such id."""
        ...

    def decisions(
        self, customer_id: str, *, kind: str | None = None, limit: int = 100
    ) -> list[Decision]:
        """A customer's decisions, newest first, whichever of their ids they were made for."""
        ...

    def events(
        self,
        *,
        customer_id: str | None = None,
        name: str | None = None,
        unknown: bool = False,
        before: int | None = None,
        limit: int = 100,
    ) -> list[StoredEvent]:
        """The store's own events, newest first.

        Arguments:
            customer_id: only this customer's, under any of their ids.
            name: only events of this name.
            unknown: only events whose name the schema lacks.
            before: only those stored before this sequence.
            limit: at most so many.
        """
        ...

    def events_after(self, sequence: int, limit: int) -> list[StoredEvent]:
        """The store's own events stored after `sequence`, oldest first; loaded history is not.

        Whoever goes on from the last sequence they were given misses none: an event never
        appears behind one that could be read before it.
        """
        ...

    def known_ids(self, event_ids: Sequence[str]) -> set[str]:
        """Those of the ids that are counted already: own events' and loaded history's."""
        ...

    def put_history_ids(self, event_ids: Sequence[str]) -> set[str]:
        """Count these ids, of loaded history: an event that comes with one is a duplicate.

        Those that the store's own events have are left as they are and returned, in one
        transaction: of an id that comes both ways at once, exactly one side is told it counts.
        """
        ...

    def position(self, name: str) -> str | None:
        """How far the work of this name has come; None when it was never begun."""
        ...

    def put_position(self, name: str, value: str) -> None:
        """Remember how far the work of this name has come."""
        ...

    def quarantined(
        self, *, message_id: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[Rejected]:
        """Messages kept aside, newest first; `before` and their `sequence` page through them."""
        ...

    def product(self, product_id: str) -> Product | None:
        """One product; None when there is no such id."""
        ...

    def answer(self, key: str) -> StoredAnswer | None:
        """What the request with this idempotency key was answered; None when it is new."""
        ...

    def put_answer(self, key: str, answer: StoredAnswer) -> bool:
        """Keep an answer; False, and nothing is kept, when the key was taken meanwhile."""
        ...

    def forget_answers(self, before: int) -> int:
        """Drop the answers given before an instant; how many they were."""
        ...

    def put_products(self, products: Sequence[Product]) -> npt.NDArray[np.int32]:
        """Add products or update what is known of them; their numbers, in the order given."""
        ...

    def feed(self, changes: Sequence[ProductChange], at: int) -> None:
        """Add products or change what is known of them, in one transaction, under a new number.

        Of several changes of one product the last holds. `at` is when new ones were first seen.
        """
        ...

    def fed(self, after: int) -> list[FedProduct]:
        """Products that feeds after this number told of, in the order of the feeds."""
        ...

    def put_links(self, links: Sequence[Link]) -> None:
        """Add links; known ones change nothing."""
        ...

    def put_consents(self, consents: Sequence[tuple[str, Consent]]) -> None:
        """Add customers' past statements; known ones change nothing."""
        ...

    def history_position(self, fingerprint: str) -> int:
        """How many customers of this history are loaded; 0 when it was never begun."""
        ...

    def put_history(self, fingerprint: str, position: int, people: Sequence[HistoryPerson]) -> None:
        """Replace these customers' past before the store's own events, in one transaction.

        `position` is how many customers are loaded with this call. No timer is set.
        """
        ...

    def put_bought(self, bought: Mapping[int, int]) -> None:
        """How often each product number was bought in the loaded history; replaces the last."""
        ...

    def api_keys(self) -> list[Key]:
        """All keys, those that have ended too, in the order in which they were made."""
        ...

    def put_key(self, key: Key, *, only_first: bool = False) -> bool:
        """Keep a new key; False, and nothing is kept, when it is known already.

        With `only_first` also when there is any other: of several processes that start at the
        same time on an empty store one makes the first key.
        """
        ...

    def end_key(self, key_id: str, at: int) -> bool:
        """Let a key end at an instant, or sooner if it did; False when there is no such key."""
        ...

    def put_accesses(self, accesses: Sequence[Access]) -> None:
        """Add to the log of who asked about whom."""
        ...

    def accesses(
        self, *, customer_id: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[Access]:
        """Who asked about a customer, under any of their ids, or about anybody; newest first."""
        ...

    def forget_accesses(self, customer_ids: Sequence[str]) -> int:
        """Drop the log's entries about these customer ids; how many they were."""
        ...

    def ping(self) -> None:
        """Return when the store answers."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
