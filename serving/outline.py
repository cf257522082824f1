"""What is kept of a rejected message: its shape, and only such values as a good one would keep.

A message that could not be read may hold anything: addresses, card numbers, what people typed. So
values stay only of ids, instants and the properties that the event keeps, without what looks like
an address or a telephone or card number; every other value is replaced by its type.
"""

import json
import re
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

from features.columns import Columns as C
from features.errors import EventError, shown
from features.events.keeping import Keep
from features.events.schema import schema
from features.events.validation import CALLS

KEPT_BYTES = 4_000
"""How much of an outline is kept: enough to see what went wrong."""

DEEPEST = 5
MOST_NAMES = 50
MOST_ELEMENTS = 5
LONGEST_NAME = 64
LONGEST_TEXT = 100

_OURS = frozenset(
    ("type", "event", "channel", "messageId", "timestamp", "originalTimestamp", "sentAt")
) | frozenset(("userId", "anonymousId", "previousId", "groupId"))
"""Fields of a call whose values are kept."""

_FIELDS = frozenset((C.EVENT_ID, C.USER_ID, C.ANONYMOUS_ID, C.TIMESTAMP, "previous_id")) | _OURS
"""What faults are found in, besides properties."""

_OF_LINES = (C.PRODUCT_ID, "id", C.QUANTITY, C.PRICE)
_HIDDEN = frozenset(("writeKey",))

_ADDRESS = re.compile(r"[^\s@<>\"',;]+@[^\s@<>\"',;]+|\+\d[\d ()./-]{6,}")
"""An e-mail address, or a telephone number with its country."""

_DIGITS = re.compile(r"\d(?:[ ()./-]?\d){8,}")
"""Nine digits or more: a telephone number or a card's."""


class Outline:
    """Makes outlines.

    Arguments:
        keep: the properties that good events keep.
    """

    def __init__(self, keep: Keep) -> None:
        self._keep = keep

    def of(self, message: object) -> str:
        """The outline of a message, as JSON text of at most `KEPT_BYTES`."""
        drawn = self._call(message) if isinstance(message, Mapping) else _shape(message)
        text = json.dumps(drawn, ensure_ascii=False).encode("utf-8", "replace")
        return text[:KEPT_BYTES].decode(errors="ignore")

    def reason(self, error: EventError) -> str:
        """What an error says, with no more of the value than an outline has."""
        column, _, part = error.column.partition(".")
        told = part in _OF_LINES if part else column in _FIELDS or column in schema().properties
        value = _value(part or column, error.value) if told else _shape(error.value)
        return f"{error.column} = {shown(value)}: {error.reason}"

    def _call(self, message: Mapping[Any, Any]) -> dict[str, Any]:
        name = CALLS.get(str(message.get("type")), message.get("event"))
        kept = self._keep.names(name) if isinstance(name, str) else frozenset()
        drawn: dict[str, Any] = {}
        for field, value in islice(message.items(), MOST_NAMES):
            if field in _HIDDEN:
                continue
            if field in _OURS:
                drawn[field] = _value(field, value)
            elif field in ("properties", "traits") and isinstance(value, Mapping):
                drawn[field] = _kept(value, kept)
            else:
                drawn[_name(field)] = _shape(value)
        return drawn


def _kept(held: Mapping[Any, Any], kept: Collection[str]) -> dict[str, Any]:
    """An object of which the values of some names stay."""
    return {
        _name(name): _value(name, value) if name in kept else _shape(value)
        for name, value in islice(held.items(), MOST_NAMES)
    }


def _value(name: str, value: object) -> object:
    """A value that may stay, without what looks like an address in it."""
    if name == C.PRODUCTS and isinstance(value, list):
        return [
            _kept(line, _OF_LINES) if isinstance(line, Mapping) else _shape(line)
            for line in value[:MOST_ELEMENTS]
        ]
    if isinstance(value, str):
        text = _ADDRESS.sub("<address>", value[: 10 * LONGEST_TEXT])
        if not (name.endswith("_id") or name in _FIELDS or name == "id"):
            text = _DIGITS.sub("<digits>", text)
        return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    if isinstance(value, bool | int | float) and abs(value) < 1e12:
        return value
    return _shape(value)


def _shape(value: object, depth: int = 0) -> object:
    """A value's type; of objects and lists those of what they hold."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        if depth == DEEPEST:
            return "<object>"
        return {_name(n): _shape(v, depth + 1) for n, v in islice(value.items(), MOST_NAMES)}
    if isinstance(value, list | tuple):
        return (
            "<list>" if depth == DEEPEST else [_shape(v, depth + 1) for v in value[:MOST_ELEMENTS]]
        )
    if isinstance(value, str):
        return "<text>"
    return "<boolean>" if isinstance(value, bool) else "<number>"


def _name(name: object) -> str:
    """A name of a property; a client's mistake may make one of an address."""
    text = _DIGITS.sub("<digits>", _ADDRESS.sub("<address>", str(name)[: 2 * LONGEST_NAME]))
    return text[:LONGEST_NAME]
