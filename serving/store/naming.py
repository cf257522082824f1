"""Which kept messages name a person: as a value of the message, not as part of another text."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, func, literal, select
from sqlalchemy.sql import ColumnElement

from features.events.identifiers import bare
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


def _holds(connection: Connection, text: str) -> ColumnElement[bool]:
    # LIKE would ignore case on SQLite
    find = func.strpos if connection.dialect.name == "postgresql" else func.instr
    return find(t.quarantine.c.message, literal(text)) > 0


def _inner(value: str) -> str:
    """A text as it stands between its quotes in JSON."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


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
