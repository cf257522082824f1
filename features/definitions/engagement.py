"""Engagement: what the customer looks at, puts aside, opens and clicks."""

from features.definitions.feature import Aggregation, Feature

VIEW = ("Product Viewed", "Product Clicked")
BROWSE = (
    "Products Searched",
    "Product List Viewed",
    "Product Viewed",
    "Product Clicked",
    "Product Added",
    "Cart Viewed",
    "Checkout Started",
    "Page Viewed",
    "Screen Viewed",
)
CART = ("Product Added", "Wishlist Product Added to Cart")
MESSAGES = {
    "delivered": ("Email Delivered", "Message Delivered"),
    "opened": ("Email Opened", "Message Opened"),
    "clicked": ("Email Link Clicked", "Message Clicked"),
}


def _counts(
    subject: str,
    events: tuple[str, ...],
    windows: tuple[int, ...],
    meaning: str,
    channels: tuple[str, ...] = (),
) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            "engagement",
            subject,
            events,
            window=window,
            channels=channels,
            unit=subject.split("_")[-1],
            meaning=f"{meaning} in the last {window} days",
        )
        for window in windows
    )


FEATURES = (
    *_counts("views", VIEW, (7, 30, 90), "Products viewed"),
    *_counts("carts", CART, (7, 30, 90), "Products put into the cart"),
    *_counts("searches", ("Products Searched",), (30, 90), "Searches"),
    *_counts("wishes", ("Product Added to Wishlist",), (90,), "Products put on the wishlist"),
    *_counts("checkouts", ("Checkout Started",), (30,), "Checkouts started"),
    *_counts("visits", ("Store Visited",), (90,), "Visits to the store"),
    *(
        Feature(
            "engagement",
            "browsing",
            BROWSE,
            Aggregation.SESSIONS,
            window=window,
            unit="sessions",
            meaning=f"Sessions in the last {window} days",
        )
        for window in (7, 30, 90)
    ),
    Feature(
        "engagement",
        "activity",
        BROWSE + MESSAGES["opened"] + MESSAGES["clicked"],
        Aggregation.DAYS_SINCE_LAST,
        unit="days",
        meaning="Days since the customer last looked at anything",
    ),
    *(
        feature
        for channel in ("email", "push", "sms")
        for step, events in MESSAGES.items()
        for feature in _counts(
            f"{channel}_{step}",
            events,
            (30, 90),
            f"Messages {step} by {channel}",
            (channel,),
        )
    ),
    *(
        Feature(
            "engagement",
            f"{channel}_open_share",
            aggregation=Aggregation.RATIO,
            of=(f"engagement_{channel}_opened_90d", f"engagement_{channel}_delivered_90d"),
            unit="share",
            meaning=f"Share of messages by {channel} that were opened in the last 90 days",
        )
        for channel in ("email", "push", "sms")
    ),
    Feature(
        "engagement",
        "view_trend",
        aggregation=Aggregation.RATIO,
        of=("engagement_views_30d", "engagement_views_90d"),
        scale=3.0,
        unit="times",
        meaning="Products viewed in the last 30 days against the pace of 90",
    ),
    Feature(
        "engagement",
        "unsubscribes",
        ("Unsubscribed", "Message Unsubscribed", "Email Marked as Spam"),
        unit="times",
        meaning="Times the customer unsubscribed or marked a message as spam",
    ),
)
