"""Simulated events as Segment's clients send them, in batches."""

from typing import Any

import numpy as np

from features.instants import DAY_MS, instant, iso

START = instant("2026-05-01")
DAYS = 30
CUSTOMERS, PRODUCTS = 20_000, 5_000
MIX = {
    "Product Viewed": 60,
    "Product Added": 12,
    "Products Searched": 8,
    "Checkout Started": 4,
    "Order Completed": 6,
    "Email Opened": 10,
}
"""Types of simulated events, in per cent."""

CONTEXT = {
    "library": {"name": "analytics-node", "version": "3.1.0"},
    "ip": "203.0.113.7",
    "locale": "en-GB",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "page": {"path": "/products/blue-pot", "url": "https://shop.example/products/blue-pot"},
}
"""What clients add to every event by themselves; most of it is dropped at the door."""


def messages(events: int, batch: int, seed: int) -> list[list[dict[str, Any]]]:
    """Batches of events, each with an id of its own; the same seed gives the same."""
    rng = np.random.default_rng(seed)
    names = rng.choice(list(MIX), events, p=np.array(list(MIX.values())) / sum(MIX.values()))
    who = rng.integers(0, CUSTOMERS, events).tolist()
    product = rng.integers(0, PRODUCTS, (events, 3)).tolist()
    at = (START + np.sort(rng.integers(0, DAYS * DAY_MS, events))).tolist()
    out = [
        {
            "type": "track",
            "event": str(names[i]),
            "messageId": f"node-next-{seed}-{i:08d}-3f0c8e3a5b1d",
            "userId": f"c{who[i]:06d}",
            "timestamp": iso(at[i]),
            "context": CONTEXT,
            "integrations": {},
            "properties": _properties(str(names[i]), i, [f"p{p:05d}" for p in product[i]]),
        }
        for i in range(events)
    ]
    return [out[begin : begin + batch] for begin in range(0, events, batch)]


def _properties(name: str, number: int, products: list[str]) -> dict[str, Any]:
    price = 5 + number % 40
    if name in ("Product Viewed", "Product Added"):
        return {"product_id": products[0], "price": price, "currency": "EUR", "quantity": 1}
    if name == "Products Searched":
        return {"query": f"blue pot {number % 97}"}
    if name == "Email Opened":
        return {"email_id": f"mail-{number % 50}", "campaign_name": "spring"}
    lines = [{"product_id": product, "price": price, "quantity": 1} for product in products]
    order = {"order_id": f"o{number}", "currency": "EUR", "products": lines}
    return order | ({"total": 3 * price} if name == "Order Completed" else {})
