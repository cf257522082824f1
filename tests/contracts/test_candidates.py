"""What every candidate generator keeps; listing one in GENERATORS enrols it here."""

from pathlib import Path

import numpy as np
import pytest

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.timeline import Timeline, Timelines
from models.next_product import GENERATORS, Candidates
from models.next_product.history import Histories
from tests.models.shop import checkerboard, day, scores, timeline

PRODUCTS = 10
NOW = day(30)

every_generator = pytest.mark.parametrize("kind", GENERATORS, ids=lambda kind: kind.name)
every_generator_without_a_country = pytest.mark.parametrize(
    "kind", [kind for kind in GENERATORS if kind.needs != "country"], ids=lambda kind: kind.name
)
every_personal_generator = pytest.mark.parametrize(
    "kind", [kind for kind in GENERATORS if kind.needs == "deeds"], ids=lambda kind: kind.name
)


def catalog(products: int) -> Catalog:
    """Even and odd products are of two kinds; the last of each came lately."""
    kinds = ("Garden", "Kitchen")
    return Catalog.of(
        Product(
            ProductId(f"p{i}"),
            title=f"{kinds[i % 2]} thing {i}",
            category=kinds[i % 2],
            brand=f"{kinds[i % 2]}works",
            price=10.0,
            first_seen_at=day(20 if PRODUCTS - 2 <= i < PRODUCTS else 0),
        )
        for i in range(products)
    )


def histories(timelines: Timelines, products: int = PRODUCTS) -> Histories:
    everyone = np.arange(len(timelines))
    return Histories.of(timelines, everyone, np.full(len(timelines), NOW), catalog(products))


@pytest.fixture(scope="module")
def liked() -> Histories:
    return histories(checkerboard(products=PRODUCTS))


def one(customer: Timeline, products: int = PRODUCTS) -> Histories:
    return Histories.one(customer, NOW, catalog(products))


@every_personal_generator
def test_who_likes_even_products_gets_even_products(
    kind: type[Candidates], liked: Histories
) -> None:
    model = kind().fit(liked)
    for customer in range(len(liked)):
        products, scores = model.recommend(liked.part(customer, customer + 1), PRODUCTS // 2)
        assert len(products)
        assert set(products % 2) == {customer % 2}
        assert (np.diff(scores) <= 0).all()
        assert (scores > 0).all()


@every_generator
def test_a_customer_alone_gets_what_the_customer_among_many_gets(
    kind: type[Candidates], liked: Histories
) -> None:
    model = kind().fit(liked)
    together = scores(model, liked)
    for customer in range(len(liked)):
        alone = scores(model, liked.part(customer, customer + 1))[0]
        np.testing.assert_allclose(together[customer], alone, rtol=1e-4, atol=1e-6)


@every_generator
def test_what_is_saved_answers_the_same_when_loaded(
    kind: type[Candidates], liked: Histories, tmp_path: Path
) -> None:
    model = kind().fit(liked)
    model.save(tmp_path)
    loaded = kind.load(tmp_path)
    np.testing.assert_array_equal(scores(loaded, liked), scores(model, liked))
    assert {path.suffix for path in tmp_path.iterdir()} <= {".npy", ".json"}


@every_generator
def test_the_same_input_learns_the_same(kind: type[Candidates], liked: Histories) -> None:
    np.testing.assert_array_equal(
        scores(kind().fit(liked), liked), scores(kind().fit(liked), liked)
    )


@every_generator
def test_nothing_is_proposed_to_a_stranger_but_what_everybody_gets(
    kind: type[Candidates], liked: Histories
) -> None:
    products, _ = kind().fit(liked).recommend(one(Timeline.empty()), 3)
    assert len(products) == (3 if kind.needs == "nothing" else 0)


@every_generator_without_a_country
def test_a_product_newer_than_the_model_breaks_nothing(
    kind: type[Candidates], liked: Histories
) -> None:
    model = kind().fit(liked)
    customer = timeline([(1, [0, 2]), (2, [PRODUCTS + 1])], viewed=[(3, [0, PRODUCTS + 1])])
    products, _ = model.recommend(one(customer, PRODUCTS + 2), PRODUCTS)
    assert len(products)
    assert (products < PRODUCTS).all()


@every_generator_without_a_country
def test_every_proposal_has_a_reason(kind: type[Candidates], liked: Histories) -> None:
    model = kind().fit(liked)
    customer = one(timeline([(1, [0, 2]), (2, [4])], viewed=[(3, [4])]))
    proposed = model.recommend(customer, 3)[0]
    assert len(proposed)
    for product in proposed:
        assert model.reason(customer, int(product), catalog(PRODUCTS))


@every_generator
def test_asking_for_nothing_gives_nothing(kind: type[Candidates], liked: Histories) -> None:
    products, scores = kind().fit(liked).recommend(liked.part(0, 1), 0)
    assert len(products) == len(scores) == 0


@every_generator
def test_a_shop_with_one_product_can_be_learnt(kind: type[Candidates]) -> None:
    lonely = histories(Timelines.of([("a", timeline([(1, [0])], viewed=[(1, [0])]))]), products=1)
    assert np.isfinite(scores(kind().fit(lonely), lonely)).all()


@every_personal_generator
def test_a_new_order_or_look_counts_at_once(kind: type[Candidates], liked: Histories) -> None:
    model = kind().fit(liked)
    before = one(timeline([(1, [0]), (2, [2])], viewed=[(3, [0])]))
    after = one(timeline([(1, [0]), (2, [2]), (29, [5])], viewed=[(3, [0]), (29, [5])]))
    assert not np.array_equal(scores(model, before), scores(model, after))
    assert (scores(model, after) * (np.arange(PRODUCTS) % 2)).any()


@every_generator_without_a_country
def test_a_product_page_is_asked_about_as_a_customer_is(
    kind: type[Candidates], liked: Histories
) -> None:
    model = kind().fit(liked)
    asked = Histories.of_products([2], NOW, catalog(PRODUCTS))
    products, _ = model.recommend(asked, 3)
    assert len(products)
    if kind.needs == "deeds":
        assert set(products % 2) == {0}
    assert model.reason(asked, int(products[0]), catalog(PRODUCTS))


@every_generator
def test_a_grown_catalogue_changes_nothing_of_what_was_known(
    kind: type[Candidates], liked: Histories
) -> None:
    model = kind().fit(liked)
    before = scores(model, liked)
    longer = model.extended(catalog(PRODUCTS + 2))
    np.testing.assert_array_equal(scores(longer, liked)[:, :PRODUCTS], before)
    np.testing.assert_array_equal(scores(model, liked), before)
    assert longer.extended(catalog(PRODUCTS + 2)).n_products_ == longer.n_products_
