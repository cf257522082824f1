"""What the service needs of a database; `tests/contracts/test_store.py` says it in examples."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from features.catalog import Product
from features.consents import Consent
from features.events.erasures import Erased
from features.identity import Link, Ruling
from serving.store.records import (
    Access,
    Appended,
    Decision,
    Due,
    FedProduct,
    HistoryPerson,
    Incoming,
    KeptRule,
    Key,
    Person,
    ProductChange,
    Receipt,
    Rejected,
    StoredAnswer,
    StoredEvent,
    Timer,
    Told,
    Version,
)
from serving.store.served import ServedStore


class Store(ServedStore, Protocol):
    """What the service needs of a database. Every method may raise StorageError."""

    def append(self, events: Sequence[Incoming], rejected: Sequence[Rejected] = ()) -> Appended:
        """Store events with their consents and timers, and rejected messages, durably.

        One transaction: when this returns, everything is on disk and the next read of any
        process sees it; when it raises, nothing was kept. An event whose id is known changes
        nothing, nor do its consents and timers. A timer replaces an earlier-due one of the
        same trigger and customer. A consent that its event merely `carried` is kept where it
        differs from what the same id's events carried just before it.
        """
        ...

    def person(self, customer_id: str) -> Person | None:
        """All that is known of a customer, found under any of their ids; None if nothing."""
        ...

    def rulings(self, customer_id: str) -> list[Ruling]:
        """What was decided about any of a person's identifiers, oldest first."""
        ...

    def refused(self, *, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        """Identifiers after this one that join nobody, or not all they were seen with, and why."""
        ...

    def refusal(self, customer_id: str) -> str | None:
        """Why an identifier joins nobody, or not all; None when it may join, or is not known."""
        ...

    def settle_expired(self, now: int) -> int:
        """Let go of identifiers not seen for as long as their kind lasts; how many, at most 500."""
        ...

    def settle_all(self) -> int:
        """Say anew who is one person, as after a change of the rules; how many identifiers."""
        ...

    def decided(self, customer_id: str, limit: int) -> tuple[Person | None, list[Decision]]:
        """As `person` and `decisions`, of one moment; nobody known has no decisions either."""
        ...

    def consents(self, customer_id: str) -> list[Consent]:
        """A customer's statements under all of their ids, oldest first, in one statement.

        Each with the id it was made under, and since when that id is the customer's.
        """
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

    def last_told(self) -> Told:
        """The last product feed and the last change of a rule, in one statement."""
        ...

    def rules(self, known: int = 0) -> tuple[int, list[KeptRule]] | None:
        """The rules of the shelf by name, and the number of the last change of any.

        Arguments:
            known: the number of the last look; None is given when nothing changed since.
        """
        ...

    def put_rule(
        self, rule: KeptRule, agrees: Callable[[Sequence[KeptRule]], None] = lambda _: None
    ) -> None:
        """Add a rule, or put it in the place of the one of its name.

        `agrees` is given the others, which stay as they are until the rule is kept; what it
        raises is raised, and nothing is kept.
        """
        ...

    def end_rule(self, name: str, *, at: int, by: str) -> bool:
        """Let a rule go; False when there is none of this name. Who did, and when, stays."""
        ...

    def put_links(self, links: Sequence[Link], rulings: Sequence[Ruling] = ()) -> None:
        """Add links and rulings; known ones change nothing."""
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
        """Add to the log of who asked about whom; an erased id's place its erasure's id takes."""
        ...

    def accesses(
        self, *, customer_id: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[Access]:
        """Who asked about a customer, under any of their ids, or about anybody; newest first."""
        ...

    def forget_accesses(self, customer_ids: Sequence[str]) -> int:
        """Drop the log's entries about these customer ids; how many they were."""
        ...

    def timers(self, customer_id: str) -> list[Timer]:
        """The looks that triggers have asked for at a customer, under any of their ids."""
        ...

    def quarantined_of(self, customer_id: str) -> list[Rejected]:
        """Messages kept aside that name a customer, under any of their ids, oldest first."""
        ...

    def erase(
        self,
        customer_id: str,
        *,
        who: str,
        why: str,
        clock: Callable[[], int],
        may_return: bool = True,
        spellings: Collection[str] = (),
    ) -> Receipt:
        """Remove everything that is kept of a customer, under any of their ids, at once.

        Keyed hashes of the ids remain, here and in the list outside the store, so that events of
        before are not taken again. Nothing need be known of the customer.

        Arguments:
            customer_id: one of their ids.
            who: asks for it; no customer.
            why: in words that name nobody.
            clock: the present.
            may_return: whether what they do later makes a new customer; if not, it is dropped too.
            spellings: texts that are no known identifiers, and name the customer in messages.

        Raises:
            InputError: `who` or `why` holds one of the customer's ids.
        """
        ...

    def erased(self, known: int = 0) -> tuple[int, Erased] | None:
        """Everybody who was erased, and the last erasure's number.

        Arguments:
            known: the number of the last look; None is given when there was no erasure since.
        """
        ...

    def was_erased(self, customer_id: str) -> bool:
        """Whether this very id was erased once; who returned since may be known under it."""
        ...

    def leaders(self, identifiers: Collection[str]) -> dict[str, str]:
        """The leading identifiers of those that are known, by the one that was asked for."""
        ...

    def receipt(self, erasure_id: str) -> Receipt | None:
        """One erasure's receipt; None when there is no such id."""
        ...

    def receipts(self, *, before: int | None = None, limit: int = 100) -> list[Receipt]:
        """Receipts, newest first; `before` and their `sequence` page through them."""
        ...

    def reconcile_erasures(self, clock: Callable[[], int]) -> int:
        """Make the store and the list outside it know the same erasures.

        Those that the store lacks, because a backup was restored, are applied; how many they were.

        Raises:
            StorageError: the store's hashes were made with another key.
        """
        ...

    def age_events(self, cutoffs: Mapping[int, int], *, limit: int) -> int:
        """Delete own events that happened before their type's cutoff, in one transaction.

        Their ids stay counted. At most `limit`; how many they were. The caller goes on until
        there are none.
        """
        ...

    def age_rows(
        self, cutoffs: Mapping[int, int], *, after: int, limit: int
    ) -> tuple[int | None, int]:
        """Take rows that happened before their type's cutoff out of timelines.

        Arguments:
            cutoffs: instants by the row's type.
            after: only people of later numbers; -1 begins.
            limit: people in one transaction.

        Returns:
            The number to go on after, None at the end; and how many rows went.
        """
        ...

    def ping(self) -> None:
        """Return when the store answers."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
