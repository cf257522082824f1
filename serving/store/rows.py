"""Records as rows of the tables, and back."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy import RowMapping

from features.catalog import Product
from features.columns import Columns as C
from features.events.event import Event, Line
from features.timeline import ROW, Timeline
from serving.store.records import Decision, Person, Rejected, StoredEvent, Told

_json = json.JSONEncoder().encode


def id_hash(event_id: str) -> bytes:
    """Sixteen bytes that stand for an event id; that two of a billion share them: 1e-21."""
    return hashlib.blake2b(event_id.encode(), digest_size=16).digest()


def event_row(event: Event, person: int) -> dict[str, Any]:
    """What is stored of an event; lines and marks as JSON text."""
    lines = event.products
    return {
        **vars(event),
        C.PRODUCTS: None if lines is None else _json([vars(line) for line in lines]),
        C.MARKS: _json(event.marks) if event.marks else None,
        C.IDENTIFIERS: _json(event.identifiers) if event.identifiers else None,
        "person": person,
    }


def event_of(row: RowMapping) -> StoredEvent:
    """The event that was stored."""
    columns = dict(row)
    sequence = columns.pop("sequence")
    lines = columns.pop(C.PRODUCTS)
    products = None if lines is None else tuple(Line(**line) for line in json.loads(lines))
    for name in (C.MARKS, C.IDENTIFIERS):
        columns[name] = tuple(json.loads(columns[name] or "[]"))
    return StoredEvent(sequence, Event(**columns, products=products))


def rejected_row(rejected: Rejected) -> dict[str, Any]:
    """What is stored of a rejected message; the store gives it its place.

    What is wrong with it may be its very characters: those no database takes are replaced.
    """
    row = asdict(rejected)
    del row["sequence"]
    for name in ("message_id", "column", "reason", "message"):
        row[name] = row[name].encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return row


def person_of(rows: Sequence[Any]) -> Person | None:
    """What is known of a customer, from the rows of `statements.PERSON`."""
    if not rows:
        return None
    version: dict[int, int] = {}
    leading: str | None = None
    others: dict[str, None] = {}
    parts = []
    for name, number, owner, linked_at, changed, packed, *_ in rows:
        version[number] = changed
        if number == owner:
            leading = name
        else:
            others[name] = None
        if packed is not None:
            part = np.frombuffer(packed, ROW)
            if linked_at is not None:
                part = part.copy()
                np.maximum(part["known_at"], linked_at, out=part["known_at"])
            parts.append(part)
    # joining structured arrays costs as much as reading one
    joined = np.concatenate(parts) if len(parts) > 1 else next(iter(parts), np.empty(0, ROW))
    timeline = Timeline.of(joined)
    ids = (*(() if leading is None else (leading,)), *others)
    first = rows[0]
    told = Told(first.fed, first.ruled)
    return Person(ids[0], ids, timeline, tuple(version.items()), oldest=first[0], told=told)


def product_of(row: RowMapping) -> Product:
    """The product that was stored."""
    return Product(**{**row, "attributes": json.loads(row["attributes"] or "{}")})


def described(product: Product) -> dict[str, Any]:
    """The parameters of `statements.DESCRIBE`, but for the product's number."""
    return {
        "its_parent": product.parent_id,
        "its_title": product.title,
        "its_category": product.category,
        "its_brand": product.brand,
        "its_price": product.price,
        "its_attributes": json.dumps(dict(product.attributes)) if product.attributes else None,
        "its_availability": product.available,
    }


def decision_row(decision: Decision) -> dict[str, Any]:
    """What is stored of a decision; details as JSON text."""
    return {**asdict(decision), "details": json.dumps(dict(decision.details))}


def decision_of(row: RowMapping | Mapping[str, Any]) -> Decision:
    """The decision that was stored."""
    return Decision(**{**row, "details": json.loads(row["details"])})
