"""The cart as it is shown."""

from serving.profile.cart import EMPTY, cart
from tests.serving.profile.story import (
    BLUE_MUG,
    GONE,
    POT,
    TEA,
    ago,
    order,
    past,
    row,
    story,
)


def shown(*parts):
    return cart(story(*parts), past(*parts))


def test_one_cart_holds_what_was_added_on_every_channel():
    held = shown(
        row("Product Added", 3, TEA, quantity=2, channel="web"),
        row("Product Added", 2, POT, quantity=1, channel="app"),
        row("Cart Viewed", 1),
    )
    assert [(item.title, item.quantity, item.channel) for item in held.items] == [
        ("Tea", 2.0, "web"),
        ("Pot", 1.0, "app"),
    ]
    assert (held.quantity, held.value, held.channels) == (3.0, 20.0, ("web", "app"))
    assert (held.since, held.touched_at, held.given_up_at) == (ago(3), ago(1), ago(-29))


def test_what_was_bought_in_the_store_leaves_the_cart_of_the_web():
    held = shown(
        row("Product Added", 3, TEA, quantity=1),
        row("Product Added", 3, POT, quantity=1),
        order(1, TEA, channel="store"),
    )
    assert [item.product_id for item in held.items] == ["pot"]


def test_a_price_the_catalogue_lacks_is_the_one_it_was_added_at():
    [item] = shown(row("Product Added", 1, GONE, quantity=1, value=9.5)).items
    assert (item.price, item.available) == (9.5, False)


def test_the_value_is_not_told_where_a_price_is_unknown():
    held = shown(row("Product Added", 1, GONE), row("Product Added", 1, BLUE_MUG))
    assert (held.quantity, held.value) == (2.0, None)


def test_an_empty_a_negative_and_a_future_cart_are_empty():
    assert shown() == EMPTY
    assert shown(row("Product Removed", 1, TEA, quantity=3)) == EMPTY
    assert shown(row("Product Added", -1, TEA)) == EMPTY
    assert shown(row("Product Added", 31, TEA)) == EMPTY
    assert shown(row("Product Added", 1, -1)) == EMPTY
