"""Events and decisions in which only what a test is about is written out."""

from typing import Any

from features.events.event import Event, Line
from features.events.schema import schema
from serving.store import Appended, Decision, Incoming, Store

MINUTE = 60_000
NOON = 1_300_000_000_000


def viewed(
    event_id: str, *, user: str | None = None, visitor: str | None = None, **more: Any
) -> Event:
    fields = {"product_id": "tea", "timestamp": NOON, "received_at": NOON, "channel": "web"} | more
    return Event(
        event_id=event_id,
        type=schema().code("Product Viewed"),
        name="Product Viewed",
        user_id=user,
        anonymous_id=visitor,
        **fields,
    )


def ordered(event_id: str, user: str, *products: str, **more: Any) -> Event:
    fields = {"timestamp": NOON, "received_at": NOON, "channel": "web", "value": 9.0} | more
    return Event(
        event_id=event_id,
        type=schema().code("Order Completed"),
        name="Order Completed",
        user_id=user,
        order_id=event_id,
        products=tuple(Line(product, 1.0, 3.0) for product in products),
        **fields,
    )


def append(store: Store, *events: Event) -> Appended:
    return store.append([Incoming(event) for event in events])


def decision(decision_id: str, customer: str = "ann", **more: Any) -> Decision:
    fields = {
        "kind": "stalled_checkout",
        "at": NOON,
        "action": "send",
        "reason": "because",
        "channel": "chat",
        "model_version": "7",
        "inputs_at": NOON,
        "probability": 1.0,
    } | more
    return Decision(decision_id=decision_id, customer_id=customer, **fields)
