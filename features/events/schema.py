"""The event schema as Python sees it: loaded once from `schema.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from features.columns import Columns as C
from features.errors import InputError, shown

PropertyType = Literal[
    "text", "number", "money", "boolean", "instant", "products", "tags", "preferences"
]

HISTORY_ROWS = 2_000
"""How many of a customer's latest rows of one type features look at, unless `history` says."""

REFUND_LINE = "Refund Line"
"""What the products of refunds and cancellations become."""

MAX_NUMBER = 1e12
"""Greatest number of an event, and greatest price × quantity of a line. No currency needs more, and
float32, in which timelines hold numbers, has room for sums of many of them."""

MAX_ID_BYTES = 255
"""Longest id in UTF-8; longer ones are rejected, not cut: two cut ids could be one."""


@dataclass(frozen=True)
class Property:
    """One property of events: its type, unit and bounds."""

    name: str
    type: PropertyType
    meaning: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    also: tuple[str, ...] = ()
    """Other names under which clients send it; the first that is present counts."""
    values: tuple[str, ...] = ()
    """The only texts it may hold, in lower case; empty allows any."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """Other spellings of these, each with the one that is kept."""

    def canonical(self, text: str) -> str | None:
        """The allowed value that a text means, whatever its case; None when it means none."""
        text = text.lower()
        text = self.spellings.get(text, text)
        return text if not self.values or text in self.values else None


@dataclass(frozen=True)
class EventType:
    """One kind of event, and which of its properties the timeline keeps as numbers."""

    code: int
    name: str
    aliases: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    quantity: tuple[str, ...] = ()
    measure: tuple[str, ...] = ()
    lines: str | None = None
    channel: str | None = None
    internal: bool = False
    history: int = HISTORY_ROWS

    @property
    def properties(self) -> tuple[str, ...]:
        """All properties that are kept."""
        return self.required + self.optional

    @property
    def returns(self) -> bool:
        """Whether it brings something back."""
        return self.lines == REFUND_LINE

    @cached_property
    def essential(self) -> frozenset[str]:
        """Those without which the event would say something else, so that they must be readable.

        What it requires, its money, its lines, what is one of a few words, and until when that
        holds: a consent for a channel that cannot be read is not one for all channels, nor is one
        until a day that cannot be read for ever.
        """
        declared = schema().properties
        worded = any(declared[name].values for name in self.properties)
        chosen = (
            name
            for name in self.optional
            if declared[name].values or (worded and declared[name].type == "instant")
        )
        lines = (C.PRODUCTS,) if self.lines else ()
        return frozenset((*self.required, *self.value, *chosen, *lines, C.CURRENCY))


@dataclass(frozen=True)
class Schema:
    """Event types by name, alias and code; properties; channels."""

    version: int
    events: tuple[EventType, ...]
    properties: dict[str, Property]
    channels: dict[str, int]
    _by_name: dict[str, EventType] = field(repr=False)
    _by_code: dict[int, EventType] = field(repr=False)

    def find(self, name: str) -> EventType | None:
        """The event type of a name or alias, whatever its case; None when unknown."""
        return self._by_name.get(name.strip().casefold())

    def code(self, name: str) -> int:
        """The code of an event type.

        Raises:
            InputError: no event type has this name.
        """
        event = self.find(name)
        if event is None:
            raise InputError(
                f"no event type is called {shown(name)}; see features/events/schema.toml"
            )
        return event.code

    def of_code(self, code: int) -> EventType | None:
        """The event type of a code; None for code 0 and codes of a newer schema."""
        return self._by_code.get(code)

    def history(self, code: int) -> int:
        """How many of a customer's latest rows of this type features look at."""
        event = self.of_code(code)
        return event.history if event else HISTORY_ROWS

    @cached_property
    def measured_texts(self) -> tuple[int, ...]:
        """Codes of the event types whose measure stands for a text."""
        return tuple(
            event.code
            for event in self.events
            if any(self.properties[name].type == "text" for name in event.measure)
        )

    @property
    def channel_names(self) -> dict[int, str]:
        """Channel names by code."""
        return {code: name for name, code in self.channels.items()}


@cache
def schema() -> Schema:
    """The event schema.

    Raises:
        InputError: `schema.toml` contradicts itself (a code or name used twice, an
            undeclared property); this stops everything, since codes are stored.
    """
    return _parse(tomllib.loads(Path(__file__).with_name("schema.toml").read_text("utf-8")))


def _parse(document: dict[str, Any]) -> Schema:
    properties = {
        name: _property(name, _fields(declared))
        for name, declared in document["properties"].items()
    }
    by_name: dict[str, EventType] = {}
    by_code: dict[int, EventType] = {}
    for declared in document["events"]:
        event = EventType(**_fields(declared))
        for name in {event.name.casefold(), *(alias.casefold() for alias in event.aliases)}:
            if name in by_name:
                raise InputError(f"schema.toml names {shown(name)} twice; rename one")
            by_name[name] = event
        if event.code in by_code or not 0 < event.code < 256:
            raise InputError(f"schema.toml: {event.name}: code {event.code} is taken or not 1-255")
        by_code[event.code] = event
        slots = event.value + event.quantity + event.measure
        for name in event.properties + slots:
            if name not in properties:
                raise InputError(f"schema.toml: {event.name} uses undeclared property {name}")
    return Schema(
        version=document["version"],
        events=tuple(by_code.values()),
        properties=properties,
        channels=document["channels"],
        _by_name=by_name,
        _by_code=by_code,
    )


def _property(name: str, fields: Mapping[str, Any]) -> Property:
    """A property; numbers have a greatest one, whether it is declared or not."""
    declared = Property(name=name, **fields)
    if declared.type in ("number", "money") and declared.maximum is None:
        return replace(declared, maximum=MAX_NUMBER)
    return declared


def _fields(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in declared.items()}
