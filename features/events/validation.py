"""One event as Segment's clients send it, checked by the schema, and as timeline rows.

It accepts and rejects what the importer's SQL does, in the same words; and `rows` gives the rows
that `features.timeline_build` gives for the same event.
"""

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from features.columns import Columns as C
from features.errors import EventError
from features.events import event_ids, reasons, texts, values
from features.events.channels import channel_of
from features.events.event import CLOCK, UNPRICED, Event, Line
from features.events.identifiers import Reader, nobody, reserved
from features.events.keeping import Keep
from features.events.moments import CLOCK_TOLERANCE_MS, happened
from features.events.preferences import PREFERENCES, preferences_of
from features.events.row import LARGEST, ROW
from features.events.rules import ORDER_EVENT
from features.events.schema import EventType, schema
from features.instants import DAY_MS, iso

__all__ = ["CALLS", "CLOCK_TOLERANCE_MS", "Event", "Line", "parse", "rows"]

_KEEP = Keep()
_READER = Reader()

_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode
"""`json.dumps` with these options makes an encoder at every call."""

CALLS = {
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "identify": "Identified",
    "alias": "Aliased",
    "group": "Grouped",
}
"""The names of what calls other than `track` tell."""


def parse(
    message: Mapping[str, Any],
    received_at: int,
    *,
    currency: str | None = None,
    source: str = "api",
    keep: Keep = _KEEP,
    reader: Reader = _READER,
    marks: tuple[str, ...] = (),
    place: int = 0,
) -> Event:
    """The event that a message of Segment's HTTP API stands for.

    Explicit nulls and texts of nothing but spaces are absent; numbers and booleans may be
    written as text. Properties that the event type does not keep are dropped. An event with a
    name that the schema lacks keeps code 0, its name, ids and time. Every event keeps the consent
    banner's categories that its context tells. An Order Completed has the
    event id `order:<order_id>`, as imported orders have, so that an order counts once however
    it comes. Other events count by `messageId`; without one the id is made from the content, so
    that a retry has the same; see `event_ids`. An alias ties `previousId` to `userId`, be it an
    anonymous id or a user id of before. Addresses and other identifiers are read and become keyed
    hashes; one that cannot be read is left out, and the event is marked. So is an optional
    property that cannot be read, if the event says the same without it; see
    `EventType.essential`.

    Arguments:
        message: one call (`type` track, page, screen, identify, alias or group), with `sentAt`
            of its batch if it came in one. Objects in it are dicts, as readers of JSON make them:
            to ask for any mapping takes several times as long, ten times an event.
        received_at: when it arrived (instant); the sender's clock is corrected by it.
        currency: the shop's currency; money in another is rejected. None accepts any.
        source: what it came through.
        keep: the properties that are kept.
        reader: finds identifiers beyond the two ids.
        marks: what its sender is known for; the clock's mark is added here.
        place: of the event in its batch.

    Raises:
        EventError: something is missing, of the wrong type or out of bounds.
    """
    name, given = _named(message)
    kind = schema().find(name)
    if kind is not None and kind.internal:
        raise EventError("event", name, reasons.INTERNAL)
    preferences = preferences_of(message)
    if preferences is not None:
        given = {**given, PREFERENCES: preferences}
    kept, unreadable = keep.read(name, kind, given)
    if preferences:
        kept[PREFERENCES] = preferences
    user_id, anonymous_id, identifiers, unread = _people(message, reader)
    at, clock_off = happened(message, received_at)
    order_id = kept.get(C.ORDER_ID)
    if kind is not None and kind.name == ORDER_EVENT:
        event_ids.given(message)  # it counts by its order, and must be an id all the same
        event_id = event_ids.of_order(kept[C.ORDER_ID])
    else:
        event_id = event_ids.of_message(message, received_at, place)
    numbers = {} if kind is None else _numbers(kind, kept, at, currency)
    unpriced = kind is not None and kind.returns and numbers[C.VALUE] is None
    return Event(
        event_id=event_id,
        type=kind.code if kind else 0,
        name=kind.name if kind else name,
        timestamp=at,
        received_at=received_at,
        user_id=user_id,
        anonymous_id=anonymous_id,
        channel=channel_of(message, kind),
        order_id=order_id,
        product_id=kept.get(C.PRODUCT_ID),
        products=kept.get(C.PRODUCTS),
        source=source,
        marks=(
            *marks,
            *((CLOCK,) if clock_off else ()),
            *unread,
            *unreadable,
            *((UNPRICED,) if unpriced else ()),
        ),
        identifiers=identifiers,
        properties=_others(kept),
        **numbers,
    )


def rows(
    event: Event, product_index: Mapping[str, int], *, known_at: int | None = None
) -> npt.NDArray[np.void]:
    """The timeline rows of an event, shape (1 + lines,), dtype `ROW`; none of a bot's or a ruling.

    Arguments:
        event: the event.
        product_index: catalogue index by product id; other products get -1.
        known_at: since when it is known to be its customer's; its arrival when not given.
    """
    return np.frombuffer(packed(event, product_index, known_at=known_at), ROW)


