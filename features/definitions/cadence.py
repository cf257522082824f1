"""Cadence: the customer's own rhythm, and how the present silence compares with it."""

from features.definitions.feature import Aggregation, Feature

ORDER = ("Order Completed",)

FEATURES = (
    Feature(
        "cadence",
        "order",
        ORDER,
        Aggregation.DAYS_SINCE_LAST,
        unit="days",
        meaning="Days since the last order",
    ),
    Feature(
        "cadence",
        "order",
        ORDER,
        Aggregation.DAYS_SINCE_FIRST,
        unit="days",
        meaning="Days since the first order",
    ),
    *(
        Feature(
            "cadence",
            "order",
            ORDER,
            aggregation,
            window=window,
            unit="days",
            meaning=meaning,
        )
        for aggregation, window, meaning in (
            (Aggregation.GAP_MEAN, None, "Usual days between orders"),
            (Aggregation.GAP_MEAN, 365, "Usual days between orders in the last year"),
            (Aggregation.GAP_SD, None, "Spread of the days between orders"),
            (Aggregation.GAP_LAST, None, "Days between the last two orders"),
        )
    ),
    Feature(
        "cadence",
        "silence",
        aggregation=Aggregation.RATIO,
        of=("cadence_order_days_since_last", "cadence_order_gap_mean_life"),
        unit="times",
        meaning="Present silence against the usual days between orders",
    ),
    Feature(
        "cadence",
        "slowing",
        aggregation=Aggregation.RATIO,
        of=("cadence_order_gap_last", "cadence_order_gap_mean_life"),
        unit="times",
        meaning="The last gap against the usual one",
    ),
    *(
        Feature(
            "cadence",
            "season_orders",
            ORDER,
            window=365,
            after=365 - days,
            unit="orders",
            meaning=f"Orders in the {days} days that follow this day last year",
        )
        for days in (30, 90)
    ),
    Feature(
        "cadence",
        "pace",
        aggregation=Aggregation.RATIO,
        of=("purchase_orders_90d", "purchase_orders_365d"),
        scale=365 / 90,
        unit="times",
        meaning="Orders of the last 90 days against the yearly pace",
    ),
)
