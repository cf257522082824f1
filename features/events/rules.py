"""The event schema as SQL: which columns a table may yield, and what is wrong with a row."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from features.columns import Columns as C
from features.events import reasons
from features.events.engine import quoted
from features.events.identifiers import BY_NAME, FURTHER, KINDS
from features.events.mapping import Produces
from features.events.quarantine import VALUE_CHARACTERS
from features.events.schema import MAX_ID_BYTES, MAX_NUMBER, Property, schema
from features.instants import DAY_MS

Kind = Literal["id", "identifier", "text", "number", "boolean", "instant", "products", "json"]

REJECT = "reject"
EVENT = "event"
LINE = "line"
RAW = "raw_"
"""Put before a column's name: what it held before it was read as a number, date or list."""

ORDER_EVENT = "Order Completed"
PREFERENCES = "category_preferences"

_KINDS: dict[str, Kind] = {
    "text": "text",
    "tags": "text",
    "number": "number",
    "money": "number",
    "boolean": "boolean",
    "instant": "instant",
    "products": "products",
    "preferences": "json",
}


def kind_of(declared: Property) -> Kind:
    """How a property is read; texts named `…_id` are checked as ids."""
    return "id" if declared.name.endswith("_id") else _KINDS[declared.type]


def columns(produces: Produces) -> dict[str, Kind]:
    """The columns that a table's SELECT may yield, and how each is read."""
    properties = schema().properties
    who_and_when: dict[str, Kind] = {
        C.TIMESTAMP: "instant",
        C.RECEIVED_AT: "instant",
        C.USER_ID: "id",
        C.ANONYMOUS_ID: "id",
        C.CHANNEL: "text",
        **{kind.name: "identifier" for kind in FURTHER},
    }
    if produces == "events":
        every = {name: kind_of(declared) for name, declared in properties.items()}
        return {C.EVENT_ID: "id", EVENT: "text", **who_and_when, **every, REJECT: "text"}
    if produces == "orders":
        order = schema().find(ORDER_EVENT)
        kept = order.properties if order else ()
        own = {name: kind_of(properties[name]) for name in kept if name != C.PRODUCTS}
        return {C.ORDER_ID: "id", **who_and_when, **own, REJECT: "text"}
    if produces == "lines":
        return {
            C.ORDER_ID: "id",
            LINE: "number",
            C.PRODUCT_ID: "id",
            C.QUANTITY: "number",
            C.PRICE: "number",
            C.CURRENCY: "text",
            REJECT: "text",
        }
    return {
        C.PRODUCT_ID: "id",
        C.PARENT_ID: "id",
        C.TITLE: "text",
        C.CATEGORY: "text",
        C.BRAND: "text",
        C.PRICE: "number",
        C.CURRENCY: "text",
        C.ATTRIBUTES: "json",
        C.FIRST_SEEN_AT: "instant",
        C.AVAILABLE: "boolean",
        REJECT: "text",
    }


def canonical(name: str, text: str) -> str:
    """SQL of a text as it is kept: of those that a property allows in one spelling."""
    if name == C.CURRENCY:
        return f"upper({text})"
    declared = schema().properties.get(name)
    if declared is None or not declared.values:
        return text
    spellings = {**dict(zip(declared.values, declared.values, strict=True)), **declared.spellings}
    branches = " ".join(f"WHEN {quoted(k)} THEN {quoted(v)}" for k, v in spellings.items())
    return f"CASE lower({text}) {branches} ELSE {text} END"


REQUIRED: dict[Produces, tuple[str, ...]] = {
    "events": (C.EVENT_ID, EVENT, C.TIMESTAMP),
    "orders": (C.ORDER_ID, C.TIMESTAMP),
    "lines": (C.ORDER_ID, C.PRODUCT_ID),
    "products": (C.PRODUCT_ID,),
}
"""Columns without which a table's rows mean nothing."""


@dataclass(frozen=True)
class Fault:
    """A condition, in SQL, under which a row is rejected; `value` is SQL of what to show."""

    condition: str
    column: str
    value: str
    reason: str


def fault(faults: Iterable[Fault]) -> str:
    """SQL of the first fault of a row, a struct of column, value and reason; null if none."""
    branches = "\n".join(
        f"WHEN {f.condition} THEN {{'column': {quoted(f.column)}, "
        f"'value': left(CAST({f.value} AS VARCHAR), {VALUE_CHARACTERS}), 'reason': "
        f"{f.reason}}}"
        for f in faults
    )
    return f"CASE {branches} END"


