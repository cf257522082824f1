"""Population facts: right on a shop small enough to count by hand, and blind to the future."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Product
from features.errors import StorageError
from features.events.schema import schema
from features.instants import DAY_MS, instant
from features.reference import MIN_GAPS, Reference
from features.timeline import COLUMNS, ROW, Timeline, Timelines

NOW = instant("2026-06-30")
COFFEE, FILTER, MUG = range(3)
CATALOG = Catalog.of(
    [
        Product(product_id="coffee", category="Drinks"),
        Product(product_id="filter", category="Kitchen"),
        Product(product_id="mug", category="Kitchen"),
    ]
)


def order(days: float, *products: int, price: float = 5.0, late: float = 0.0) -> np.ndarray:
    out = np.zeros(1 + len(products), ROW)
    out["at"] = NOW - round(days * DAY_MS)
    out["known_at"] = out["at"] + round(late * DAY_MS)
    out["type"] = schema().code("Order Line")
    out["type"][0] = schema().code("Order Completed")
    out["product"] = [-1, *products]
    out["measure"] = price
    return out


def shop(*people: list[np.ndarray]) -> Timelines:
    return Timelines.of(
        [(f"c{i}", Timeline.of(np.concatenate(orders))) for i, orders in enumerate(people)]
    )


def test_a_categorys_price_is_the_median_of_what_was_paid() -> None:
    facts = Reference.as_of(
        shop(
            [
                order(9, FILTER, price=2.0),
                order(8, MUG, price=4.0),
                order(7, MUG, price=100.0),
            ]
        ),
        CATALOG,
        NOW,
    )
    assert facts.category_price[CATALOG.categories.index("Kitchen")] == 4.0
    assert np.isnan(facts.category_price[CATALOG.categories.index("Drinks")])


def test_a_products_gap_is_the_median_of_its_repurchases() -> None:
    people = [[order(100, COFFEE), order(100 - gap, COFFEE)] for gap in (10, 20, 20, 30, 90)]
    facts = Reference.as_of(shop(*people), CATALOG, NOW)
    assert facts.product_gap_days[COFFEE] == 20
    fewer = Reference.as_of(shop(*people[: MIN_GAPS - 1]), CATALOG, NOW)
    assert np.isnan(fewer.product_gap_days[COFFEE])


def test_buyers_are_counted_once_each() -> None:
    facts = Reference.as_of(
        shop([order(9, MUG), order(5, MUG)], [order(4, MUG, COFFEE)]), CATALOG, NOW
    )
    assert facts.product_buyers.tolist() == [1, 0, 2]


def test_what_customers_do_with_a_product_over_their_orders() -> None:
    regular = [order(90, MUG, FILTER), order(60, COFFEE), order(31, COFFEE, MUG)]
    facts = Reference.as_of(shop(regular, [order(4, COFFEE)]), CATALOG, NOW)
    assert facts.product_buyers_30d.tolist() == [1, 0, 0]
    assert facts.product_basket.tolist() == pytest.approx([4 / 3, 2, 2])
    # four pairs of customer and product, of which two were bought again
    assert facts.product_again.tolist() == pytest.approx([6 / 12, 5 / 11, 6 / 11])
    # coffee came second in one life and first in another
    assert facts.product_place.tolist() == pytest.approx([3.5 / 12, 2.5 / 11, 2.5 / 11])


def test_a_days_purchases_are_one_repurchase_but_two_baskets_are_two() -> None:
    twice = shop([order(9.9, MUG), order(9.8, MUG)])
    facts = Reference.as_of(twice, CATALOG, NOW)
    assert facts.product_again[MUG] == 1
    assert np.isnan(facts.product_usual_days).all()


def test_a_product_of_the_grown_catalogue_has_everybodys_gap() -> None:
    facts = Reference.as_of(shop([order(40, COFFEE), order(20, COFFEE)]), CATALOG, NOW)
    grown = facts.extended(CATALOG.extended([Product(product_id="tea")]))
    assert grown.product_usual_days.tolist() == pytest.approx([20, 20, 20, 20])
    assert grown.product_buyers.tolist() == [1, 0, 0, 0]


def test_what_is_bought_together_twice_is_a_neighbour() -> None:
    facts = Reference.as_of(
        shop([order(9, COFFEE, FILTER), order(5, COFFEE, FILTER)], [order(4, MUG, COFFEE)]),
        CATALOG,
        NOW,
    )
    assert facts.co_products[facts.co_offsets[COFFEE] : facts.co_offsets[COFFEE + 1]] == [FILTER]
    assert facts.co_weight[0] == pytest.approx(2 / np.sqrt(3 * 2))
    assert facts.co_offsets[MUG] == facts.co_offsets[MUG + 1]


def test_nothing_after_the_instant_or_not_yet_known_counts() -> None:
    past = [order(40, COFFEE, FILTER), order(30, COFFEE, FILTER)]
    future = [order(-3, MUG), order(20, MUG, FILTER, late=25)]
    with_future = Reference.as_of(shop(past + future), CATALOG, NOW)
    without = Reference.as_of(shop(past), CATALOG, NOW)
    for name in without.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(with_future, name), getattr(without, name))


def test_an_empty_shop_knows_nothing() -> None:
    facts = Reference.as_of(Timelines.of([("c", Timeline.empty())]), CATALOG, NOW)
    assert facts.product_buyers.tolist() == [0, 0, 0]


def test_facts_survive_the_disk(tmp_path: Path) -> None:
    facts = Reference.as_of(shop([order(9, COFFEE, MUG), order(5, COFFEE, MUG)]), CATALOG, NOW)
    facts.save(tmp_path)
    for name in facts.__dataclass_fields__:
        loaded = getattr(Reference.load(tmp_path), name)
        np.testing.assert_array_equal(loaded, getattr(facts, name))


def test_missing_facts_are_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read reference facts"):
        Reference.load(tmp_path)


def test_timelines_survive_the_disk(tmp_path: Path) -> None:
    people = shop([order(9, COFFEE)], [order(5, MUG), order(7, FILTER)])
    people.save(tmp_path)
    loaded = Timelines.open(tmp_path)
    assert loaded.ids() == ["c0", "c1"]
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(loaded.rows, name), getattr(people.rows, name))


@st.composite
def people(draw: st.DrawFn) -> list[np.ndarray]:
    """A few customers' orders before and after NOW, some known late or moved to another person."""
    out = []
    for _ in range(draw(st.integers(1, 4))):
        orders = [
            order(
                draw(st.integers(-20, 60)),
                *draw(st.lists(st.sampled_from([COFFEE, FILTER, MUG]), min_size=1, max_size=3)),
                price=draw(st.sampled_from([1.0, 5.0, 9.0])),
                late=draw(st.sampled_from([0.0, 0.0, 30.0])),
            )
            for _ in range(draw(st.integers(1, 6)))
        ]
        out.append(np.concatenate(orders))
    return out


@given(people(), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_facts_as_of_an_instant_are_those_of_a_log_that_ends_there(
    rows: list[np.ndarray], seed: int
) -> None:
    moved = np.random.default_rng(seed)
    whole = []
    for part in rows:
        timeline = Timeline.of(part)
        until = np.where(moved.random(len(part)) < 0.2, NOW - DAY_MS, timeline.known_until)
        whole.append(dataclasses.replace(timeline, known_until=until))
    named = [(f"c{i}", timeline) for i, timeline in enumerate(whole)]
    cut = [(name, timeline.until(NOW)) for name, timeline in named]
    facts = Reference.as_of(Timelines.of(named), CATALOG, NOW)
    expected = Reference.as_of(Timelines.of(cut), CATALOG, NOW)
    for name in expected.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(facts, name), getattr(expected, name), err_msg=name)
