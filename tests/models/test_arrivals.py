"""New products in the customer's categories and of the customer's brands."""

import numpy as np
import pytest

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.reference import Reference
from features.timeline import Timelines
from models.next_product import Arrivals, Content, NextProductModel, Period, Popular
from models.next_product.history import Histories
from models.next_product.learning import everyone, examples, fitted
from models.next_product.shelf.refills import Refills
from tests.models.shop import day, timeline

NOW = day(400)


def shop(*new: Product) -> Catalog:
    """Four pots of Acme and four pans of Best, long known, then what is new."""
    old = [
        Product(
            ProductId(f"old{i}"),
            title=f"Old {i}",
            category=("Garden > Pots", "Kitchen > Pans")[i % 2],
            brand=("Acme", "Best")[i % 2],
            first_seen_at=day(1),
        )
        for i in range(8)
    ]
    return Catalog.of([*old, *new])


def product(name: str, category: str, brand: str | None, seen: float) -> Product:
    return Product(
        ProductId(name), title=name, category=category, brand=brand, first_seen_at=day(seen)
    )


def asked(catalog: Catalog, *bought: int) -> Histories:
    customer = timeline([(380 + i, [p]) for i, p in enumerate(bought)])
    return Histories.one(customer, NOW, catalog)


def proposed(model: Arrivals, history: Histories) -> dict[str, float]:
    products, scores = model.extended(history.catalog).recommend(history, 10)
    return dict(zip((history.catalog.title(int(p)) for p in products), scores, strict=True))


def test_the_new_of_ones_brand_and_category_come_first() -> None:
    catalog = shop(
        product("both", "Garden > Pots", "Acme", 395),
        product("pot", "Garden > Pots", "Other", 395),
        product("other", "Office", "Other", 395),
    )
    model = Arrivals().fit(asked(shop()))
    found = proposed(model, asked(catalog, 0, 2))
    assert list(found) == ["both", "pot"]
    assert found["both"] == pytest.approx(25 / 30, rel=0.05)
    assert found["pot"] == pytest.approx(found["both"] / 2)


def test_newness_wears_off_and_what_is_not_there_yet_is_not_new() -> None:
    catalog = shop(
        product("yesterday", "Garden > Pots", None, 399),
        product("last week", "Garden > Pots", None, 393),
        product("last season", "Garden > Pots", None, 300),
        product("next week", "Garden > Pots", None, 407),
    )
    found = proposed(Arrivals(), asked(catalog, 0))
    assert list(found) == ["yesterday", "last week"]
    assert list(proposed(Arrivals(days=120), asked(catalog, 0)))[-1] == "last season"


def test_reasons_name_the_brand_or_the_category() -> None:
    catalog = shop(
        product("both", "Garden > Pots", "Acme", 395),
        product("pot", "Garden > Pots", "Other", 395),
        product("plain", "Garden > Pots", None, 395),
    )
    history = asked(catalog, 0)
    reasons = [Arrivals().reason(history, p, catalog) for p in (8, 9, 10)]
    assert reasons == ["New from Acme, which you buy", "New in Pots", "New in Pots"]
    visitor = Histories.one(timeline([], viewed=[(399, [0])]), NOW, catalog)
    assert Arrivals().reason(visitor, 8, catalog) == "New from Acme, which you look at"


def test_a_catalogue_that_was_imported_last_week_has_no_arrivals() -> None:
    catalog = Catalog.of(product(f"p{i}", "Garden", "Acme", 395) for i in range(20))
    assert not proposed(Arrivals(), asked(catalog, 0))


def test_without_brands_and_categories_there_are_none() -> None:
    catalog = Catalog.of(Product(ProductId(f"p{i}"), first_seen_at=day(40 * i)) for i in range(11))
    assert not proposed(Arrivals(), asked(catalog, 0))


def test_ranking_learns_nothing_of_products_from_after_its_period() -> None:
    catalog = shop(product("pot", "Garden > Pots", "Acme", 350))
    people = Timelines.of(
        [(f"c{i}", timeline([(d, [0, 2]) for d in (300, 320, 345)])) for i in range(5)]
    )
    at = day(340)
    model = NextProductModel([Content(), Arrivals(), Popular()], threads=1)
    period = Period(
        at,
        np.arange(5),
        np.arange(6) * 2,
        np.tile(np.array([0, 2], np.int32), 5),
        Reference.as_of(people, catalog, at),
    )
    before = everyone(people, catalog, at)
    batch = model.batch(fitted(model.generators, before), people, catalog, period.reference)
    refills = Refills().fit(before, catalog)
    parts = list(examples(batch, period, refills, 1.0, 0))
    place = model.columns.index("product_age_days")
    assert (np.concatenate([part.rows for part in parts])[:, place] > 0).all()


def test_a_cold_product_is_proposed_to_whom_it_suits() -> None:
    """Seen for three days, bought by nobody: gardeners get the pot, cooks the pan."""
    catalog = shop(
        product("Old pot new", "Garden > Pots", "Acme", 397),
        product("Old pan new", "Kitchen > Pans", "Best", 397),
    )
    people = Timelines.of(
        [
            (f"c{i}", timeline([(300 + 20 * n, [i % 2, i % 2 + 2 * (n % 3)]) for n in range(5)]))
            for i in range(20)
        ]
    )
    model = NextProductModel(threads=1).fit(people, catalog, [], NOW, 30)
    facts = Reference.as_of(people, catalog, NOW)
    for customer, new, other in ((0, 8, 9), (1, 9, 8)):
        items = model.recommend(people.customer(customer), NOW, 6, catalog=catalog, reference=facts)
        order = [item.product for item in items]
        assert new in order
        assert other not in order or order.index(new) < order.index(other)
        reason = next(item.reason for item in items if item.product == new)
        assert reason.startswith(("Similar to Old", "New from"))
