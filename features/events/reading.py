"""From what a SELECT yields to typed rows of the log, as SQL generated from the schema."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from features.columns import Columns as C
from features.events import engine, rules, texts
from features.events.event import UNPRICED
from features.events.event_ids import ORDER, RESERVED, SENDERS
from features.events.identifiers import FURTHER, NOBODY, UNREAD, ZEROS
from features.events.mapping import Produces
from features.events.rules import RAW, Kind
from features.events.schema import schema
from features.instants import DAY_MS

IDENTIFIER_OF = "_identifier_of"
"""The SQL function of a kind's name and a value: its identifier, empty if it cannot be read."""


@dataclass(frozen=True)
class ColumnType:
    """A column's SQL type, and the fields of its structs if it is a list of them."""

    sql: str
    fields: tuple[str, ...] = ()


def types_of(relation: duckdb.DuckDBPyRelation) -> dict[str, ColumnType]:
    """The columns of a relation, with their types."""
    out = {}
    for column, kind in zip(relation.columns, relation.types, strict=True):
        fields: tuple[str, ...] = ()
        if kind.id == "list" and kind.children[0][1].id == "struct":
            fields = tuple(name for name, _ in kind.children[0][1].children)
        out[column] = ColumnType(str(kind), fields)
    return out


_KEPT_IN_COLUMNS = (C.ORDER_ID, C.PRODUCT_ID, C.CURRENCY, C.PRODUCTS)
"""Properties with a column of their own in the log; the others stand in `properties`."""

_FLOATING = ("DOUBLE", "FLOAT")


def needs_raw(kind: Kind, sql_type: ColumnType) -> bool:
    """Whether a column can hold something that cannot be read as what it should be."""
    if kind == "json":
        return True
    return kind not in ("id", "identifier", "text") and sql_type.sql in ("VARCHAR", "JSON")


def typed(name: str, kind: Kind, sql_type: ColumnType) -> str:
    """SQL of a column read as its kind; what cannot be read is null.

    Ids and texts lose surrounding spaces, and are null when nothing is left. NaN, which pandas
    writes for what is missing, is null. Instants are int64 ms UTC; a timestamp without a zone
    is in the session's.
    """
    column, told = engine.name(name), sql_type.sql
    if kind in ("id", "text"):
        text = f"nullif(trim(CAST({column} AS VARCHAR)), '')"
        if name in (C.USER_ID, C.ANONYMOUS_ID):
            text = f"CASE WHEN NOT ({_nobody(text)}) THEN {text} END"
        return rules.canonical(name, text)
    if kind == "identifier":
        return f"nullif({IDENTIFIER_OF}({engine.quoted(name)}, CAST({column} AS VARCHAR)), '')"
    if kind == "number":
        number = f"TRY_CAST({column} AS DOUBLE)"
        whole = told not in (*_FLOATING, "VARCHAR", "JSON")
        return number if whole else f"CASE WHEN isnan({number}) THEN NULL ELSE {number} END"
    if kind == "boolean":
        return f"TRY_CAST({column} AS BOOLEAN)"
    if kind == "instant":
        if told in ("INTEGER", "BIGINT"):
            return f"CAST({column} AS BIGINT)"
        moment = f"TRY_CAST({column} AS TIMESTAMPTZ)"
        return f"CASE WHEN isfinite({moment}) THEN epoch_ms({moment}) END"
    if kind == "json":
        text = (
            f"CAST(to_json({column}) AS VARCHAR)"
            if told.startswith(("STRUCT", "MAP"))
            else (f"CAST({column} AS VARCHAR)")
        )
        return f"CASE WHEN json_valid({text}) AND json_type({text}) = 'OBJECT' THEN {text} END"
    return _lines(column, sql_type)


_PRODUCT_IDS = (C.PRODUCT_ID, "id")
"""Names of a line's product; the second is that of Segment's first e-commerce spec."""

_NUMBERS = {C.QUANTITY: "DOUBLE", C.PRICE: "DOUBLE"}


def _lines(column: str, sql_type: ColumnType) -> str:
    """SQL of a list of lines; an empty list is null, a quantity that is missing is 1."""
    if sql_type.sql in ("VARCHAR", "JSON"):
        form = json.dumps([dict.fromkeys(_PRODUCT_IDS, "VARCHAR") | _NUMBERS])
        valid = f"json_valid({column}) AND json_type({column}) = 'ARRAY'"
        column = f"CASE WHEN {valid} THEN json_transform({column}, {engine.quoted(form)}) END"
        fields: Collection[str] = (*_PRODUCT_IDS, *_NUMBERS)
    else:
        fields = sql_type.fields
    column = f"list_filter({column}, lambda p: p IS NOT NULL)"

    def number(field: str) -> str:
        if field not in fields:
            return "CAST(NULL AS DOUBLE)"
        read = f"TRY_CAST(p.{field} AS DOUBLE)"
        return f"CASE WHEN isnan({read}) THEN NULL ELSE {read} END"

    named = [
        f"nullif(trim(CAST(p.{field} AS VARCHAR)), '')" for field in _PRODUCT_IDS if field in fields
    ]
    product = f"coalesce({', '.join([*named, 'CAST(NULL AS VARCHAR)'])})"
    line = (
        f"{{'product_id': {product}, 'quantity': coalesce({number(C.QUANTITY)}, 1.0), "
        f"'price': {number(C.PRICE)}}}"
    )
    return f"CASE WHEN len({column}) > 0 THEN list_transform({column}, lambda p: {line}) END"