def faults(
    produces: Produces, present: Collection[str], raw: Collection[str], currency: str, now: int
) -> Iterator[Fault]:
    """What may be wrong with a table's rows, most telling first.

    Arguments:
        produces: what the table yields.
        present: the columns it yields.
        raw: those of them whose unread value is kept under `RAW`.
        currency: the shop's currency.
        now: rows after this instant are rejected.
    """
    kinds = columns(produces)
    if REJECT in present:
        yield Fault(f"{REJECT} IS NOT NULL", REJECT, "NULL", f"left({REJECT}, 200)")
    for name in REQUIRED[produces]:
        unread = f"{RAW}{name} IS NULL AND " if name in raw else ""
        yield Fault(f"{unread}{name} IS NULL", name, "NULL", quoted(reasons.MISSING))
    if produces == "events":
        yield Fault("internal", EVENT, EVENT, quoted(reasons.INTERNAL))
    if produces == "products":
        yield Fault("repeated", C.PRODUCT_ID, C.PRODUCT_ID, quoted(reasons.REPEATED))
    for name in present:
        if name == REJECT:
            continue
        kept = _kept(produces, name)
        for found in _column_faults(name, kinds[name], name in raw):
            yield _only(found, kept)
        for found in _bounds(produces, name):
            yield _only(found, kept)
    if produces == "lines" and {C.PRICE, C.QUANTITY} <= set(present):
        too_much = f"{C.PRICE} * {C.QUANTITY} > {MAX_NUMBER}"
        yield Fault(too_much, C.PRICE, C.PRICE, quoted(reasons.TOO_MUCH))
    yield from _instants(present, produces, now)
    if produces in ("orders", "events"):
        yield from _people(present)
    if produces == "events":
        yield from _required(present)
    if C.CURRENCY in present:
        other = Fault(
            f"{C.CURRENCY} <> {quoted(currency)}",
            C.CURRENCY,
            C.CURRENCY,
            quoted(reasons.other_currency(currency)),
        )
        yield _only(other, _kept(produces, C.CURRENCY))


def codes_with(name: str) -> list[int]:
    """Codes of the event types that keep a property."""
    return [event.code for event in schema().events if name in event.properties]


def among(codes: Iterable[int]) -> str:
    """SQL: the row's event type is one of these."""
    listed = ", ".join(str(code) for code in codes)
    return f"code IN ({listed})" if listed else "false"


def _kept(produces: Produces, name: str) -> str | None:
    """SQL of whether a row's event type keeps a property; None where it always does."""
    if produces != "events" or name not in schema().properties:
        return None
    return among(codes_with(name))


def _only(found: Fault, kept: str | None) -> Fault:
    """A fault that counts only where the property is kept."""
    if kept is None:
        return found
    return Fault(f"{kept} AND {found.condition}", found.column, found.value, found.reason)


_UNREADABLE: dict[Kind, str] = {
    "number": reasons.NOT_A_NUMBER,
    "instant": reasons.NOT_A_DATE,
    "boolean": reasons.NOT_TRUE_OR_FALSE,
    "products": reasons.NOT_LINES,
    "json": reasons.NOT_JSON,
}


def _column_faults(name: str, kind: Kind, raw: bool) -> Iterator[Fault]:
    if raw:
        unreadable = f"{RAW}{name} IS NOT NULL AND {name} IS NULL"
        yield Fault(unreadable, name, f"{RAW}{name}", quoted(_UNREADABLE[kind]))
    if kind == "number":
        yield Fault(f"isinf({name})", name, name, quoted(reasons.NOT_A_NUMBER))
    if kind == "id" or name == EVENT:
        yield Fault(f"strlen({name}) > {MAX_ID_BYTES}", name, name, quoted(reasons.TOO_LONG))
        control = f"regexp_matches({name}, '\\p{{Cc}}')"
        yield Fault(control, name, name, quoted(reasons.CONTROL_CHARACTERS))
    elif kind == "text":
        yield Fault(f"contains({name}, chr(0))", name, name, quoted(reasons.NUL))
    if name == PREFERENCES:
        given = f"json_extract({name}, '$.*')"
        neither = f"list_filter({given}, lambda v: json_type(v) NOT IN ('BOOLEAN', 'NULL'))"
        told = quoted(reasons.NOT_PREFERENCES)
        yield Fault(f"len({neither}) > 0", name, name, told)
    if kind == "products":
        yield from _line_faults(name)


