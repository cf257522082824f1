"""By which channels a customer comes, and when: what they did themselves, not what was sent."""

from collections import Counter
from datetime import UTC, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from features.events.schema import schema
from features.instants import DAY_MS, moment
from serving.profile.orders import ORDER
from serving.profile.past import Past, Rows, channel_name
from serving.profile.section import section

OWN = (
    "Products Searched",
    "Product List Viewed",
    "Product List Filtered",
    "Promotion Clicked",
    "Product Clicked",
    "Product Viewed",
    "Product Added",
    "Product Removed",
    "Cart Viewed",
    "Checkout Started",
    "Checkout Step Viewed",
    "Checkout Step Completed",
    "Payment Info Entered",
    ORDER,
    "Coupon Entered",
    "Product Added to Wishlist",
    "Product Removed from Wishlist",
    "Wishlist Product Added to Cart",
    "Product Shared",
    "Cart Shared",
    "Product Reviewed",
    "Email Link Clicked",
    "Message Clicked",
    "Points Redeemed",
    "Survey Answered",
    "Ticket Opened",
    "Store Visited",
    "Recommendation Clicked",
    "Offer Accepted",
    "Offer Declined",
    "Page Viewed",
    "Screen Viewed",
)
"""What a customer does. Opened messages are left out: mail programs open them by themselves."""

HABIT_DAYS = 365
"""Habits change: only the last year tells of the present ones."""

CHANNEL_EVIDENCE = 3
"""Days with activity below which no channel is called preferred."""

HOUR_EVIDENCE = 5
"""Active hours of different days below which no hour is called preferred."""

HOUR_SHARE = 0.25
"""Share of the active hours that must lie within an hour of the preferred one: twice what three
hours of 24 hold by chance."""

HOUR_MS = 3_600_000
UNNAMED = "other"


@section
class ChannelUse:
    """One channel that the customer came by."""

    channel: str
    """`other` where nothing tells which: events that a server sent for the customer."""
    events: int
    """What the customer did there: visits, carts, orders, reviews; not what was sent to them."""
    share: float
    """Of all that the customer did."""
    orders: int
    first_at: datetime
    last_at: datetime


@section
class Habits:
    """How and when the customer is best met, by what they did in the last year.

    Each is null where there is too little evidence.
    """

    channel: str | None
    """The channel with the most active days."""
    channel_days: int
    """The evidence: days with activity by a named channel; at least 3 are needed."""
    hour: int | None
    """The hour of the day, 0 to 23, around which the customer is active, in the shop's time. At
    least a quarter of all active hours lie within an hour of it."""
    hour_evidence: int
    """The evidence: active hours, each once a day; at least 5 are needed. Events at exactly
    midnight UTC do not count: such tables hold dates without a time."""
    time_zone: str
    """The shop's time zone, of the settings."""


def channels(past: Past) -> tuple[ChannelUse, ...]:
    """The channels, the most used first."""
    own = _own(past)
    used = past.rows.channel[own]
    ordered = np.bincount(past.rows.channel[past.of(ORDER)], minlength=256)
    counts = np.bincount(used, minlength=256)
    found = []
    for code in np.flatnonzero(counts).tolist():
        theirs = np.flatnonzero(used == code)
        found.append(
            ChannelUse(
                channel=channel_name(code),
                events=int(counts[code]),
                share=round(int(counts[code]) / len(own), 4),
                orders=int(ordered[code]),
                first_at=moment(int(past.rows.at[own[theirs[0]]])),
                last_at=moment(int(past.rows.at[own[theirs[-1]]])),
            )
        )
    return tuple(sorted(found, key=lambda use: (-use.events, use.channel)))


def habits(past: Past, time_zone: str) -> Habits:
    """The preferred channel and hour."""
    own = _own(past)
    own = own[np.searchsorted(past.rows.at[own], past.at - HABIT_DAYS * DAY_MS) :]
    days: dict[int, set[int]] = {}
    hours: set[int] = set()
    for at, code in zip(past.rows.at[own].tolist(), past.rows.channel[own].tolist(), strict=True):
        local = at + _offset(at // DAY_MS, time_zone)
        theirs = days.pop(code, None) or set()
        theirs.add(local // DAY_MS)
        days[code] = theirs  # the channel used last comes last
        if at % DAY_MS:
            hours.add(local // HOUR_MS)
    named = {code: theirs for code, theirs in days.items() if channel_name(code) != UNNAMED}
    return Habits(*_preferred_channel(named), *_preferred_hour(hours), time_zone)


def _own(past: Past) -> Rows:
    return np.flatnonzero(_is_own()[past.rows.type])


@cache
def _is_own() -> npt.NDArray[np.bool_]:
    """Which codes of events the customer does themselves, shape (256,)."""
    return np.isin(np.arange(256), [schema().code(name) for name in OWN])


def _preferred_channel(days: dict[int, set[int]]) -> tuple[str | None, int]:
    """The channel with the most days, on a tie the one used last; and how many days there are.

    Arguments:
        days: of each channel, the one used last coming last.
    """
    evidence = len(set().union(*days.values()))
    if evidence < CHANNEL_EVIDENCE:
        return None, evidence
    return channel_name(max(reversed(days), key=lambda code: len(days[code]))), evidence


def _preferred_hour(hours: set[int]) -> tuple[int | None, int]:
    """The hour with the most active hours around it; and how many there are in all.

    On a tie the busiest of them, then the earliest.
    """
    if len(hours) < HOUR_EVIDENCE:
        return None, len(hours)
    active = Counter(hour % 24 for hour in hours)
    around = {hour: sum(active[(hour + by) % 24] for by in (-1, 0, 1)) for hour in range(24)}
    best = max(around, key=lambda hour: (around[hour], active[hour]))
    return (best if around[best] >= HOUR_SHARE * len(hours) else None), len(hours)


@lru_cache(maxsize=4096)
def _offset(day: int, time_zone: str) -> int:
    """What to add to an instant to have local time; that of the day's noon."""
    noon = datetime.fromtimestamp(day * 86_400 + 43_200, UTC)
    offset = noon.astimezone(ZoneInfo(time_zone)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1000)
