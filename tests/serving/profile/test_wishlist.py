"""What a customer has put aside."""

from serving.profile.wishlist import LIMIT, wishlist
from tests.serving.profile.story import (
    BLUE_MUG,
    GONE,
    HEBREW,
    MUG,
    POT,
    TEA,
    ago,
    order,
    past,
    row,
)

ADDED, REMOVED = "Product Added to Wishlist", "Product Removed from Wishlist"


def titles(*parts):
    return [wish.title for wish in wishlist(past(*parts))]


def test_wishes_come_newest_first_with_price_and_availability():
    wishes = wishlist(past(row(ADDED, 9, TEA), row(ADDED, 2, GONE), row(ADDED, 1, HEBREW)))
    assert [(w.title, w.price, w.available, w.since) for w in wishes] == [
        ("כוס לתה", None, True, ago(1)),
        ("Gone", None, False, ago(2)),
        ("Tea", 4.0, True, ago(9)),
    ]


def test_what_was_removed_is_gone_until_it_is_added_again():
    assert titles(row(ADDED, 9, TEA), row(REMOVED, 8, TEA)) == []
    assert titles(row(ADDED, 9, TEA), row(REMOVED, 8, TEA), row(ADDED, 7, TEA)) == ["Tea"]


def test_what_was_bought_is_no_wish_any_more_in_any_variant():
    assert titles(row(ADDED, 9, MUG), row(ADDED, 9, POT), order(1, BLUE_MUG)) == ["Pot"]


def test_what_went_into_the_cart_is_still_wished_for():
    assert titles(row(ADDED, 9, TEA), row("Wishlist Product Added to Cart", 8, TEA)) == ["Tea"]


def test_each_product_is_wished_for_once_and_an_unknown_one_not_at_all():
    assert titles(row(ADDED, 9, TEA), row(ADDED, 8, TEA), row(ADDED, 7, -1)) == ["Tea"]
    assert len(titles(*(row(ADDED, day, TEA) for day in range(1, LIMIT + 9)))) == 1
    assert titles(row(REMOVED, 1, TEA)) == []
