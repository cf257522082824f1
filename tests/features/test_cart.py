"""The one cart over all channels, with answers that can be read off the story."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.cart import CART_DAYS, CART_LIMIT, cart, carts
from features.catalog import Catalog, Product
from features.columns import ProductId
from features.events.schema import schema
from features.instants import DAY_MS, instant
from features.pairs import PAIR_FEATURES, pairs
from features.reference import Reference
from features.timeline import ROW, Timeline, Timelines
from tests.features.pair_oracle import cart_of

NOW = instant("2026-06-30")
TEA, POT, MUG, BLUE_MUG, RED_MUG = range(5)
CATALOG = Catalog.of(
    [Product(ProductId(name)) for name in ("tea", "pot", "mug")]
    + [Product(ProductId(name), parent_id="mug") for name in ("blue-mug", "red-mug")]
    + [Product(ProductId(f"p{i}")) for i in range(100)]
)


def row(event: str, days: float, product: int = -1, quantity: float = math.nan) -> np.ndarray:
    out = np.zeros(1, ROW)
    out["at"] = out["known_at"] = NOW - round(days * DAY_MS)
    out["type"], out["product"], out["quantity"] = schema().code(event), product, quantity
    return out


def add(days: float, product: int, quantity: float = 1) -> np.ndarray:
    return row("Product Added", days, product, quantity)


def remove(days: float, product: int, quantity: float = 1) -> np.ndarray:
    return row("Product Removed", days, product, quantity)


def order(days: float, *products: int) -> np.ndarray:
    lines = [row("Order Line", days, product, 1) for product in products]
    return np.concatenate([row("Order Completed", days), *lines])


def timeline(*parts: np.ndarray) -> Timeline:
    return Timeline.of(np.concatenate(parts)) if parts else Timeline.empty()


def held(*parts: np.ndarray) -> dict[int, float]:
    """Pieces by product, in the order of adding."""
    found = cart(timeline(*parts), NOW, CATALOG.parent)
    return dict(zip(found.product.tolist(), found.pieces.tolist(), strict=True))


def test_the_cart_is_what_was_added_less_what_was_removed() -> None:
    assert held(add(3, TEA, 3), add(2, POT), remove(1, TEA)) == {TEA: 2, POT: 1}
    assert held(add(3, TEA), remove(2, TEA)) == {}
    assert held() == {}


def test_an_order_takes_out_what_it_names_and_leaves_the_rest() -> None:
    assert held(add(3, TEA, 2), add(3, POT), order(1, TEA)) == {TEA: 1, POT: 1}
    assert held(add(3, TEA), add(3, POT), order(1, TEA, POT)) == {}


def test_an_order_that_names_no_product_takes_everything() -> None:
    assert held(add(3, TEA), add(3, POT), order(1)) == {}
    assert held(add(3, TEA), order(2), add(1, POT)) == {POT: 1}


def test_a_cart_never_owes_anything() -> None:
    assert held(remove(3, TEA, 5), add(2, TEA)) == {TEA: 1}
    assert held(order(3, TEA), add(2, TEA)) == {TEA: 1}
    assert held(add(3, TEA), remove(2, TEA, 9), add(1, TEA)) == {TEA: 1}


def test_a_variant_may_be_ordered_under_another_name_than_it_was_added() -> None:
    assert held(add(3, MUG), order(1, BLUE_MUG)) == {}
    assert held(add(3, BLUE_MUG), add(3, RED_MUG), order(1, RED_MUG)) == {BLUE_MUG: 1}
    assert held(add(3, TEA), order(1, BLUE_MUG)) == {TEA: 1}


def test_a_cart_that_nobody_touches_is_given_up() -> None:
    assert held(add(CART_DAYS, TEA)) == {TEA: 1}
    assert held(add(CART_DAYS + 1, TEA)) == {}
    assert held(add(CART_DAYS + 9, TEA), add(10, POT)) == {TEA: 1, POT: 1}
    assert held(add(CART_DAYS + 9, TEA), add(8, POT)) == {POT: 1}


@pytest.mark.parametrize("touch", ["Cart Viewed", "Checkout Started"])
def test_looking_at_a_cart_keeps_it(touch: str) -> None:
    assert held(add(50, TEA), row(touch, 25)) == {TEA: 1}


def test_of_a_cart_beyond_the_limit_the_oldest_products_are_dropped() -> None:
    many = [add(20 - i / 10, 5 + i) for i in range(CART_LIMIT + 6)]
    assert list(held(*many)) == list(range(11, 5 + CART_LIMIT + 6))


def test_nothing_added_without_pieces_or_a_known_product_is_in_it() -> None:
    assert held(add(1, TEA, 0), add(1, -1), add(1, len(CATALOG) + 5)) == {}
    assert held(row("Wishlist Product Added to Cart", 1, TEA)) == {TEA: 1}


def test_what_is_yet_to_come_or_to_be_known_is_not_in_it() -> None:
    late = add(3, TEA)
    late["known_at"] = NOW + 1
    assert held(late, add(-1, POT)) == {}


def test_it_says_since_when_a_product_is_in_it_and_which_row_last_added_it() -> None:
    found = cart(
        timeline(add(9, TEA), remove(8, TEA), add(7, TEA), add(5, TEA), row("Cart Viewed", 2)),
        NOW,
        CATALOG.parent,
    )
    assert found.since.tolist() == [NOW - 7 * DAY_MS]
    assert found.row.tolist() == [3]
    assert found.touched.tolist() == [NOW - 2 * DAY_MS]


events = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Product Added",
                "Product Added",
                "Product Removed",
                "Wishlist Product Added to Cart",
                "Cart Viewed",
                "Checkout Started",
                "Order Completed",
                "Order Line",
                "Product Viewed",
            ]
        ),
        st.integers(-3, 300).map(lambda third: third / 3),
        st.integers(-1, RED_MUG),
        st.sampled_from([math.nan, 0.0, 1.0, 2.0]),
    ),
    max_size=40,
)


@given(st.lists(events, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_many_carts_equal_the_slow_obvious_way(people: list[list[tuple[str, float, int, float]]]):
    stories = [timeline(*(row(*event) for event in person)) for person in people]
    everyone = Timelines.of([(f"c{i}", one) for i, one in enumerate(stories)])
    n = len(stories)
    found = carts(everyone.rows, everyone.offsets, np.arange(n), np.full(n, NOW), CATALOG.parent)
    for i, one in enumerate(stories):
        mine = slice(found.offsets[i], found.offsets[i + 1])
        got = dict(zip(found.product[mine].tolist(), found.pieces[mine].tolist(), strict=True))
        assert list(got.items()) == list(cart_of(one, NOW, CATALOG).items())


@given(events)
@settings(max_examples=100, deadline=None)
def test_the_pair_features_speak_of_the_same_cart(person: list[tuple[str, float, int, float]]):
    """A product and its variants count as one there."""
    one = timeline(*(row(*event) for event in person))
    found = cart(one, NOW, CATALOG.parent)
    pieces = np.zeros(len(CATALOG))
    np.add.at(pieces, CATALOG.parent[found.product], found.pieces)
    parents = np.array([TEA, POT, MUG], np.int32)
    values = pairs(one, NOW, parents, CATALOG, Reference.empty(CATALOG))
    names = [feature.name for feature in PAIR_FEATURES]
    assert values[:, names.index("pair_in_cart")].tolist() == pieces[parents].tolist()
