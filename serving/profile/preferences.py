"""What a customer likes to buy, from the declared features."""

from collections.abc import Mapping, Sequence

from features.catalog import Catalog
from serving.profile.past import number
from serving.profile.section import section

RANKS = ("", "_2", "_3")


@section
class Liked:
    """A category or a brand."""

    name: str
    share: float
    """Of the customer's order lines that have one."""


@section
class Preferences:
    """What the customer buys most."""

    categories: tuple[Liked, ...]
    """At most three, the most bought first."""
    brands: tuple[Liked, ...]
    """At most three, the most bought first."""
    price_level: float | None
    """Prices paid in the last year against what the category usually costs: 1 is usual, 2 twice
    as dear. Null without such purchases, or before a model is published: it brings the usual
    prices."""


def preferences(catalog: Catalog, features: Mapping[str, float | None]) -> Preferences:
    """The declared features in words."""
    return Preferences(
        categories=_liked("category", catalog.categories, features),
        brands=_liked("brand", catalog.brands, features),
        price_level=number(features["preference_price_level_mean_365d"]),
    )


def _liked(
    noun: str, names: Sequence[str], features: Mapping[str, float | None]
) -> tuple[Liked, ...]:
    found = []
    for rank in RANKS:
        index = features[f"preference_{noun}_top{rank}_life"]
        share = features[f"preference_{noun}_top_share{rank}_life"]
        if index is not None and share is not None:
            found.append(Liked(names[int(index)], round(share, 4)))
    return tuple(found)