def staged(
    select: str, produces: Produces, types: Mapping[str, ColumnType], *, currency: str, now: int
) -> str:
    """SQL of a table's rows, typed, each with its event type and its first fault.

    Beside the table's columns there are `fault` (null in good rows) and, for events, `code`,
    `known_name`, `own_channel` and `internal` from the table `_event_types`.
    """
    kinds = rules.columns(produces)
    raw = [name for name in types if needs_raw(kinds[name], types[name])]
    columns = [f"{typed(name, kinds[name], types[name])} AS {engine.name(name)}" for name in types]
    columns += [f"CAST({engine.name(name)} AS VARCHAR) AS {RAW}{name}" for name in raw]
    marks = [_unread(name, types[name]) for name in types if kinds[name] == "identifier"]
    if marks:
        columns.append(f"{_without_nulls(marks)} AS marks")
    source = f"SELECT {', '.join(columns)} FROM ({select})"
    if produces == "events":
        source = f"""
            SELECT typed.*, coalesce(code, 0) AS code, known_name, own_channel,
                   coalesce(internal, false) AS internal
            FROM ({source}) AS typed LEFT JOIN _event_types ON key = lower(event)"""
    if produces == "products":
        source = f"""
            SELECT * EXCLUDE (place),
                   row_number() OVER (PARTITION BY product_id ORDER BY place) > 1 AS repeated
            FROM (SELECT *, row_number() OVER () AS place FROM ({source})) ORDER BY place"""
    found = rules.fault(rules.faults(produces, list(types), raw, currency, now))
    dropped = ", ".join(f"{RAW}{name}" for name in raw)
    kept = f"* EXCLUDE ({dropped})" if raw else "*"
    return f"SELECT {kept}, {found} AS fault FROM ({source})"


def log_columns(present: Collection[str], source: str, currency: str, lag_ms: int) -> str:
    """SQL of the log's columns from good rows with `code`, `known_name` and `own_channel`.

    Arguments:
        present: the properties and columns that the rows have.
        source: the mapping's name.
        currency: the shop's currency, for events that name none.
        lag_ms: arrival lag where the rows have no `received_at`.
    """
    have = set(present)

    def own(name: str) -> str:
        return name if name in have else "NULL"

    def kept(name: str, otherwise: str = "NULL") -> str:
        if name not in have and otherwise == "NULL":
            return "NULL"
        value = f"coalesce({own(name)}, {otherwise})"
        return f"CASE WHEN {rules.among(rules.codes_with(name))} THEN {value} END"

    channels = ", ".join(engine.quoted(name) for name in schema().channels)
    channel = f"lower({own(C.CHANNEL)})"
    arrival = f"{C.TIMESTAMP} + {lag_ms}"
    order_code = schema().code(rules.ORDER_EVENT)
    named = [kind.name for kind in FURTHER if kind.name in have]
    ours = " OR ".join(f"starts_with(event_id, {engine.quoted(p)})" for p in RESERVED)
    event_id = f"CASE WHEN {ours} THEN {engine.quoted(SENDERS)} || event_id ELSE event_id END"
    if C.ORDER_ID in have:
        # An order counts once, whether it comes as a row of orders, of events or by the service.
        event_id = (
            f"CASE WHEN code = {order_code} THEN {engine.quoted(ORDER)} || order_id "
            f"ELSE {event_id} END"
        )
    return f"""
        {event_id} AS event_id, CAST(code AS SMALLINT) AS type, coalesce(known_name, event) AS name,
        timestamp, coalesce({own(C.RECEIVED_AT)}, {arrival}) AS received_at,
        CAST({own(C.USER_ID)} AS VARCHAR) AS user_id,
        CAST({own(C.ANONYMOUS_ID)} AS VARCHAR) AS anonymous_id,
        CASE WHEN {channel} IN ({channels}) THEN {channel}
             WHEN {channel} IS NULL THEN coalesce(own_channel, 'other') ELSE 'other' END AS channel,
        CAST({kept(C.ORDER_ID)} AS VARCHAR) AS order_id,
        CAST({kept(C.PRODUCT_ID)} AS VARCHAR) AS product_id,
        CAST({_value(have)} AS DOUBLE) AS value,
        CAST({_quantity(have)} AS DOUBLE) AS quantity,
        CAST({_measure(have)} AS DOUBLE) AS measure,
        CAST({kept(C.CURRENCY, engine.quoted(currency))} AS VARCHAR) AS currency,
        {kept(C.PRODUCTS)} AS products,
        CAST({_properties(have)} AS VARCHAR) AS properties,
        {engine.quoted(source)} AS source,
        {_marks("marks" if named else "CAST(NULL AS VARCHAR[])", have)} AS marks,
        {_without_nulls(named)} AS identifiers"""


