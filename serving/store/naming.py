"""What names a person as a value, not as part of another text: messages, answers, rulings."""

import json
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, LargeBinary, func, literal, or_, select
from sqlalchemy.sql import ColumnElement

from features.events.identifiers import bare
from features.events.schema import schema
from features.identity import RULINGS
from serving.store import schema as t
from serving.store.records import Rejected


def naming(connection: Connection, customer_ids: Collection[str]) -> list[Rejected]:
    """Messages in quarantine that hold one of the ids as a value, oldest first."""
    values = {bare(customer_id) for customer_id in customer_ids}
    found: dict[int, Rejected] = {}
    for value in sorted(values):
        asked = select(t.quarantine).where(_holds(connection, _inner(value)))
        for row in connection.execute(asked).mappings():
            if _named(row["message"], value):
                found[row["sequence"]] = Rejected(**row)
    return [found[sequence] for sequence in sorted(found)]


def answers_naming(connection: Connection, customer_ids: Collection[str]) -> list[str]:
    """Keys of the kept answers that hold one of the ids, or its bare value, as a text."""
    values = {*customer_ids, *map(bare, customer_ids)}
    find = func.pg_catalog.position if connection.dialect.name == "postgresql" else func.instr
    found: set[str] = set()
    for value in sorted(values):
        inner = literal(_inner(value).encode(), LargeBinary)
        asked = select(t.answers.c.key, t.answers.c.body).where(find(t.answers.c.body, inner) > 0)
        for key, body in connection.execute(asked):
            if value in _texts(json.loads(body)):
                found.add(key)
    return sorted(found)


def rulings_naming(connection: Connection, customer_ids: Collection[str]) -> dict[int, str]:
    """The ruling events that name one of the ids as the other: event ids by sequence."""
    codes = [schema().code(name) for name in RULINGS]
    event = t.events.c
    asked = select(event.sequence, event.event_id, event.properties).where(
        or_(*(event.type == code for code in codes))
    )
    return {
        sequence: event_id
        for sequence, event_id, properties in connection.execute(asked)
        if json.loads(properties or "{}").get("other_id") in customer_ids
    }


def _holds(connection: Connection, text: str) -> ColumnElement[bool]:
    # LIKE would ignore case on SQLite
    find = func.strpos if connection.dialect.name == "postgresql" else func.instr
    return find(t.quarantine.c.message, literal(text)) > 0


def _inner(value: str) -> str:
    """A text as it stands between its quotes in JSON."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict | list):
        for part in said.values() if isinstance(said, dict) else said:
            yield from _texts(part)


def _named(message: str, value: str) -> bool:
    try:
        return _holds_value(json.loads(message), value)
    except ValueError:  # it was cut where it was too long
        return f'"{_inner(value)}"' in message


def _holds_value(said: Any, value: str) -> bool:
    if isinstance(said, dict):
        return any(_holds_value(part, value) for part in said.values())
    if isinstance(said, list):
        return any(_holds_value(part, value) for part in said)
    return not isinstance(said, bool) and said is not None and str(said).strip() == value
