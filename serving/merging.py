"""Somebody decides that two people are one, or are not: an event like any other, and reversible."""

import json
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from features.errors import InputError, shown
from features.events.event import Event
from features.events.identifiers import Rules
from features.events.schema import schema
from features.identity import BLOCKED, RULINGS, SHARED, Ruling
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
        rules: who may be one person.
    """

    def __init__(self, store: Store, commit: GroupCommit, clock: Clock, rules: Rules) -> None:
        self._store = store
        self._commit = commit
        self._clock = clock
        self._rules = rules

    async def merge(self, customer_id: str, other: str, grounds: Grounds) -> Person:
        """Make two people one; the first goes on to lead. Gives the one person.

        What was decided to keep their identifiers apart is decided anew.

        Raises:
            UnknownCustomerError: nothing is known of one of them.
            InputError: they are one already, or together would be no person by the shop's rules.
        """
        into, away = self._known(customer_id), self._known(other)
        if into.customer_id == away.customer_id:
            raise InputError(
                f"other = {shown(other)}: is the same person as {shown(customer_id)} already; "
                "GET /v1/customers/{id} lists their identifiers"
            )
        self._check((customer_id, other), (*into.identifiers, *away.identifiers))
        apart = {
            (ruling.into, ruling.other)
            for ruling in self._latest(into, away)
            if not ruling.same
            and {ruling.into, ruling.other} & set(into.identifiers)
            and {ruling.into, ruling.other} & set(away.identifiers)
        }
        pairs = {(customer_id, other), *apart} - {(other, customer_id)}
        await self._rule(sorted(pairs), (into, away), grounds, same=True)
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
        await self._rule([(customer_id, other)], (person,), grounds, same=False)
        return self._known(customer_id), self._known(other)

    def _known(self, customer_id: str) -> Person:
        person = self._store.person(customer_id)
        if person is None:
            raise UnknownCustomerError(customer_id)
        return person

    def _check(self, named: Sequence[str], identifiers: Sequence[str]) -> None:
        """Refuse what the shop's rules would not join: it would be written down in vain."""
        for identifier in named:
            reason = self._store.refusal(identifier) or ""
            if reason.startswith((SHARED, BLOCKED)):
                raise InputError(
                    f"{shown(identifier)} joins nobody: {reason}; merge another identifier of the "
                    "person, or change REGULARS_IDENTITY"
                )
        kinds = Counter(self._rules.kind(identifier).name for identifier in identifiers)
        for name, count in kinds.items():
            most = self._rules.kinds[name].per_person
            if count > most:
                raise InputError(
                    f"one person would have {count} of {name}, at most {most} are joined; "
                    "REGULARS_IDENTITY changes the limit"
                )
        if len(identifiers) > self._rules.most:
            raise InputError(
                f"one person would have {len(identifiers)} identifiers, at most "
                f"{self._rules.most} are joined"
            )

    def _latest(self, *people: Person) -> list[Ruling]:
        """What holds of any two of people's identifiers."""
        last: dict[frozenset[str], Ruling] = {}
        for person in people:
            for ruling in self._store.rulings(person.customer_id):
                pair = frozenset((ruling.into, ruling.other))
                last[pair] = max(ruling, last.get(pair, ruling))
        return list(last.values())

    async def _rule(
        self,
        pairs: Sequence[tuple[str, str]],
        people: Sequence[Person],
        grounds: Grounds,
        *,
        same: bool,
    ) -> None:
        earlier = [ruling.at + 1 for ruling in self._latest(*people)]
        name = RULINGS[0] if same else RULINGS[1]
        at = max([self._clock(), *earlier])  # never two at one instant
        events = []
        for into, other in pairs:
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
            events.append(Incoming(event.under(into)))
        await self._commit.append(events)
