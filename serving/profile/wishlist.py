"""What a customer has put aside to buy one day."""

from datetime import datetime

import numpy as np

from features.instants import moment
from serving.profile.orders import LINE
from serving.profile.past import Past, number
from serving.profile.section import section

LIMIT = 50
"""Wishes that are shown."""

ADDED, REMOVED = "Product Added to Wishlist", "Product Removed from Wishlist"


@section
class Wish:
    """A product on the wishlist: added, and neither removed nor bought since, in any variant."""

    product_id: str
    title: str
    price: float | None
    """The list price now."""
    available: bool
    """Whether it can be bought now."""
    since: datetime
    """When it was last added."""


def wishlist(past: Past) -> tuple[Wish, ...]:
    """The wishes, newest first."""
    added = past.of(ADDED)
    added = added[past.rows.product[added] >= 0]
    if not len(added):
        return ()
    parent = past.catalog.parent
    ended = past.of(REMOVED, LINE)
    ended = ended[past.rows.product[ended] >= 0][::-1]
    products, first = np.unique(parent[past.rows.product[ended]], return_index=True)
    gone = dict(zip(products.tolist(), ended[first].tolist(), strict=True))
    wishes: dict[int, int] = {}
    for row in added[::-1].tolist():
        product = int(past.rows.product[row])
        if len(wishes) < LIMIT and row > gone.get(int(parent[product]), -1):
            wishes.setdefault(product, row)
    return tuple(
        Wish(
            product_id=past.catalog.ids[product],
            title=past.catalog.title(product),
            price=number(past.catalog.price[product]),
            available=bool(past.catalog.available[product]),
            since=moment(int(past.rows.at[row])),
        )
        for product, row in wishes.items()
    )