def _line_faults(name: str) -> Iterator[Fault]:
    told = (
        (f"p.{C.PRODUCT_ID} IS NULL", C.PRODUCT_ID, reasons.MISSING),
        (f"strlen(p.{C.PRODUCT_ID}) > {MAX_ID_BYTES}", C.PRODUCT_ID, reasons.TOO_LONG),
        (
            f"regexp_matches(p.{C.PRODUCT_ID}, '\\p{{Cc}}')",
            C.PRODUCT_ID,
            reasons.CONTROL_CHARACTERS,
        ),
        (f"isinf(p.{C.QUANTITY})", C.QUANTITY, reasons.NOT_A_NUMBER),
        (f"isinf(p.{C.PRICE})", C.PRICE, reasons.NOT_A_NUMBER),
        (f"p.{C.QUANTITY} < 0", C.QUANTITY, reasons.below(0)),
        (f"p.{C.QUANTITY} > {MAX_NUMBER}", C.QUANTITY, reasons.above(MAX_NUMBER)),
        (f"p.{C.PRICE} < 0", C.PRICE, reasons.below(0)),
        (f"p.{C.PRICE} > {MAX_NUMBER}", C.PRICE, reasons.above(MAX_NUMBER)),
        (f"p.{C.PRICE} * p.{C.QUANTITY} > {MAX_NUMBER}", C.PRICE, reasons.TOO_MUCH),
    )
    for condition, column, reason in told:
        at_fault = f"list_filter({name}, lambda p: {condition})"
        yield Fault(
            f"len({at_fault}) > 0", f"{name}.{column}", f"{at_fault}[1].{column}", quoted(reason)
        )


def _bounds(produces: Produces, name: str) -> Iterator[Fault]:
    declared = schema().properties.get(name)
    if declared is None or (produces == "products" and name != C.PRICE):
        return
    if declared.minimum is not None:
        reason = quoted(reasons.below(declared.minimum))
        yield Fault(f"{name} < {declared.minimum}", name, name, reason)
    if declared.maximum is not None:
        reason = quoted(reasons.above(declared.maximum))
        yield Fault(f"{name} > {declared.maximum}", name, name, reason)
    if declared.values:
        allowed = ", ".join(quoted(value) for value in declared.values)
        reason = quoted(reasons.none_of(declared.values))
        yield Fault(f"{name} NOT IN ({allowed})", name, name, reason)


def _instants(present: Collection[str], produces: Produces, now: int) -> Iterator[Fault]:
    names = (C.FIRST_SEEN_AT,) if produces == "products" else (C.TIMESTAMP, C.RECEIVED_AT)
    for name in names:
        if name in present:
            shown = f"strftime(make_timestamp_ms({name}), '%Y-%m-%dT%H:%M:%SZ')"
            yield Fault(f"{name} > {now}", name, shown, quoted(reasons.FUTURE))
            yield Fault(f"{name} < {DAY_MS}", name, shown, quoted(reasons.TOO_EARLY))


def _people(present: Collection[str]) -> Iterator[Fault]:
    ids = [name for name in BY_NAME if name in present]
    nobody = " AND ".join(f"{name} IS NULL" for name in ids) or "true"
    yield Fault(nobody, C.USER_ID, "NULL", quoted(reasons.NOBODY))
    if C.USER_ID in present:
        prefixes = [kind.prefix for kind in KINDS if kind.prefix]
        reserved = " OR ".join(f"starts_with({C.USER_ID}, {quoted(p)})" for p in prefixes)
        yield Fault(reserved, C.USER_ID, C.USER_ID, quoted(reasons.RESERVED))


def _required(present: Collection[str]) -> Iterator[Fault]:
    needing: dict[str, list[int]] = {}
    for event in schema().events:
        for name in event.required:
            needing.setdefault(name, []).append(event.code)
    for name, codes in needing.items():
        absent = f"{name} IS NULL" if name in present else "true"
        yield Fault(f"{among(codes)} AND {absent}", name, "NULL", quoted(reasons.MISSING))
