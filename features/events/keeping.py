"""Which properties are kept: those of the event schema, changed as the shop says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.errors import EventError, InputError, shown
from features.events import reasons, values
from features.events.identifiers import UNREAD
from features.events.schema import EventType, schema

MAX_TEXT_BYTES = 1_000
"""Longest text of a property that the schema does not know; longer ones are cut."""


@dataclass(frozen=True)
class Change:
    """What one event type keeps besides its schema's properties, and what it does not."""

    more: tuple[str, ...] = ()
    less: frozenset[str] = frozenset()


class Keep:
    """The allow-list; everything else is dropped before it is stored.

    Arguments:
        changes: by event name, `+property` to keep one more and `-property` to drop one.
            Names that the schema lacks are unknown events, which otherwise keep no property.
            Identify's traits are properties of `Identified`, group's of `Grouped`.

    Raises:
        InputError: a change has no sign, or drops what the event cannot do without.

    >>> Keep({"Product Viewed": ["+color", "-price"]}).change("product viewed").more
    ('color',)
    """

    def __init__(self, changes: Mapping[str, Sequence[str]] | None = None) -> None:
        self._changes = {
            _canonical(name): _change(name, listed) for name, listed in (changes or {}).items()
        }

    def change(self, name: str) -> Change:
        """What the shop changed about an event, found by its name or an alias."""
        return self._changes.get(_canonical(name), _NONE)

    def names(self, name: str) -> frozenset[str]:
        """Every name under which an event's kept properties may come."""
        kind = schema().find(name)
        change = self.change(name)
        kept = {*(() if kind is None else kind.properties), *change.more} - change.less
        known = schema().properties
        return frozenset(kept.union(*(known[each].also for each in kept if each in known)))

    def read(
        self, name: str, kind: EventType | None, given: Mapping[str, Any]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The kept properties of an event, read and checked; absent ones left out.

        An optional one that cannot be read is left out too, if the event says the same without
        it; the marks of these come second.

        Raises:
            EventError: an essential one is missing or of the wrong type; see
                `EventType.essential`.
        """
        change = self._changes.get(_canonical(name), _NONE) if self._changes else _NONE
        kept: dict[str, Any] = {}
        unread: list[str] = []
        for wanted in () if kind is None else kind.properties:
            if wanted in change.less:
                continue
            try:
                value = values.read(schema().properties[wanted], given)
            except EventError:
                if kind is None or wanted in kind.essential:
                    raise
                unread.append(f"{UNREAD}{wanted}")
                continue
            if value is not None:
                kept[wanted] = value
            elif kind is not None and wanted in kind.required:
                raise EventError(wanted, given.get(wanted), reasons.MISSING)
        for wanted in change.more:
            declared = schema().properties.get(wanted)
            try:
                if declared is None:
                    value = _free(given.get(wanted))
                else:
                    value = values.read(declared, given)
            except EventError:
                unread.append(f"{UNREAD}{wanted}")
                continue
            if value is not None:
                kept.setdefault(wanted, value)
        return kept, tuple(unread)


_NONE = Change()


def _canonical(name: str) -> str:
    kind = schema().find(name)
    return name.strip().casefold() if kind is None else kind.name.casefold()


def _change(name: str, listed: Sequence[str]) -> Change:
    kind = schema().find(name)
    for entry in listed:
        if entry[:1] not in ("+", "-") or not entry[1:].strip():
            raise InputError(
                f"REGULARS_KEEP, {shown(name)}: {shown(entry)}; write '+property' to keep one "
                "more or '-property' to drop one"
            )
        if kind is not None and entry[0] == "-" and entry[1:] in kind.required:
            raise InputError(
                f"REGULARS_KEEP, {shown(name)}: {shown(entry[1:])} cannot be dropped; without it "
                "the event means nothing"
            )
    return Change(
        tuple(entry[1:].strip() for entry in listed if entry[0] == "+"),
        frozenset(entry[1:].strip() for entry in listed if entry[0] == "-"),
    )


def _free(value: Any) -> str | float | bool | None:
    """A value of a property that the schema does not know: text, a number or yes and no."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return values.number("", value, None, None)
    if isinstance(value, str):
        held = values.text("", value, identifier=False)
        return None if held is None else held.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")
    return None
