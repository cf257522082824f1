"""Products that are alike by their texts, those added since the model was fitted included."""

import numpy as np
import pytest

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.reference import Reference
from features.timeline import Timeline, Timelines
from models.bundle import Bundle
from models.next_product import Content, NextProductModel, Popular, Repeat
from models.next_product.content import space
from models.next_product.content.words import words
from models.next_product.history import Histories
from serving.live import Live
from serving.store import FedProduct
from tests.models.shop import day, timeline

NOW = day(100)

SHOES = ("Trail Shoe", "Trail Shoe Light", "Running Shoe", "Winter Trail Shoe")
POTS = ("Clay Pot", "Clay Pot Large", "Copper Pot", "Plant Pot of Clay")


def product(title: str | None, **fields: object) -> Product:
    identifier = (title or "none").lower().replace(" ", "-")
    return Product(ProductId(identifier), title=title, **fields)  # type: ignore[arg-type]


def shop(*titles: str) -> Catalog:
    return Catalog.of(product(title, first_seen_at=day(0)) for title in titles)


def histories(catalog: Catalog) -> Histories:
    people = Timelines.of([("a", timeline([(1, [0])]))])
    return Histories.of(people, np.zeros(1, np.int64), np.array([NOW]), catalog)


def titles(model: Content, catalog: Catalog, bought: int, k: int = 3) -> list[str]:
    found, _ = model.recommend(Histories.of_products([bought], NOW, catalog), k)
    return [catalog.title(int(p)) for p in found]


def test_a_shoe_is_like_shoes_and_a_pot_like_pots_though_nobody_bought_them() -> None:
    catalog = shop(*SHOES, *POTS)
    model = Content().fit(histories(catalog))
    assert set(titles(model, catalog, 0)) == set(SHOES[1:])
    assert set(titles(model, catalog, 4)) == set(POTS[1:])
    asked = Histories.of_products([4, 0], NOW, catalog)
    assert model.reason(asked, 3, catalog) == "Similar to Trail Shoe"


@pytest.mark.parametrize(
    ("field", "like", "other"),
    [
        ("category", "Garden > Pots", "Kitchen > Pans"),
        ("brand", "Acme", "Other"),
        ("attributes", {"color": "Red", "size": ["M", "L"]}, {"color": "blue", "size": "S"}),
        ("title", "Gartenstuhl", "Teekanne"),
    ],
)
def test_each_part_of_the_text_makes_products_alike(
    field: str, like: object, other: object
) -> None:
    values = [like, "Klappstuhl" if field == "title" else like, other, other]
    catalog = Catalog.of(
        Product(ProductId(f"p{i}"), first_seen_at=day(0), **{field: value})  # type: ignore[arg-type]
        for i, value in enumerate(values)
    )
    found, _ = (
        Content().fit(histories(catalog)).recommend(Histories.of_products([0], NOW, catalog), 3)
    )
    assert found.tolist() == [1]


def test_what_is_added_later_is_found_and_finds_others() -> None:
    catalog = shop(*SHOES, *POTS)
    model = Content().fit(histories(catalog))
    grown = catalog.followed_by([product("Trail Shoe Red"), product("Trail Shoe Redder Zyx")])
    assert "Trail Shoe Red" not in titles(model, catalog, 0, 9)
    longer = model.extended(grown)
    assert {"Trail Shoe Red", "Trail Shoe Redder Zyx"} <= set(titles(longer, grown, 0, 9))
    assert "Trail Shoe Red" in titles(longer, grown, 9, 2)
    assert "Trail Shoe" in titles(longer, grown, 8)
    assert "Trail Shoe Red" not in titles(longer, grown, 4, 9)
    assert longer.extended(grown) is longer


def test_places_of_later_products_are_those_of_a_fit_anew() -> None:
    """Words are as rare as before, so scores are close, and the nearest the same."""
    catalog, new = shop(*SHOES[:3], *POTS), [product("Winter Trail Shoe")]
    grown = catalog.followed_by(new)
    longer = Content().fit(histories(catalog)).extended(grown)
    anew = Content().fit(histories(grown))
    for bought in range(len(grown)):
        assert titles(longer, grown, bought, 1) == titles(anew, grown, bought, 1)


def test_a_later_product_s_text_may_come_later_still() -> None:
    catalog = shop(*SHOES, *POTS)
    bare = catalog.followed_by([Product(ProductId("new"))])
    longer = Content().fit(histories(catalog)).extended(bare)
    assert not titles(longer, bare, 8)
    told = bare.changed([Product(ProductId("new"), title="Clay Pot Small")])
    assert "Clay Pot Small" in titles(longer.extended(told), told, 4)


def test_the_service_places_products_that_the_store_learnt_of() -> None:
    catalog = shop(*SHOES, *POTS)
    people = Timelines.of([("a", timeline([(1, [0])]))])
    model = NextProductModel([Repeat(), Content(), Popular()], threads=1)
    model.fit(people, catalog, [], NOW, 30)
    bundle = Bundle(catalog, Reference.as_of(people, catalog, NOW), None, model)
    new = Product(ProductId("new"), first_seen_at=day(99))
    live = Live.of(bundle, "1", [*map(catalog.product, range(8)), new])
    fed = FedProduct(1, Product(ProductId("new"), title="Trail Shoe Red"))
    live = live.told([fed])
    assert live.bundle is not None
    assert live.bundle.next_product is not None
    items = live.bundle.next_product.recommend(
        timeline([(1, [0])]), NOW, 5, catalog=live.catalog, reference=live.reference
    )
    told = {live.catalog.title(item.product): item.reason for item in items}
    assert told["Trail Shoe Red"] == "Similar to Trail Shoe"


def test_without_texts_there_are_no_opinions() -> None:
    catalog = Catalog.of(Product(ProductId(f"p{i}")) for i in range(5))
    model = Content().fit(histories(catalog))
    assert not len(model.lists_.products)
    assert not titles(model, catalog, 0)
    assert model.extended(catalog.followed_by([product("Clay Pot")])) is model


def test_an_empty_catalogue_and_a_single_product_are_fine() -> None:
    for catalog in (Catalog.empty(), shop("Clay Pot")):
        nobody = Histories.one(Timeline.empty(), NOW, catalog)
        assert not len(Content().fit(nobody).recommend(nobody, 3)[0])


def test_a_variant_is_no_product_of_its_own() -> None:
    catalog = Catalog.of([product("Clay Pot"), product("Clay Pot Red", parent_id="clay-pot")])
    assert np.diff(words(catalog).indptr).tolist()[1] == 0


def test_of_a_common_word_the_products_it_weighs_most_in_are_led_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(space, "PRODUCTS", 2)
    catalog = shop("Pot", "Pot made of something else entirely", "Pot Red", "Shoe")
    made, _ = space.Space.of(words(catalog))
    assert np.diff(made.products.offsets).max() == 2


def test_one_catalogue_is_compared_once() -> None:
    catalog = shop(*SHOES, *POTS)
    assert Content().fit(histories(catalog)).space_ is Content().fit(histories(catalog)).space_
