"""Customer × product features, with answers that can be read off the story."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Product
from features.errors import InputError
from features.events.schema import schema
from features.instants import DAY_MS, instant
from features.pairs import PAIR_FEATURES, pair_matrix, pairs
from features.reference import Reference
from features.timeline import ROW, Timeline, Timelines
from tests.features.pair_oracle import pair

NOW = instant("2026-06-30")
NAMES = [feature.name for feature in PAIR_FEATURES]
COFFEE, FILTER, MUG, BLUE_MUG, TEA = range(5)
CATALOG = Catalog.of(
    [
        Product(product_id="coffee", category="Drinks", brand="Alba", price=8.0),
        Product(product_id="filter", category="Kitchen", brand="Alba", price=3.0),
        Product(product_id="mug", category="Kitchen", price=6.0),
        Product(product_id="blue-mug", parent_id="mug", category="Kitchen", price=6.5),
        Product(product_id="tea", category="Drinks", price=4.0),
    ]
)


def row(event: str, days: float, product: int = -1, quantity: float = math.nan) -> np.ndarray:
    out = np.zeros(1, ROW)
    out["at"] = out["known_at"] = NOW - round(days * DAY_MS)
    out["type"], out["product"], out["quantity"] = schema().code(event), product, quantity
    return out


def order(days: float, *products: int) -> np.ndarray:
    lines = [row("Order Line", days, product, 1) for product in products]
    return np.concatenate([row("Order Completed", days), *lines])


def story(*parts: np.ndarray) -> Timeline:
    return Timeline.of(np.concatenate(parts)) if parts else Timeline.empty()


def reference() -> Reference:
    """Everybody re-buys coffee every 20 days, and filters go with coffee."""
    from dataclasses import replace

    facts = Reference.empty(CATALOG)
    facts.product_gap_days[COFFEE] = 20
    facts.product_usual_days[:] = [20, 40, 40, 40, 40]
    facts.gap_prior[:] = [40, 2]
    facts.product_buyers[COFFEE] = 9
    facts.product_buyers_30d[COFFEE] = 3
    facts.product_again[COFFEE], facts.product_place[COFFEE] = 0.4, 1.5
    facts.product_basket[COFFEE] = 2.5
    facts.co_offsets[1:] = [1, 2, 2, 2, 2]
    return replace(
        facts,
        co_products=np.array([FILTER, COFFEE], np.int32),
        co_weight=np.array([0.5, 0.25], np.float32),
    )


def ask(timeline: Timeline, product: int, name: str) -> float:
    candidates = np.array([COFFEE, FILTER, MUG, TEA], np.int32)
    values = pairs(timeline, NOW, candidates, CATALOG, reference())
    return float(values[candidates.tolist().index(product), NAMES.index(name)])


def test_a_refill_is_due_by_the_customers_own_gap_mixed_with_everybodys() -> None:
    monthly = story(order(90, COFFEE), order(60, COFFEE), order(40, MUG), order(30, COFFEE))
    assert ask(monthly, COFFEE, "pair_times_bought") == 3
    assert ask(monthly, COFFEE, "pair_gap_mean") == 30
    usual = math.sqrt(30 * 20)  # two own gaps count as much as everybody's
    assert ask(monthly, COFFEE, "pair_gap_usual") == pytest.approx(usual)
    assert ask(monthly, COFFEE, "pair_due") == pytest.approx(30 / usual)


def test_how_often_is_counted_also_by_order_and_less_the_more_orders_came_after() -> None:
    bought = story(order(30, COFFEE), order(20, COFFEE, TEA), order(10, MUG), order(5, TEA))
    assert ask(bought, COFFEE, "pair_order_share") == pytest.approx(0.5)
    assert ask(bought, COFFEE, "pair_times_lately") == pytest.approx(0.7**3 + 0.7**2)
    assert ask(bought, FILTER, "pair_times_lately") == 0


def test_what_everybody_does_with_the_product_stands_beside_it() -> None:
    assert ask(Timeline.empty(), COFFEE, "pair_buyers_lately") == pytest.approx(1 / 3)
    assert ask(Timeline.empty(), COFFEE, "pair_again") == pytest.approx(0.4)
    assert ask(Timeline.empty(), COFFEE, "pair_place") == pytest.approx(1.5)
    assert ask(Timeline.empty(), COFFEE, "pair_basket") == pytest.approx(2.5)


def test_before_a_second_purchase_everybodys_gap_stands_in() -> None:
    once = story(order(30, COFFEE))
    assert math.isnan(ask(once, COFFEE, "pair_gap_mean"))
    assert ask(once, COFFEE, "pair_due") == pytest.approx(1.5)


def test_recency_is_counted_in_days_and_in_orders() -> None:
    bought = story(order(50, MUG, COFFEE), order(20, COFFEE), order(10, TEA))
    assert ask(bought, MUG, "pair_days_since_bought") == 50
    assert ask(bought, MUG, "pair_orders_since_bought") == 2
    assert ask(bought, TEA, "pair_orders_since_bought") == 0


def test_variants_count_for_their_parent_and_once_per_order() -> None:
    both = story(order(10, MUG, BLUE_MUG))
    assert ask(both, MUG, "pair_times_bought") == 1
    assert ask(both, MUG, "pair_category_share") == 1


def test_views_count_since_the_last_purchase() -> None:
    looked = story(
        row("Product Viewed", 40, TEA),
        order(30, TEA),
        row("Product Viewed", 5, TEA),
        row("Product Viewed", 2, TEA),
    )
    assert ask(looked, TEA, "pair_views") == 2
    assert ask(looked, TEA, "pair_days_since_viewed") == 2


def test_the_cart_is_what_was_added_less_removed_and_ordered() -> None:
    cart = story(
        row("Product Added", 20, MUG, 1),
        order(15, MUG),
        row("Product Added", 2, COFFEE, 3),
        row("Product Removed", 1, COFFEE, 1),
        row("Product Added", 1, TEA, 1),
        row("Product Removed", 0.5, TEA, 1),
    )
    assert ask(cart, COFFEE, "pair_in_cart") == 2
    assert ask(cart, TEA, "pair_in_cart") == 0
    assert ask(cart, MUG, "pair_in_cart") == 0
    assert ask(cart, FILTER, "pair_with_cart") == 0.5


def test_an_order_of_something_else_leaves_the_cart_and_a_month_gives_it_up() -> None:
    waiting = story(row("Product Added", 9, COFFEE, 1), order(3, TEA))
    assert ask(waiting, COFFEE, "pair_in_cart") == 1
    assert ask(story(row("Product Added", 31, COFFEE, 1)), COFFEE, "pair_in_cart") == 0


def test_what_goes_with_the_last_order_is_seen() -> None:
    assert ask(story(order(3, COFFEE)), FILTER, "pair_with_last") == 0.5
    assert ask(story(order(30, COFFEE), order(3, TEA)), FILTER, "pair_with_last") == 0


def test_returns_count() -> None:
    returned = story(order(9, TEA), row("Refund Line", 4, TEA, 1))
    assert ask(returned, TEA, "pair_returns") == 1


def test_an_unknown_customer_has_no_history_with_any_product() -> None:
    assert ask(Timeline.empty(), COFFEE, "pair_times_bought") == 0
    assert ask(Timeline.empty(), COFFEE, "pair_buyers") == 9
    assert math.isnan(ask(Timeline.empty(), COFFEE, "pair_days_since_bought"))


events = st.tuples(
    st.sampled_from(
        ["Order Completed", "Order Line", "Product Viewed", "Product Added", "Refund Line"]
    ),
    st.integers(-5, 200),
    st.integers(-1, len(CATALOG) - 1),
)


@given(st.lists(st.lists(events, max_size=25), min_size=1, max_size=5), st.integers(1, 2))
@settings(max_examples=60, deadline=None)
def test_many_customers_equal_one_by_one_and_none_sees_the_future(
    people: list[list[tuple[str, int, int]]], threads: int
) -> None:
    timelines = [story(*(row(*event) for event in person)) for person in people]
    everyone = Timelines.of([(f"c{i}", timeline) for i, timeline in enumerate(timelines)])
    candidates = np.array([MUG, COFFEE], np.int32)
    n = len(timelines)
    batch = pair_matrix(
        everyone,
        np.arange(n),
        np.full(n, NOW),
        np.tile(candidates, n),
        np.arange(n + 1) * 2,
        CATALOG,
        reference(),
        threads=threads,
    )
    alone = [pairs(t.until(NOW), NOW, candidates, CATALOG, reference()) for t in timelines]
    np.testing.assert_array_equal(batch, np.concatenate(alone))


def test_a_candidate_outside_the_catalogue_is_refused() -> None:
    with pytest.raises(InputError, match="outside the catalogue's 5 products"):
        pairs(Timeline.empty(), NOW, np.array([5], np.int32), CATALOG, reference())


def test_a_grown_catalogue_needs_an_extended_reference() -> None:
    grown = CATALOG.extended([Product(product_id="new")])
    asked = np.array([COFFEE, 5], np.int32)
    with pytest.raises(InputError, match=r"reference\.extended"):
        pairs(Timeline.empty(), NOW, asked, grown, reference())
    values = pairs(Timeline.empty(), NOW, asked, grown, reference().extended(grown))
    assert values[:, NAMES.index("pair_buyers")].tolist() == [9, 0]


stories = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Order Completed",
                "Order Line",
                "Order Line",
                "Product Viewed",
                "Product Added",
                "Product Removed",
                "Cart Viewed",
                "Refund Line",
            ]
        ),
        st.integers(-3, 90).map(lambda half: half / 2),
        st.integers(-1, len(CATALOG) - 1),
        st.sampled_from([math.nan, 1.0, 2.0]),
    ),
    max_size=30,
)


@given(stories)
@settings(max_examples=150, deadline=None)
def test_the_kernel_equals_the_oracle(story_of: list[tuple[str, float, int, float]]) -> None:
    timeline = story(*(row(*entry) for entry in story_of))
    candidates = np.array([COFFEE, FILTER, MUG, TEA], np.int32)
    got = pairs(timeline, NOW, candidates, CATALOG, reference())
    expected = [
        pair(timeline, NOW, product, CATALOG, reference()) for product in candidates.tolist()
    ]
    np.testing.assert_allclose(got, np.array(expected, np.float32), rtol=1e-5, err_msg=str(NAMES))
