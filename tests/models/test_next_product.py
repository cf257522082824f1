from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.errors import BundleError, InputError, NotEnoughDataError
from features.reference import Reference
from features.timeline import Timeline, Timelines
from models.bundle import Bundle
from models.next_product import NextProductModel, Recommendation
from models.next_product.learning import everyone, examples, fitted
from models.next_product.shelf.refills import Refills
from tests.models.shop import catalog as catalog_of
from tests.models.shop import day, timeline
from tests.models.trained import CUTOFF, PRODUCTS, next_product, period, shop


def recommend(
    bundle: Bundle,
    customer: Timeline,
    k: int = 5,
    catalog: Catalog | None = None,
    **limits: object,
) -> Sequence[Recommendation]:
    assert bundle.next_product is not None
    return bundle.next_product.recommend(
        customer,
        CUTOFF,
        k,
        catalog=bundle.catalog if catalog is None else catalog,
        reference=bundle.reference if catalog is None else bundle.reference.extended(catalog),
        **limits,  # type: ignore[arg-type]
    )


REGULAR = timeline([(300, [0, 3, 6]), (310, [0, 9]), (320, [0, 12])])
"""Likes every third product, as the customers of the shop do, and product 0 most."""


def test_the_list_follows_the_customers_taste(small_bundle: Bundle) -> None:
    items = recommend(small_bundle, REGULAR, 8)
    assert {item.product % 3 for item in items} == {0}
    scores = [item.score for item in items]
    assert scores == sorted(scores, reverse=True)


def test_each_item_says_why_and_from_where(small_bundle: Bundle) -> None:
    items = recommend(small_bundle, REGULAR, 10)
    assert all(item.reason for item in items)
    assert {item.source for item in items} <= {"repeat", "neighbours", "als", "popular"}
    own = next(item for item in items if item.product == 0)
    assert own.reason.startswith("You buy this about every 10 days, last on ")


def test_probabilities_lie_between_0_and_1(small_bundle: Bundle) -> None:
    for item in recommend(small_bundle, REGULAR, 10):
        assert item.probability is not None
        assert 0 < item.probability < 1


def test_a_stranger_gets_what_is_popular(small_bundle: Bundle) -> None:
    assert small_bundle.next_product is not None
    items = recommend(small_bundle, Timeline.empty())
    order = np.argsort(-small_bundle.next_product.popular.buyers_, kind="stable")
    assert [item.product for item in items] == order[:5].tolist()
    assert {item.reason for item in items} == {"Popular right now"}


def test_an_order_changes_the_next_answer(small_bundle: Bundle) -> None:
    before = timeline([(300, [1, 4])])
    after = before.appended(timeline([(329, [7])]).rows())
    assert recommend(small_bundle, before) != recommend(small_bundle, after)


def test_what_is_looked_at_changes_a_visitors_answer(small_bundle: Bundle) -> None:
    items = recommend(small_bundle, timeline([], viewed=[(329, [2, 5])]))
    assert any(item.source != "popular" for item in items)
    assert not any("bought this" in item.reason for item in items)


def test_the_future_changes_nothing(small_bundle: Bundle) -> None:
    later = REGULAR.appended(timeline([(335, [20, 21])]).rows())
    assert recommend(small_bundle, later) == recommend(small_bundle, REGULAR)


def test_excluded_products_are_never_shown(small_bundle: Bundle) -> None:
    items = recommend(small_bundle, REGULAR, PRODUCTS, exclude=[0, 1])
    assert {item.product for item in items} == set(range(2, PRODUCTS))


def test_k_is_filled_while_products_last(small_bundle: Bundle) -> None:
    for customer in (REGULAR, Timeline.empty()):
        products = [item.product for item in recommend(small_bundle, customer, 1_000)]
        assert sorted(products) == list(range(PRODUCTS))


def test_nothing_left_gives_an_empty_list(small_bundle: Bundle) -> None:
    assert not recommend(small_bundle, REGULAR, 5, exclude=range(PRODUCTS))
    assert not recommend(small_bundle, REGULAR, 0)


def test_a_product_that_cannot_be_bought_is_not_shown(small_bundle: Bundle) -> None:
    gone = small_bundle.catalog.extended([Product(ProductId("p0"), available=False)])
    items = recommend(small_bundle, REGULAR, PRODUCTS, catalog=gone)
    assert 0 not in {item.product for item in items}


