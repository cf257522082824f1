"""Channel: where the customer buys, came from, and moves to."""

from features.definitions.feature import Aggregation, Feature, Number

ORDER = ("Order Completed",)
TOUCH = ("Order Completed", "Product Viewed", "Checkout Started", "Store Visited")

FEATURES = (
    *(
        feature
        for channel in ("web", "app", "store")
        for feature in (
            Feature(
                "channel",
                f"{channel}_orders",
                ORDER,
                channels=(channel,),
                unit="orders",
                meaning=f"Orders by {channel}",
            ),
            Feature(
                "channel",
                f"{channel}_share",
                aggregation=Aggregation.RATIO,
                of=(f"channel_{channel}_orders_life", "purchase_orders_life"),
                unit="share",
                meaning=f"Share of orders by {channel}",
            ),
        )
    ),
    *(
        Feature(
            "channel",
            "touch",
            TOUCH,
            aggregation,
            Number.CHANNEL,
            unit="channel code",
            meaning=meaning,
        )
        for aggregation, meaning in (
            (Aggregation.FIRST, "Channel of the first contact"),
            (Aggregation.LAST, "Channel of the last contact"),
        )
    ),
    Feature(
        "channel",
        "touch",
        TOUCH,
        Aggregation.HOPS,
        Number.CHANNEL,
        window=365,
        unit="changes",
        meaning="Changes from one channel to another in the last year",
    ),
    Feature(
        "channel",
        "touch",
        TOUCH,
        Aggregation.DISTINCT,
        Number.CHANNEL,
        window=365,
        unit="channels",
        meaning="Different channels used in the last year",
    ),
)
