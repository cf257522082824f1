"""Hand-made timelines: a few rows, so many days before the instant that is asked for."""

import math
from collections.abc import Mapping

import numpy as np

from features.catalog import Catalog, Product
from features.compute import vector
from features.definitions import FEATURES
from features.events.schema import schema
from features.instants import DAY_MS, instant, moment
from features.reference import Reference
from features.timeline import ROW, Timeline
from serving.profile.past import Past

NOW = instant("2026-06-30T12:00:00Z")

TEA, POT, MUG, BLUE_MUG, GONE, HEBREW = range(6)
CATALOG = Catalog.of(
    [
        Product("tea", title="Tea", category="Drinks", brand="Alba", price=4.0),
        Product("pot", title="Pot", category="Kitchen", brand="Alba", price=12.0),
        Product("mug", title="Mug 🫖", category="Kitchen", brand="Borea", price=6.0),
        Product("blue-mug", parent_id="mug", title="Blue mug", category="Kitchen", price=6.5),
        Product("gone", title="Gone", available=False),
        Product("kos", title="כוס לתה", category="מטבח"),
    ]
)

Rows = np.ndarray


def row(
    event: str, days: float, product: int = -1, *, channel: str = "web", **slots: float
) -> Rows:
    """One row; `known_days` is when it was known, `value`, `quantity`, `measure` are its slots."""
    out = np.zeros(1, ROW)
    out["at"] = NOW - round(days * DAY_MS)
    out["known_at"] = NOW - round(slots.pop("known_days", days) * DAY_MS)
    out["type"], out["product"] = schema().code(event), product
    out["channel"] = schema().channels[channel]
    for name in ("value", "quantity", "measure"):
        out[name] = slots.get(name, math.nan)
    return out


def order(days: float, *products: int, total: float = math.nan, channel: str = "web") -> Rows:
    """An order of one piece of each product."""
    return np.concatenate(
        [
            row("Order Completed", days, value=total, channel=channel),
            *(row("Order Line", days, p, quantity=1, measure=5, channel=channel) for p in products),
        ]
    )


def story(*parts: Rows) -> Timeline:
    return Timeline.of(np.concatenate(parts)) if parts else Timeline.empty()


def past(*parts: Rows) -> Past:
    return Past(story(*parts), NOW, CATALOG)


def features(*parts: Rows) -> Mapping[str, float | None]:
    """The declared features by name."""
    reference = Reference.empty(CATALOG)
    reference.category_price[:] = 3.0
    values = vector(story(*parts), NOW, CATALOG, reference).tolist()
    return {
        feature.name: None if math.isnan(value) else value
        for feature, value in zip(FEATURES, values, strict=True)
    }


def ago(days: float):
    """The moment so many days before the instant."""
    return moment(NOW - round(days * DAY_MS))