def packed(event: Event, product_index: Mapping[str, int], *, known_at: int | None = None) -> bytes:
    """The bytes of `rows`; an array costs several times as much to fill for one event."""
    kind = schema().of_code(event.type)
    if not event.of_a_person or (kind is not None and kind.internal):
        return b""
    since = event.received_at if known_at is None else known_at
    channel = schema().channels.get(event.channel, 0)
    out = _PACK(
        event.timestamp,
        since,
        _slot(event.value),
        _slot(event.quantity),
        _slot(event.measure),
        product_index.get(event.product_id or "", -1),
        event.type,
        channel,
    )
    if kind is None or not kind.lines or not event.products:
        return out
    code = schema().code(kind.lines)
    return out + b"".join(
        _PACK(
            event.timestamp,
            since,
            _slot(None if line.price is None else line.quantity * line.price),
            _slot(line.quantity),
            _slot(line.price),
            product_index.get(line.product_id, -1),
            code,
            channel,
        )
        for line in event.products
    )


_PACK = struct.Struct("=qqfffiBB").pack
"""One `ROW`."""


def _slot(number: float | None) -> float:
    """The number as a row holds it; what is beyond `LARGEST` is no amount, and absent."""
    return number if number is not None and abs(number) <= LARGEST else math.nan


def _named(message: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The event's name and its properties, whatever call it was."""
    call = message.get("type")
    given: dict[str, Any] = dict(_object(message, "properties"))
    if call == "track":
        name = values.text("event", message.get("event"), identifier=True)
        if name is None:
            raise EventError("event", message.get("event"), reasons.MISSING)
        return name, given
    if call not in CALLS:
        raise EventError("type", call, f"no call; send track, {', '.join(CALLS)}")
    if call in ("page", "screen"):
        for field, key in (("name", "title"), ("category", "category")):
            if given.get(key) is None and message.get(field) is not None:
                given[key] = message[field]
    elif call == "identify":
        given = dict(_object(message, "traits"))
        address = given.get("address")
        if given.get("country") is None and isinstance(address, dict):
            given["country"] = address.get("country")
    elif call == "alias":
        given = {"previous_id": message.get("previousId")}
    else:
        given = {**_object(message, "traits"), "group_id": message.get("groupId")}
    return CALLS[call], given


def _object(message: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    held = message.get(key)
    if held is None:
        return {}
    if not isinstance(held, dict):
        raise EventError(key, held, "no object")
    return held


def _people(
    message: Mapping[str, Any], reader: Reader
) -> tuple[str | None, str | None, tuple[str, ...], tuple[str, ...]]:
    """The user id, the anonymous id, further identifiers, and the marks of unreadable ones."""
    user_id = _id(C.USER_ID, message.get("userId"))
    anonymous_id = _id(C.ANONYMOUS_ID, message.get("anonymousId"))
    identifiers, unread = reader.in_message(message)
    if message.get("type") == "alias":
        if user_id is None:
            raise EventError(C.USER_ID, message.get("userId"), reasons.MISSING)
        # who one was until now; what else the message carries, an identify has told
        previous = _id("previous_id", message.get("previousId"))
        if previous is not None:
            anonymous_id = previous.removeprefix("anonymous:")
            if previous == anonymous_id and previous != user_id and not reserved(previous):
                identifiers = (previous, *identifiers)
    if user_id is None and anonymous_id is None and not identifiers:
        raise EventError(C.USER_ID, None, reasons.NOBODY)
    if user_id is not None and reserved(user_id):
        raise EventError(C.USER_ID, user_id, reasons.RESERVED)
    return user_id, anonymous_id, identifiers, unread


def _id(column: str, value: Any) -> str | None:
    """An id; None for what programs write when they have none, such as `null` or zeros."""
    found = values.text(column, value, identifier=True)
    return None if found is None or nobody(found) else found


def _numbers(
    kind: EventType, kept: Mapping[str, Any], at: int, currency: str | None
) -> dict[str, Any]:
    """The event's slots and its currency."""
    money = kept.get(C.CURRENCY)
    if money is not None and currency is not None and money != currency:
        raise EventError(C.CURRENCY, money, reasons.other_currency(currency))
    value = _first(kind.value, kept)
    quantity = _first(kind.quantity, kept)
    lines = kept.get(C.PRODUCTS)
    if kind.lines and lines:
        if value is None:
            value = _total(lines)
        quantity = sum(line.quantity for line in lines)
    elif kind.quantity and quantity is None:
        quantity = 1.0
    return {
        C.VALUE: value,
        C.QUANTITY: quantity,
        C.MEASURE: _measure(kind, kept, at),
        C.CURRENCY: (money or currency) if C.CURRENCY in kind.properties else None,
    }


def _first(names: tuple[str, ...], kept: Mapping[str, Any]) -> float | None:
    return next((float(kept[name]) for name in names if name in kept), None)


def _total(lines: tuple[Line, ...]) -> float | None:
    total = 0.0
    for line in lines:
        if line.price is None:
            return None
        total += line.price * line.quantity
    return total


def _measure(kind: EventType, kept: Mapping[str, Any], at: int) -> float | None:
    """The measure slot: of an instant days after the event, of a text its number."""
    for name in kind.measure:
        if name in kept:
            of = schema().properties[name].type
            if of == "instant":
                return float(kept[name] - at) / DAY_MS
            return float(texts.number(kept[name]) if of == "text" else kept[name])
    return None


def _is_instant(name: str) -> bool:
    declared = schema().properties.get(name)
    return declared is not None and declared.type == "instant"


def _others(kept: Mapping[str, Any]) -> str | None:
    """The JSON object of the properties that have no column of their own."""
    own = (C.ORDER_ID, C.PRODUCT_ID, C.CURRENCY, C.PRODUCTS)
    others = {
        name: iso(value) if _is_instant(name) else value
        for name, value in kept.items()
        if name not in own
    }
    return _json(others) if others else None
