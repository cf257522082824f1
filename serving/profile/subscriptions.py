"""What a customer has subscribed to, and when the next delivery is due."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from features.events.schema import HISTORY_ROWS
from features.instants import DAY_MS, moment
from serving.profile.past import Past, number
from serving.profile.section import section

STARTED, PAUSED, CANCELLED = (
    "Subscription Started",
    "Subscription Paused",
    "Subscription Cancelled",
)


@section
class Subscription:
    """A subscription that is not cancelled.

    A timeline tells subscriptions apart by their product: two of one product are shown as one.
    """

    product_id: str | None
    """Null where no product was named."""
    title: str | None
    status: Literal["active", "paused"]
    """Started again after a pause means active."""
    started_at: datetime | None
    """Null where only its pause is known."""
    status_since: datetime
    interval_days: float | None
    """Days between two deliveries."""
    price: float | None
    next_due_at: datetime | None
    """The last start plus whole intervals; null while it is paused, or without an interval."""


@dataclass
class _State:
    started_at: int | None = None
    since: int = 0
    active: bool = False
    interval_days: float | None = None
    price: float | None = None


def subscriptions(past: Past) -> tuple[Subscription, ...]:
    """Those that run or are paused, the oldest first."""
    started = set(past.of(STARTED).tolist())
    cancelled = set(past.of(CANCELLED).tolist())
    states: dict[int, _State] = {}
    named: dict[int, int] = {}
    for row in past.of(STARTED, PAUSED, CANCELLED)[-HISTORY_ROWS:].tolist():
        product, at = int(past.rows.product[row]), int(past.rows.at[row])
        if row in cancelled:
            states.pop(product, None)
            continue
        state = states.setdefault(product, _State())
        state.active, state.since = row in started, at
        named[product] = row
        if state.active:
            state.started_at = at if state.started_at is None else state.started_at
            state.interval_days = number(past.rows.measure[row]) or state.interval_days
            state.price = number(past.rows.value[row]) or state.price
    return tuple(_shown(past, named[product], state) for product, state in states.items())


def _shown(past: Past, row: int, state: _State) -> Subscription:
    product_id, title = past.product(row) or (None, None)
    due = None
    if state.active and state.interval_days:
        interval = state.interval_days * DAY_MS
        due = state.since + ((past.at - state.since) // interval + 1) * interval
    return Subscription(
        product_id=product_id,
        title=title,
        status="active" if state.active else "paused",
        started_at=None if state.started_at is None else moment(state.started_at),
        status_since=moment(state.since),
        interval_days=state.interval_days,
        price=state.price,
        next_due_at=None if due is None else moment(int(due)),
    )
