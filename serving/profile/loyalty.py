"""Points on the account, those about to expire, and the tier."""

from collections.abc import Mapping
from datetime import datetime

from features.instants import DAY_MS, moment
from serving.profile.past import Past, number
from serving.profile.section import section

MINUTE_MS = 60_000


@section
class Expiry:
    """Points that will expire."""

    at: datetime
    """When, to the minute."""
    points: float
    """How many, as far as they are still on the account."""


@section
class Loyalty:
    """The customer's part in the loyalty programme."""

    points: float
    """On the account: earned, less redeemed and expired. Never below 0: where more was redeemed
    than is known to have been earned, the earning is missing, not the points."""
    expiring: tuple[Expiry, ...]
    """What notices said will expire, the nearest first; of two notices for one day the later
    counts."""
    tier: int | None
    """The tier's level, 0 is the lowest; null for who is in none."""
    tier_since: datetime | None


def loyalty(past: Past, features: Mapping[str, float | None]) -> Loyalty:
    """Points and tier; the balance is the declared feature's."""
    balance = max(features["loyalty_balance_life"] or 0.0, 0.0)
    row = past.last("Tier Changed")
    level = None if row is None else number(past.rows.value[row])
    return Loyalty(
        points=round(balance, 2),
        expiring=_expiring(past, balance),
        tier=None if level is None else int(level),
        tier_since=None if row is None or level is None else moment(int(past.rows.at[row])),
    )


def _expiring(past: Past, balance: float) -> tuple[Expiry, ...]:
    by_day: dict[int, tuple[int, float]] = {}
    for row in past.of("Points Expiring").tolist():
        points, days = number(past.rows.value[row]), number(past.rows.measure[row], 9)
        if points is None or days is None:
            continue
        # the slot holds days as float32, whose last digit is seconds
        at = round((int(past.rows.at[row]) + days * DAY_MS) / MINUTE_MS) * MINUTE_MS
        if at > past.at:
            by_day[at // DAY_MS] = (at, points)
    found = []
    left = balance
    for at, points in sorted(by_day.values()):
        if min(points, left) > 0:
            found.append(Expiry(moment(at), round(min(points, left), 2)))
        left -= points
    return tuple(found)
