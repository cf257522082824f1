"""Somebody decides that two people are one, or are not: an event like any other, and reversible."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from features.errors import InputError, shown
from features.events.event import Event
from features.events.schema import schema
from features.identity import RULINGS
from serving.clock import Clock
from serving.errors import UnknownCustomerError
from serving.store import GroupCommit, Incoming, Person, Store

SOURCE = "console"
"""What rulings come through."""


@dataclass(frozen=True)
class Grounds:
    """Who decided, and why; both stand in the event."""

    by: str
    why: str


class Merging:
    """Merges people, and takes it back.

    A merge moves nothing: the rows of each identifier stay its own, and only whom they lead to
    changes. Taking it back therefore restores both, with what came in under their identifiers
    since.

    Arguments:
        store: where people are.
        commit: where the events go.
        clock: the present.
    """

    def __init__(self, store: Store, commit: GroupCommit, clock: Clock) -> None:
        self._store = store
        self._commit = commit
        self._clock = clock

    async def merge(self, customer_id: str, other: str, grounds: Grounds) -> Person:
        """Make two people one; the first goes on to lead. Gives the one person.

        Raises:
            UnknownCustomerError: nothing is known of one of them.
            InputError: they are one already.
        """
        into, away = self._known(customer_id), self._known(other)
        if into.customer_id == away.customer_id:
            raise InputError(
                f"other = {shown(other)}: is the same person as {shown(customer_id)} already; "
                "GET /v1/customers/{id} lists their identifiers"
            )
        await self._rule(into.customer_id, away.customer_id, (into, away), grounds, same=True)
        return self._known(customer_id)

    async def unmerge(
        self, customer_id: str, other: str, grounds: Grounds
    ) -> tuple[Person, Person]:
        """Make two identifiers of one person those of two again, for good. Gives both.

        Raises:
            UnknownCustomerError: nothing is known of them.
            InputError: they are not one person.
        """
        person = self._known(customer_id)
        if other == customer_id or other not in person.identifiers:
            raise InputError(
                f"other = {shown(other)}: was never merged with {shown(customer_id)}; "
                "name another of the customer's identifiers, as GET /v1/customers/{id} lists them"
            )
        await self._rule(customer_id, other, (person,), grounds, same=False)
        return self._known(customer_id), self._known(other)

    def _known(self, customer_id: str) -> Person:
        person = self._store.person(customer_id)
        if person is None:
            raise UnknownCustomerError(customer_id)
        return person

    async def _rule(
        self, into: str, other: str, people: Sequence[Person], grounds: Grounds, *, same: bool
    ) -> None:
        earlier = [
            ruling.at for person in people for ruling in self._store.rulings(person.customer_id)
        ]
        name = RULINGS[0] if same else RULINGS[1]
        at = max([self._clock(), *(before + 1 for before in earlier)])  # never at one instant
        told = {"other_id": other, "by": grounds.by, "why": grounds.why}
        event = Event(
            event_id=f"ruling:{uuid.uuid4().hex}",
            type=schema().code(name),
            name=name,
            timestamp=at,
            received_at=at,
            channel="other",
            source=SOURCE,
            properties=json.dumps(told, sort_keys=True, ensure_ascii=False),
        )
        await self._commit.append([Incoming(event.under(into))])
