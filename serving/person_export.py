"""Everything that is held on a person, as JSON that is written while it is read."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import orjson

from features.events.schema import schema
from features.instants import moment
from features.timeline import Timeline
from serving.errors import UnknownCustomerError
from serving.live import Live
from serving.service import Service
from serving.store import Decision, Impression, Rejected, Score, StoredEvent

PAGE = 1_000
"""Events read, and rows written, at a time."""

ALL = 1_000_000
"""More decisions than are made of one person."""

NOT_INCLUDED = (
    "Answers kept for clients that send a request again (Idempotency-Key): kept under a hash and "
    "only for hours; those that name a customer are erased with them.",
    "Ids of counted events, as hashes without a person.",
    "Models: they hold figures of all customers together, and no customer's rows.",
)
"""What is kept and is not about a person, said to whoever reads the export."""


def person_export(customer_id: str, service: Service) -> Iterator[bytes]:
    """The parts of one JSON object.

    Raises:
        UnknownCustomerError: nothing is held under this id.
    """
    known = service.profiles.find(customer_id)
    decisions = service.store.decisions(customer_id, limit=ALL)
    rejected = service.store.quarantined_of(customer_id)
    if known is None and not decisions and not rejected:
        raise UnknownCustomerError(customer_id)
    head = {
        "customer_id": customer_id if known is None else known.person.customer_id,
        "identifiers": [customer_id] if known is None else list(known.person.identifiers),
        "at": moment(service.clock()),
        "traits": service.corrections.traits(customer_id),
        "not_included": NOT_INCLUDED,
    }
    timeline = [] if known is None else _rows(known.timeline, known.live)
    consents = ({**vars(c), "at": moment(c.at)} for c in service.store.consents(customer_id))
    timers = (
        {
            "trigger": timer.trigger,
            "started_at": moment(timer.started_at),
            "due_at": moment(timer.due_at),
        }
        for timer in service.store.timers(customer_id)
    )
    lists: dict[str, Iterable[Any]] = {
        "timeline": timeline,
        "events": _events(customer_id, service),
        "corrections": service.corrections.of(customer_id),
        "consents": consents,
        "timers": timers,
        "decisions": map(_decision, decisions),
        "scores": map(_score, service.store.scores(customer_id)),
        "impressions": map(_impression, service.store.impressions(customer_id)),
        "quarantined": map(_rejected, rejected),
    }
    return chain([_json(head)[:-1]], *(_list(name, items) for name, items in lists.items()), [b"}"])


def event_view(stored: StoredEvent) -> dict[str, Any]:
    """One event, with what was kept of it."""
    event = stored.event
    return {
        "sequence": stored.sequence,
        "event_id": event.event_id,
        "name": event.name,
        "known": event.type != 0,
        "at": moment(event.timestamp),
        "received_at": moment(event.received_at),
        "user_id": event.user_id,
        "anonymous_id": event.anonymous_id,
        "channel": event.channel,
        "order_id": event.order_id,
        "product_id": event.product_id,
        "value": event.value,
        "quantity": event.quantity,
        "measure": event.measure,
        "currency": event.currency,
        "products": [vars(line) for line in event.products or ()],
        "properties": orjson.loads(event.properties or "{}"),
        "source": event.source,
        "marks": event.marks,
    }


def _list(name: str, items: Iterable[Any]) -> Iterator[bytes]:
    yield b',"%b":[' % name.encode()
    first = True
    for part in _batches(items):
        yield (b"" if first else b",") + b",".join(map(_json, part))
        first = False
    yield b"]"


def _batches(items: Iterable[Any]) -> Iterator[Sequence[Any]]:
    part: list[Any] = []
    for item in items:
        part.append(item)
        if len(part) == PAGE:
            yield part
            part = []
    if part:
        yield part


def _events(customer_id: str, service: Service) -> Iterator[dict[str, Any]]:
    before = None
    while page := service.store.events(customer_id=customer_id, before=before, limit=PAGE):
        yield from map(event_view, page)
        before = page[-1].sequence


def _rows(timeline: Timeline, live: Live) -> Iterator[dict[str, Any]]:
    """What features are computed from, loaded history included, in words."""
    for row in timeline.rows():
        kind = schema().of_code(int(row["type"]))
        product = int(row["product"])
        yield {
            "at": moment(int(row["at"])),
            "known_at": moment(int(row["known_at"])),
            "event": "unknown event" if kind is None else kind.name,
            "channel": schema().channel_names.get(int(row["channel"]), "other"),
            "product_id": live.catalog.ids[product] if product >= 0 else None,
            **{name: _number(row[name]) for name in ("value", "quantity", "measure")},
        }


def _number(value: np.float32) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _decision(decision: Decision) -> dict[str, Any]:
    told = {**vars(decision), "details": dict(decision.details)}
    return told | {"at": moment(decision.at), "inputs_at": moment(decision.inputs_at)}


def _score(score: Score) -> dict[str, Any]:
    told = {name: value for name, value in vars(score).items() if name != "sequence"}
    return told | {"at": moment(score.at)}


def _impression(shown: Impression) -> dict[str, Any]:
    names = ("product_id", "score", "propensity")
    told = {name: value for name, value in vars(shown).items() if name != "sequence"}
    items = [dict(zip(names, item, strict=True)) for item in shown.items]
    return told | {"at": moment(shown.at), "items": items}


def _rejected(rejected: Rejected) -> dict[str, Any]:
    return {**vars(rejected), "received_at": moment(rejected.received_at)}


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