def _unread(name: str, sql_type: ColumnType) -> str:
    """SQL of the mark of an identifier that is there and cannot be read, else null."""
    text = f"trim(CAST({engine.name(name)} AS VARCHAR))"
    return (
        f"CASE WHEN {text} <> '' AND NOT ({_nobody(text)}) "
        f"AND {typed(name, 'identifier', sql_type)} IS NULL THEN {engine.quoted(UNREAD + name)} END"
    )


def _marks(told: str, have: Collection[str]) -> str:
    """SQL of a row's marks, with that of returns that do not say how much comes back."""
    returns = rules.among(event.code for event in schema().events if event.returns)
    marked = f"list_append(coalesce({told}, []), {engine.quoted(UNPRICED)})"
    return f"CASE WHEN {returns} AND ({_value(have)}) IS NULL THEN {marked} ELSE {told} END"


def _without_nulls(values: Collection[str]) -> str:
    """SQL of a list of texts without the nulls among them; null when nothing is left."""
    if not values:
        return "CAST(NULL AS VARCHAR[])"
    held = f"list_filter([{', '.join(values)}], lambda v: v IS NOT NULL)"
    return f"CASE WHEN len({held}) > 0 THEN {held} END"


def _nobody(text: str) -> str:
    """SQL of `identifiers.nobody`."""
    words = ", ".join(engine.quoted(word) for word in sorted(NOBODY))
    return f"lower({text}) IN ({words}) OR regexp_full_match({text}, {engine.quoted(ZEROS)})"


def _value(have: Collection[str]) -> str:
    """SQL of the value slot; of an event with lines it falls back to their sum."""
    groups: dict[str, list[int]] = {}
    for event in schema().events:
        parts = [name for name in event.value if name in have]
        if event.lines and C.PRODUCTS in have:
            every_priced = "list_count(list_transform(products, lambda p: p.price)) = len(products)"
            total = "list_sum(list_transform(products, lambda p: p.price * p.quantity))"
            parts.append(f"CASE WHEN {every_priced} THEN {total} END")
        if parts:
            groups.setdefault(f"coalesce({', '.join(parts)}, NULL)", []).append(event.code)
    return _by_type(groups)


def _quantity(have: Collection[str]) -> str:
    """SQL of the quantity slot: the sum over lines, or the property, which is 1 when absent."""
    groups: dict[str, list[int]] = {}
    for event in schema().events:
        if event.lines and C.PRODUCTS in have:
            total = "list_sum(list_transform(products, lambda p: p.quantity))"
            groups.setdefault(total, []).append(event.code)
        elif event.quantity:
            parts = [name for name in event.quantity if name in have]
            groups.setdefault(f"coalesce({', '.join([*parts, '1.0'])})", []).append(event.code)
    return _by_type(groups)


def _measure(have: Collection[str]) -> str:
    """SQL of the measure slot: of an instant days after the event, of a text its number."""
    groups: dict[str, list[int]] = {}
    for event in schema().events:
        parts = [_measured(name) for name in event.measure if name in have]
        if parts:
            groups.setdefault(f"coalesce({', '.join(parts)}, NULL)", []).append(event.code)
    return _by_type(groups)


def _measured(name: str) -> str:
    of = schema().properties[name].type
    if of == "instant":
        return f"({name} - timestamp) / {float(DAY_MS)}"
    return texts.number_sql(name) if of == "text" else name


def _by_type(groups: Mapping[str, Collection[int]]) -> str:
    if not groups:
        return "NULL"
    branches = " ".join(f"WHEN {rules.among(c)} THEN {sql}" for sql, c in groups.items())
    return f"CASE {branches} END"


def _properties(have: Collection[str]) -> str:
    """SQL of the JSON object of a row's kept properties, sorted by name; null when empty."""
    members = []
    for name in sorted(have):
        declared = schema().properties.get(name)
        if declared is None or name in _KEPT_IN_COLUMNS:
            continue
        kind = rules.kind_of(declared)
        value = {
            "number": f"CAST({name} AS VARCHAR)",
            "boolean": f"CAST({name} AS VARCHAR)",
            "json": name,
            "instant": f"strftime(make_timestamp_ms({name}), '\"%Y-%m-%dT%H:%M:%SZ\"')",
        }.get(kind, f"CAST(to_json({name}) AS VARCHAR)")
        keeps = rules.among(rules.codes_with(name))
        members.append(f"CASE WHEN {keeps} THEN '\"{name}\": ' || {value} END")
    if not members:
        return "NULL"
    return f"nullif('{{' || concat_ws(', ', {', '.join(members)}) || '}}', '{{}}')"
