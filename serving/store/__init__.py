"""The store: events, timelines, identities, consents, timers and decisions.

One interface; every implementation passes `tests/contracts/test_store.py`. Methods block:
callers with an event loop read directly (a customer is read in well under a millisecond) and
write from a thread. All methods raise StorageError when the store refuses.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from features.catalog import Product
from features.identity import Link
from serving.store.records import (
    ALL_CHANNELS,
    Appended,
    Consent,
    ConsentStatus,
    Decision,
    Due,
    HistoryPerson,
    Incoming,
    Person,
    Rejected,
    Timer,
    Version,
)

__all__ = [
    "ALL_CHANNELS",
    "Appended",
    "Consent",
    "ConsentStatus",
    "Decision",
    "Due",
    "HistoryPerson",
    "Incoming",
    "Person",
    "Rejected",
    "Store",
    "Timer",
    "Version",
]


class Store(Protocol):
    """What the service needs of a database."""

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

    def quarantined(self, limit: int = 100) -> list[Rejected]:
        """Messages kept aside, newest first."""
        ...

    def put_products(self, products: Sequence[Product]) -> npt.NDArray[np.int32]:
        """Add products or update what is known of them; their numbers, in the order given."""
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

    def ping(self) -> None:
        """Return when the store answers."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
