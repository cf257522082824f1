"""The one cart of a customer over all channels, as `features.cart` has it."""

from datetime import datetime

from features import cart as rule
from features.instants import DAY_MS, moment
from features.timeline import Timeline
from serving.profile.past import Past, channel_name, number
from serving.profile.section import section


@section
class CartItem:
    """One product in the cart."""

    product_id: str
    title: str
    quantity: float
    """How many pieces."""
    price: float | None
    """The list price of one; where the catalogue has none, the price at which it was added."""
    available: bool
    """Whether it can be bought now."""
    since: datetime
    """Since when it is in the cart."""
    channel: str
    """Where it was last added."""


@section
class Cart:
    """The one cart over all channels: what was added, less what was removed and ordered."""

    items: tuple[CartItem, ...]
    """In the order in which they were added; at most 64 products."""
    quantity: float
    """Pieces of all products."""
    value: float | None
    """Quantity × price of all products; null for an empty cart, or where a price is unknown."""
    since: datetime | None
    """Since when something is in it."""
    touched_at: datetime | None
    """When something was last added or removed, the cart viewed or the checkout started."""
    given_up_at: datetime | None
    """When it will be taken for given up and empty, unless it is touched before: 30 days after
    the last touch."""
    channels: tuple[str, ...]
    """The channels by which its products were added."""


EMPTY = Cart((), 0.0, None, None, None, None, ())


def cart(timeline: Timeline, past: Past) -> Cart:
    """The cart at an instant.

    Arguments:
        timeline: the customer's.
        past: the same before the instant.
    """
    held = rule.cart(timeline, past.at, past.catalog.parent)
    if not len(held.product):
        return EMPTY
    items = tuple(
        CartItem(
            product_id=past.catalog.ids[product],
            title=past.catalog.title(product),
            quantity=pieces,
            price=number(past.catalog.price[product]) or number(timeline.value[row]),
            available=bool(past.catalog.available[product]),
            since=moment(since),
            channel=channel_name(int(timeline.channel[row])),
        )
        for product, pieces, since, row in zip(
            held.product.tolist(),
            held.pieces.tolist(),
            held.since.tolist(),
            held.row.tolist(),
            strict=True,
        )
    )
    prices = [item.price for item in items]
    touched = int(held.touched[0])
    return Cart(
        items=items,
        quantity=sum(item.quantity for item in items),
        value=None
        if None in prices
        else round(sum(item.quantity * (item.price or 0.0) for item in items), 2),
        since=min(item.since for item in items),
        touched_at=moment(touched),
        given_up_at=moment(touched + rule.CART_DAYS * DAY_MS),
        channels=tuple(dict.fromkeys(item.channel for item in items)),
    )
