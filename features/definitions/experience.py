"""Experience: what the customer said, sent back and complained about."""

from features.definitions.feature import Aggregation, Feature, Number

REVIEW = ("Product Reviewed",)
SURVEY = ("Survey Answered",)
TICKET = ("Ticket Opened",)

FEATURES = (
    Feature(
        "experience",
        "rating",
        REVIEW,
        Aggregation.MEAN,
        Number.VALUE,
        window=365,
        unit="stars",
        meaning="Mean rating given in the last year",
    ),
    Feature(
        "experience",
        "rating",
        REVIEW,
        Aggregation.LAST,
        Number.VALUE,
        unit="stars",
        meaning="The last rating given",
    ),
    Feature(
        "experience",
        "rating",
        REVIEW,
        Aggregation.MIN,
        Number.VALUE,
        window=90,
        unit="stars",
        meaning="The worst rating given in the last 90 days",
    ),
    Feature(
        "experience",
        "bad_reviews",
        REVIEW,
        window=90,
        between=(1.0, 2.0),
        unit="reviews",
        meaning="Reviews of one or two stars in the last 90 days",
    ),
    Feature(
        "experience",
        "nps",
        SURVEY,
        Aggregation.LAST,
        Number.VALUE,
        unit="NPS",
        meaning="The last answer to: would you recommend us (0 to 10)",
    ),
    Feature(
        "experience",
        "nps",
        SURVEY,
        Aggregation.MEAN,
        Number.VALUE,
        unit="NPS",
        meaning="Mean answer to: would you recommend us (0 to 10)",
    ),
    *(
        Feature(
            "experience",
            "tickets",
            TICKET,
            window=window,
            unit="tickets",
            meaning=f"Support tickets in the last {window} days",
        )
        for window in (90, 365)
    ),
    Feature(
        "experience",
        "open_tickets",
        TICKET,
        Aggregation.OPEN,
        minus=("Ticket Resolved",),
        unit="tickets",
        meaning="Complaints that are still open",
    ),
    Feature(
        "experience",
        "ticket",
        TICKET,
        Aggregation.DAYS_SINCE_LAST,
        unit="days",
        meaning="Days since the last support ticket",
    ),
    Feature(
        "experience",
        "return",
        ("Order Refunded", "Order Cancelled"),
        Aggregation.DAYS_SINCE_LAST,
        unit="days",
        meaning="Days since the last return",
    ),
    Feature(
        "experience",
        "denied_coupons",
        ("Coupon Denied",),
        window=90,
        unit="coupons",
        meaning="Coupons refused in the last 90 days",
    ),
)
