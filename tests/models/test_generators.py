from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from features.timeline import Timeline, Timelines
from models.next_product import Als, Neighbours, Popular, Repeat
from models.next_product.history import Histories
from tests.models.shop import catalog, checkerboard, day, scores, timeline


def histories(timelines: Timelines, now: float = 30, products: int = 10) -> Histories:
    everyone = np.arange(len(timelines))
    return Histories.of(timelines, everyone, np.full(len(timelines), day(now)), catalog(products))


def one(customer: Timeline, now: float = 30, products: int = 10) -> Histories:
    return Histories.one(customer, day(now), catalog(products))


def test_a_history_ends_before_its_instant() -> None:
    customer = timeline([(1, [0]), (2, [1]), (3, [2])])
    assert one(customer, now=3).product.tolist() == [0, 1]
    assert histories(Timelines.of([("a", customer)]), now=3).product.tolist() == [0, 1]


def test_what_arrived_late_was_not_known_before() -> None:
    rows = timeline([(1, [0]), (2, [1])]).rows()
    rows["known_at"][rows["product"] == 0] = day(10)
    customer = Timeline.of(rows)
    assert one(customer, now=5).product.tolist() == [1]
    assert histories(Timelines.of([("a", customer)]), now=5).product.tolist() == [1]


def test_variants_count_as_their_parent() -> None:
    from features.catalog import Catalog, Product
    from features.columns import ProductId

    shop = Catalog.of(
        [Product(ProductId("shirt")), Product(ProductId("shirt-m"), parent_id="shirt")]
    )
    assert Histories.one(timeline([(1, [1])]), day(5), shop).product.tolist() == [0]


def test_who_has_only_looked_is_known_by_what_was_looked_at() -> None:
    looked = one(timeline([], viewed=[(1, [4])]))
    assert looked.product.tolist() == [4]
    assert not looked.bought[0]
    both = one(timeline([(1, [2])], viewed=[(2, [4])]))
    assert both.product.tolist() == [2]


def test_purchases_count_baskets_not_pieces() -> None:
    purchases = one(timeline([(1, [3, 3, 5]), (2, [3])])).purchases
    assert purchases.product.tolist() == [3, 5]
    assert purchases.baskets.tolist() == [2, 1]
    assert purchases.last_at.tolist() == [day(2), day(1)]


def test_a_hit_needs_many_buyers_not_many_purchases() -> None:
    wholesaler = ("w", timeline([(float(d), [0]) for d in range(1, 20)]))
    others = [(f"c{i}", timeline([(5, [1])])) for i in range(3)]
    model = Popular().fit(histories(Timelines.of([wholesaler, *others])))
    assert model.recommend(one(Timeline.empty()), 2)[0].tolist() == [1, 0]


def test_a_buyer_counts_half_after_the_half_life() -> None:
    shop = Timelines.of([("a", timeline([(0, [0])])), ("b", timeline([(30, [1])]))])
    model = Popular(half_life_days=30).fit(histories(shop, now=30.0001))
    assert model.buyers_[:2] == pytest.approx([0.5, 1.0], rel=1e-3)


def test_own_products_come_by_whether_they_are_bought_again_and_when() -> None:
    monthly = timeline([(0, [0, 1, 2]), (30, [0, 2]), (60, [0]), (85, [1])])
    others = [(f"c{i}", timeline([(0, [0, 1, 2]), (30, [0, 1, 2])])) for i in range(5)]
    model = Repeat().fit(histories(Timelines.of([("m", monthly), *others]), now=90))
    # 0 is due today, 1 was bought last week, 2 was not bought when it was due
    assert model.recommend(one(monthly, now=90), 5)[0].tolist() == [0, 1, 2]


def test_what_was_bought_before_stays_a_candidate_in_a_shop_where_nobody_came_back() -> None:
    customer = one(timeline([(1, [0, 1])]))
    assert Repeat().fit(customer).recommend(customer, 5)[0].tolist() == [0, 1]


def test_a_rhythm_is_stated_from_the_third_purchase_on() -> None:
    often = one(timeline([(0, [0]), (10, [0]), (20, [0])]))
    once = one(timeline([(0, [0])]))
    said = Repeat().reason(often, 0, catalog(10))
    assert said == "You buy this about every 10 days, last on 24 October"
    assert Repeat().reason(once, 0, catalog(10)) == "You bought this on 4 October"


def test_a_date_of_another_year_says_so() -> None:
    old = one(timeline([(0, [0])]), now=100)
    assert Repeat().reason(old, 0, catalog(10)) == "You bought this on 4 October 2024"


def test_a_neighbour_is_explained_by_the_purchase_behind_it() -> None:
    model = Neighbours().fit(histories(checkerboard()))
    customer = one(timeline([(1, [0])]))
    assert model.reason(customer, 4, catalog(10)) == "Often bought with Product 0"


@pytest.mark.parametrize("weighting", ["tfidf", "bm25", "cosine"])
def test_each_weighting_finds_the_same_colour(weighting: str) -> None:
    model = Neighbours(weighting=weighting).fit(histories(checkerboard()))  # type: ignore[arg-type]
    products, _ = model.recommend(one(timeline([(1, [1])])), 4)
    assert sorted(products.tolist()) == [3, 5, 7, 9]


def test_folding_in_equals_the_library() -> None:
    """The closed form must be the one that the factors were fitted by."""
    from implicit.cpu.als import AlternatingLeastSquares

    liked = histories(checkerboard())
    ours = Als(factors=8, iterations=5).fit(liked)
    weights = liked.matrix(np.log1p(liked.purchases.baskets).astype(np.float32))
    with threadpool_limits(1, "blas"):
        library = AlternatingLeastSquares(
            factors=8, regularization=0.05, alpha=10.0, iterations=5, random_state=0
        )
        library.fit(weights, show_progress=False)
        np.testing.assert_allclose(ours.item_factors_, library.item_factors, atol=1e-6)
        expected = library.recalculate_user(np.arange(len(liked)), weights)
    np.testing.assert_allclose(ours.customer_factors(liked), expected, rtol=1e-3, atol=1e-4)


def test_threads_do_not_change_what_is_learnt() -> None:
    liked = histories(checkerboard())
    for one_thread, two in (
        (Als(threads=1), Als(threads=2)),
        (Neighbours(threads=1), Neighbours(threads=2)),
    ):
        np.testing.assert_array_equal(
            scores(one_thread.fit(liked), liked), scores(two.fit(liked), liked)
        )


def test_arrays_are_mapped_not_read(tmp_path: Path) -> None:
    Als(factors=8).fit(histories(checkerboard())).save(tmp_path)
    base = Als.load(tmp_path).item_factors_
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
