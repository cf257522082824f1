"""Preference: favoured categories and brands, variety, and price level against the category."""

from features.definitions.feature import Aggregation, Feature, Number

LINE = ("Order Line",)
VIEW = ("Product Viewed", "Product Clicked")

FEATURES = (
    *(
        Feature(
            "preference",
            noun,
            LINE,
            aggregation,
            number,
            rank=rank,
            unit=unit.format(noun),
            meaning=f"{meaning} {noun} bought {place}",
        )
        for noun, number in (("category", Number.CATEGORY), ("brand", Number.BRAND))
        for rank, place in ((1, "most"), (2, "second most"), (3, "third most"))
        for aggregation, unit, meaning in (
            (Aggregation.TOP, "{} index", "The"),
            (Aggregation.TOP_SHARE, "share", "Share of purchases from the"),
        )
    ),
    *(
        Feature(
            "preference",
            noun,
            LINE,
            Aggregation.DISTINCT,
            number,
            unit=several,
            meaning=f"Different {several} bought",
        )
        for noun, several, number in (
            ("category", "categories", Number.CATEGORY),
            ("brand", "brands", Number.BRAND),
        )
    ),
    *(
        Feature(
            "preference",
            "products",
            LINE,
            Aggregation.DISTINCT,
            Number.PRODUCT,
            window=window,
            unit="products",
            meaning=f"Different products bought {period}",
        )
        for window, period in ((365, "in the last year"), (None, "ever"))
    ),
    Feature(
        "preference",
        "viewed_category",
        VIEW,
        Aggregation.TOP,
        Number.CATEGORY,
        window=30,
        unit="category index",
        meaning="The category viewed most in the last 30 days",
    ),
    Feature(
        "preference",
        "price_level",
        LINE,
        Aggregation.MEAN,
        Number.PRICE_LEVEL,
        window=365,
        unit="times",
        meaning="Prices paid in the last year against what the category usually costs",
    ),
    Feature(
        "preference",
        "variety",
        aggregation=Aggregation.RATIO,
        of=("preference_products_distinct_life", "purchase_lines_life"),
        unit="share",
        meaning="Different products per order line",
    ),
)
