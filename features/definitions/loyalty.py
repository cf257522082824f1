"""Loyalty: points, what they are worth before they expire, tier and subscriptions."""

from features.definitions.feature import Aggregation, Feature, Number

EARNED = ("Points Earned",)
REDEEMED = ("Points Redeemed",)

FEATURES = (
    Feature(
        "loyalty",
        "balance",
        EARNED,
        Aggregation.SUM,
        Number.VALUE,
        minus=("Points Redeemed", "Points Expired"),
        unit="points",
        meaning="Points on the account",
    ),
    *(
        Feature(
            "loyalty",
            subject,
            events,
            Aggregation.SUM,
            Number.VALUE,
            window=window,
            unit="points",
            meaning=f"Points {subject} in the last {window} days",
        )
        for subject, events in (("earned", EARNED), ("redeemed", REDEEMED))
        for window in (90, 365)
    ),
    Feature(
        "loyalty",
        "burn_share",
        aggregation=Aggregation.RATIO,
        of=("loyalty_redeemed_365d", "loyalty_earned_365d"),
        unit="share",
        meaning="Points redeemed as a share of points earned in the last year",
    ),
    Feature(
        "loyalty",
        "points_expiry",
        ("Points Expiring",),
        Aggregation.DAYS_UNTIL,
        Number.MEASURE,
        unit="days",
        meaning="Days until points expire",
    ),
    Feature(
        "loyalty",
        "tier",
        ("Tier Changed",),
        Aggregation.LAST,
        Number.VALUE,
        unit="level",
        meaning="Loyalty tier, 0 is the lowest",
    ),
    Feature(
        "loyalty",
        "tier_change",
        ("Tier Changed",),
        Aggregation.DAYS_SINCE_LAST,
        unit="days",
        meaning="Days since the loyalty tier changed",
    ),
    Feature(
        "loyalty",
        "subscriptions",
        ("Subscription Started",),
        Aggregation.OPEN,
        minus=("Subscription Cancelled",),
        unit="subscriptions",
        meaning="Running subscriptions",
    ),
    Feature(
        "loyalty",
        "subscription_stops",
        ("Subscription Paused", "Subscription Cancelled"),
        window=365,
        unit="times",
        meaning="Subscriptions paused or cancelled in the last year",
    ),
)