def test_new_products_and_variants_of_a_grown_catalogue_are_handled(small_bundle: Bundle) -> None:
    grown = small_bundle.catalog.extended(
        [
            Product(ProductId("new"), title="New"),
            Product(ProductId("p3-red"), parent_id="p3"),
        ]
    )
    items = recommend(small_bundle, REGULAR, 100, catalog=grown)
    products = [item.product for item in items]
    assert sorted(products) == [*range(PRODUCTS), PRODUCTS]
    assert items[-1].product == PRODUCTS
    assert items[-1].source == "catalog"
    bought_new = timeline([(320, [PRODUCTS, PRODUCTS + 1])])
    assert len(recommend(small_bundle, bought_new, 5, catalog=grown)) == 5


def test_one_customer_gets_what_the_batch_gets(small_bundle: Bundle) -> None:
    model, (timelines, products) = small_bundle.next_product, shop()
    assert model is not None
    customers = np.arange(0, len(timelines), 7)
    facts = small_bundle.reference
    ranked = model.rank(timelines, customers, CUTOFF, 40, catalog=products, reference=facts)
    assert ranked.shape == (len(customers), 40)
    for place, row in zip(customers, ranked, strict=True):
        alone = recommend(small_bundle, timelines.customer(int(place)), 40)
        assert [item.product for item in alone] == row[row >= 0].tolist()


def test_the_same_input_gives_the_same_model(small_bundle: Bundle, tmp_path: Path) -> None:
    assert small_bundle.next_product is not None
    small_bundle.next_product.save(tmp_path / "a")
    next_product().save(tmp_path / "b")
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*")]
    assert len(files) > 8
    for path in files:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path


def test_generators_know_nothing_of_the_period_they_are_ranked_on() -> None:
    """Were they fitted on all orders, a product first sold in the period would be proposed."""
    late = ("late", timeline([(10, [0]), (50, [1])]))
    others = [(f"c{i}", timeline([(5, [0]), (52, [1])])) for i in range(20)]
    timelines = Timelines.of([late, *others])
    # without titles, by which it would be found whoever bought it
    products = Catalog.of(Product(ProductId(name)) for name in ("old", "new"))
    found = period(timelines, products, day(40))
    model = NextProductModel(candidates=5)
    before = everyone(timelines, products, found.at)
    generators = fitted(model.generators, before)
    refills = Refills().fit(before, products)
    batch = model.batch(generators, timelines, products, found.reference)
    parts = list(examples(batch, found, refills, negatives_share=1.0, seed=0))
    assert parts
    assert not any(part.bought.any() for part in parts)


def test_a_shop_too_young_for_a_ranker_still_recommends() -> None:
    timelines = Timelines.of([(f"c{i}", timeline([(i, [i % 3, 3])])) for i in range(6)])
    model = NextProductModel().fit(timelines, catalog_of(4), [], day(30), 30)
    items = model.recommend(
        timelines.customer(0),
        day(30),
        4,
        catalog=catalog_of(4),
        reference=Reference.empty(catalog_of(4)),
    )
    bought = {0, 3}  # once, as everybody who bought them
    assert {item.product for item in items} == set(range(4)) - bought
    assert all(item.probability is None for item in items)


def test_a_shop_without_orders_is_refused() -> None:
    with pytest.raises(NotEnoughDataError, match="nobody bought anything before"):
        NextProductModel().fit(Timelines.of([]), catalog_of(2), [], day(1), 30)


def test_wrong_arguments_are_named(small_bundle: Bundle) -> None:
    with pytest.raises(InputError, match="k = -1"):
        recommend(small_bundle, REGULAR, -1)


def test_a_model_of_other_columns_is_refused(small_bundle: Bundle, tmp_path: Path) -> None:
    assert small_bundle.next_product is not None
    small_bundle.next_product.save(tmp_path)
    path = tmp_path / "next_product.json"
    path.write_text(path.read_text().replace("pair_due", "pair_overdue"))
    with pytest.raises(BundleError, match="pair_due, pair_overdue"):
        NextProductModel.load(tmp_path)


def test_an_empty_catalogue_recommends_nothing() -> None:
    nothing = Catalog.empty()
    items = NextProductModel().recommend(
        Timeline.empty(), CUTOFF, 5, catalog=nothing, reference=Reference.empty(nothing)
    )
    assert not items
