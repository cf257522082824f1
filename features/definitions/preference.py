"""Preference: favoured categories and brands, variety, and price level against the category."""

from features.definitions.feature import Aggregation, Feature, Number

LINE = ("Order Line",)
VIEW = ("Product Viewed", "Product Clicked")

FEATURES = (
    *(
        Feature(
            "preference",
            subject,
            LINE,
            aggregation,
            number,
            unit=unit,
            meaning=meaning,
        )
        for subject, number, noun in (
            ("category", Number.CATEGORY, "category"),
            ("brand", Number.BRAND, "brand"),
        )
        for aggregation, unit, meaning in (
            (Aggregation.TOP, f"{noun} index", f"The {noun} bought most"),
            (Aggregation.TOP_SHARE, "share", f"Share of purchases from the {noun} bought most"),
            (
                Aggregation.DISTINCT,
                {"category": "categories", "brand": "brands"}[noun],
                f"Different {'categories' if noun == 'category' else 'brands'} bought",
            ),
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
