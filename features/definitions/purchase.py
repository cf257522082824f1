"""Purchase: how often, how much, how large, how discounted, how much came back."""

from features.definitions.feature import Aggregation, Feature, Number

WINDOWS = (7, 30, 90, 180, 365, None)
ORDER = ("Order Completed",)
LINE = ("Order Line",)
RETURN = ("Order Refunded", "Order Cancelled")


def _period(window: int | None) -> str:
    return "ever" if window is None else f"in the last {window} days"


FEATURES = (
    *(
        Feature(
            "purchase",
            "orders",
            ORDER,
            window=window,
            unit="orders",
            meaning=f"Orders {_period(window)}",
        )
        for window in WINDOWS
    ),
    *(
        Feature(
            "purchase",
            "spend",
            ORDER,
            Aggregation.SUM,
            Number.VALUE,
            window=window,
            unit="money",
            meaning=f"Spent {_period(window)}",
        )
        for window in WINDOWS
    ),
    *(
        Feature(
            "purchase",
            "order_value",
            ORDER,
            Aggregation.MEAN,
            Number.VALUE,
            window=window,
            unit="money",
            meaning=f"Mean value of an order {_period(window)}",
        )
        for window in (90, 365, None)
    ),
    Feature(
        "purchase",
        "order_value",
        ORDER,
        Aggregation.LAST,
        Number.VALUE,
        unit="money",
        meaning="Value of the last order",
    ),
    Feature(
        "purchase",
        "order_value",
        ORDER,
        Aggregation.MAX,
        Number.VALUE,
        unit="money",
        meaning="Value of the largest order",
    ),
    *(
        Feature(
            "purchase",
            "basket_size",
            ORDER,
            Aggregation.MEAN,
            Number.QUANTITY,
            window=window,
            unit="pieces",
            meaning=f"Mean pieces in an order {_period(window)}",
        )
        for window in WINDOWS
    ),
    *(
        Feature(
            "purchase",
            "lines",
            LINE,
            window=window,
            unit="lines",
            meaning=f"Order lines {_period(window)}",
        )
        for window in (90, 365, None)
    ),
    *(
        Feature(
            "purchase",
            "discount",
            ORDER,
            Aggregation.SUM,
            Number.MEASURE,
            window=window,
            unit="money",
            meaning=f"Discounts {_period(window)}",
        )
        for window in WINDOWS
    ),
    *(
        Feature(
            "purchase",
            "returns",
            RETURN,
            window=window,
            unit="returns",
            meaning=f"Orders returned or cancelled {_period(window)}",
        )
        for window in WINDOWS
    ),
    *(
        Feature(
            "purchase",
            "returned",
            RETURN,
            Aggregation.SUM,
            Number.VALUE,
            window=window,
            unit="money",
            meaning=f"Value of returns {_period(window)}",
        )
        for window in WINDOWS
    ),
    Feature(
        "purchase",
        "discount_share",
        aggregation=Aggregation.RATIO,
        of=("purchase_discount_life", "purchase_spend_life"),
        unit="share",
        meaning="Discounts as a share of what was spent",
    ),
    Feature(
        "purchase",
        "return_share",
        aggregation=Aggregation.RATIO,
        of=("purchase_returned_life", "purchase_spend_life"),
        most=1.0,
        unit="share",
        meaning="Returns as a share of what was spent, at most all of it",
    ),
    Feature(
        "purchase",
        "spend_trend",
        aggregation=Aggregation.RATIO,
        of=("purchase_spend_90d", "purchase_spend_365d"),
        scale=365 / 90,
        unit="times",
        meaning="Spending of the last 90 days against the yearly pace",
    ),
)
