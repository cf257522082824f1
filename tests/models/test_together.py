"""What is bought together, one after another, and looked at together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.timeline import Timelines
from models.next_product import Later, Together, Viewed
from models.next_product.history import Histories
from models.next_product.occasions import associated, distinct, newest
from models.next_product.opinions import Lists
from tests.models.shop import Baskets, catalog, day, timeline

BREAD, BUTTER, PRINTER, INK, LAMP, PAPER = range(6)


def histories(*customers: tuple[Baskets, Baskets], products: int = 6) -> Histories:
    people = [(f"c{i:03d}", timeline(bought, seen)) for i, (bought, seen) in enumerate(customers)]
    shop = Timelines.of(people)
    everyone = np.arange(len(shop))
    return Histories.of(shop, everyone, np.full(len(shop), day(200)), catalog(products))


def having(*products: int) -> Histories:
    return Histories.of_products(products, day(200), catalog(6))


def test_together_means_one_basket_not_one_customer() -> None:
    shop = histories(*[([(1, [BREAD, BUTTER]), (2, [PRINTER])], [])] * 5)
    model = Together().fit(shop)
    assert model.recommend(having(BREAD), 5)[0].tolist() == [BUTTER]
    assert model.reason(having(LAMP, BREAD), BUTTER, shop.catalog) == (
        "Often bought together with Product 0"
    )


def test_ink_follows_the_printer_and_no_printer_follows_ink() -> None:
    model = Later().fit(histories(*[([(1, [PRINTER]), (20, [INK])], [])] * 5))
    assert model.recommend(having(PRINTER), 5)[0].tolist() == [INK]
    assert not len(model.recommend(having(INK), 5)[0])
    assert model.reason(having(PRINTER), INK, catalog(6)) == "Often bought after Product 2"


def test_what_comes_after_too_many_days_does_not_follow() -> None:
    shop = histories(*[([(1, [PRINTER]), (80, [INK])], [])] * 5)
    assert not len(Later(days=60).fit(shop).recommend(having(PRINTER), 5)[0])
    assert len(Later(days=90).fit(shop).recommend(having(PRINTER), 5)[0])


def test_looked_at_with_comes_from_sessions_and_what_was_looked_at_last() -> None:
    shop = histories(*[([(1, [BREAD, LAMP])], [(3, [LAMP, PAPER]), (9, [BREAD])])] * 5)
    model = Viewed().fit(shop)
    customer = Histories.one(timeline([(1, [BREAD])], [(190, [LAMP])]), day(200), catalog(6))
    assert model.recommend(customer, 5)[0].tolist() == [PAPER]
    assert model.reason(customer, PAPER, catalog(6)) == "Often looked at with Product 4"


def test_once_is_chance() -> None:
    """A pair of rare products that met once comes after one of hits that met often."""
    often = [([(1, [BREAD, BUTTER])], [])] * 20 + [([(1, [BREAD])], []), ([(1, [BUTTER])], [])]
    model = Together().fit(histories(*often, ([(1, [BREAD, LAMP])], [])))
    assert model.recommend(having(BREAD), 5)[0].tolist() == [BUTTER, LAMP]
    rare = model.lists_.of(np.array([0, 0, 0, 0, 0, 1, 1]), np.array([BREAD], np.int32))
    common = model.lists_.of(np.array([0, 0, 1, 1, 1, 1, 1]), np.array([BREAD], np.int32))
    assert rare[0] < common[0] / 3


def test_a_wholesaler_costs_no_more_than_fifty_lines() -> None:
    wholesaler = ([(float(d), list(range(3_000))) for d in range(3)], [])
    shop = histories(wholesaler, products=3_000)
    counted = distinct(shop.baskets.offsets, shop.baskets.product, np.arange(3))
    assert np.diff(counted.offsets).tolist() == [50, 50, 50]
    assert counted.products[:50].max() > 2_900  # evenly: the end of the basket counts, too
    lists = Together().fit(shop).lists_
    assert len(lists.products) <= 3_000 * 50


def test_fifty_thousand_orders_of_one_customer_are_counted() -> None:
    orders = [(d / 250, [d % 700, (7 * d) % 701]) for d in range(50_000)]
    shop = histories((orders, []), products=701)
    for model in (Together().fit(shop), Later().fit(shop)):
        assert 0 < np.diff(model.lists_.offsets).max() <= 50
        assert len(model.recommend(shop, 10)[0]) == 10


def test_of_many_occasions_the_newest_count() -> None:
    assert newest(np.array([3, 9, 1, 7]), 2).tolist() == [1, 3]


def test_where_nobody_looks_nothing_is_looked_at_together() -> None:
    shop = histories(([(1, [BREAD, BUTTER])], []))
    model = Viewed().fit(shop)
    assert not len(model.lists_.products)
    assert not len(model.recommend(having(BREAD), 5)[0])


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=6), min_size=1, max_size=12))
def test_scores_are_shrunk_cosines(baskets: list[list[int]]) -> None:
    offsets = np.concatenate([[0], np.cumsum([len(basket) for basket in baskets])])
    product = np.array([p for basket in baskets for p in basket], np.int32)
    everyone = np.arange(len(baskets))
    sets: Lists = distinct(offsets, product, everyone)
    lists = associated(sets, sets, everyone, 6, 6)
    holds = np.array([[p in basket for p in range(6)] for basket in baskets]).astype(float)
    shared = holds.T @ holds
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = shared / np.sqrt(np.outer(np.diag(shared), np.diag(shared)))
    expected = np.nan_to_num(cosine * shared / (shared + 2.0))
    np.fill_diagonal(expected, 0)
    found = lists.of(np.arange(7) * 6, np.tile(np.arange(6, dtype=np.int32), 6)).reshape(6, 6)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
