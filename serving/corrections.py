"""Corrected facts about a person: each correction is an event, and what was before stays readable.

A corrected fact holds until it is corrected again: what the person's old form sends later does
not undo what they asked to be put right.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from features.errors import EventError, InputError, shown
from features.events import values
from features.events.event import Event
from features.events.keeping import Keep
from features.events.schema import schema
from serving.clock import Clock
from serving.errors import UnknownCustomerError
from serving.store import GroupCommit, Incoming, Store

CORRECTED = "Customer Corrected"
IDENTIFIED = "Identified"

_ABOUT = ("by", "reason")
"""Properties of the correction itself."""

_PAGE = 1_000


@dataclass(frozen=True)
class Changed:
    """A fact before and after; before is None where nobody had said it to this service."""

    before: str | None
    after: str


@dataclass(frozen=True)
class Correction:
    """One correction."""

    correction_id: str
    at: int
    who: str
    why: str
    traits: Mapping[str, Changed]


class Corrections:
    """Takes corrections and lists them.

    Arguments:
        store: where people and events are.
        commit: where to.
        clock: the present.
        keep: which facts may be corrected besides those of the event schema.
    """

    def __init__(self, store: Store, commit: GroupCommit, clock: Clock, keep: Keep) -> None:
        self._store = store
        self._commit = commit
        self._clock = clock
        kind = schema().find(CORRECTED)
        listed = (*kind.properties, *keep.change(CORRECTED).more) if kind is not None else ()
        self.allowed = tuple(
            name
            for name in dict.fromkeys(listed)
            if name not in _ABOUT and name not in keep.change(CORRECTED).less
        )

    async def correct(
        self, customer_id: str, traits: Mapping[str, str], *, who: str, why: str
    ) -> Event:
        """Correct facts about a customer; the event that says so, stored.

        Raises:
            InputError: a fact may not be corrected, or its new value is no text.
            UnknownCustomerError: nothing is known of the customer.
            StorageError: the store refused; nothing was kept.
        """
        kept = self._read(traits)
        person = self._store.person(customer_id)
        if person is None:
            raise UnknownCustomerError(customer_id)
        now = self._clock()
        event = Event(
            event_id=f"correction:{uuid.uuid4().hex}",
            type=schema().code(CORRECTED),
            name=CORRECTED,
            timestamp=now,
            received_at=now,
            channel="other",
            source="correction",
            properties=json.dumps({**kept, "by": who, "reason": why}, ensure_ascii=False),
        ).under(customer_id)  # it stays theirs after an unmerge
        await self._commit.append([Incoming(event)])
        return event

    def of(self, customer_id: str) -> list[Correction]:
        """A customer's corrections, newest first."""
        return [made for made, _ in self._told(customer_id) if made is not None][::-1]

    def traits(self, customer_id: str) -> dict[str, str]:
        """The facts that hold: as corrected, else as the customer said last."""
        told = list(self._told(customer_id))
        return told[-1][1] if told else {}

    def _read(self, traits: Mapping[str, str]) -> dict[str, str]:
        kept = {}
        for name, given in traits.items():
            if name not in self.allowed:
                raise InputError(
                    f"traits.{name}: may not be corrected; those that may are "
                    f"{', '.join(self.allowed)}, and REGULARS_KEEP adds others, as "
                    f'{{"{CORRECTED}": ["+{name[:40]}"]}}'
                )
            try:
                told = values.text(name, given, identifier=True)
            except EventError as error:
                raise InputError(f"traits.{error}") from None
            if told is None:
                raise InputError(f"traits.{name} = {shown(given)}: no text; say the right value")
            kept[name] = told
        return kept

    def _told(self, customer_id: str) -> Iterator[tuple[Correction | None, dict[str, str]]]:
        """Who said what in the order of storing, and what held after it."""
        held: dict[str, str] = {}
        corrected: set[str] = set()
        for event in self._events(customer_id):
            said = json.loads(event.properties or "{}")
            facts = {name: str(said[name]) for name in self.allowed if name in said}
            if event.name == IDENTIFIED:
                held |= {name: told for name, told in facts.items() if name not in corrected}
                yield None, dict(held)
                continue
            changed = {name: Changed(held.get(name), told) for name, told in facts.items()}
            held |= facts
            corrected |= facts.keys()
            yield (
                Correction(event.event_id, event.timestamp, said["by"], said["reason"], changed),
                dict(held),
            )

    def _events(self, customer_id: str) -> list[Event]:
        """In the order of storing."""
        found = []
        for name in (IDENTIFIED, CORRECTED):
            before = None
            while page := self._store.events(
                customer_id=customer_id, name=name, before=before, limit=_PAGE
            ):
                found += page
                before = page[-1].sequence
        return [stored.event for stored in sorted(found, key=lambda stored: stored.sequence)]
