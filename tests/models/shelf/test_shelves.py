"""Lists for many, beside the page of each."""

import time
from dataclasses import replace

import numpy as np
import pytest

from features.errors import InputError
from features.events.schema import schema
from features.timeline import ROW, Timeline, Timelines
from models.bundle import Bundle
from models.next_product import Query, Recommendation, batch, page, shelves
from models.next_product.shelf import Rule
from tests.models.shelf.camping import CAMPER, GAS, MUG, NOW, WINE, ask, products, shop
from tests.models.shop import day, timeline
from tests.models.trained import CUTOFF
from tests.models.trained import shop as trained_shop

RULES = [
    Rule(name="no-mugs", action="exclude", products=("Mug",)),
    Rule(name="bowls", action="pin", products=("Bowl",), position=2, placements=("email",)),
]


def event(name: str, days: float, product: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    at = day(days)
    return np.array([(at, at, 1.0, 1.0, 1.0, product, schema().code(name), 1)], ROW)


PEOPLE = [
    CAMPER,
    CAMPER.appended(event("Product Added", 99, GAS)),
    CAMPER.appended(event("Recommendation Shown", 98, GAS)),
    CAMPER.appended(event("Recommendation Dismissed", 98, GAS)),
    timeline([(20, [MUG]), (30, [MUG])]),
    timeline([], viewed=[(99, [MUG, GAS])]),
    Timeline.empty(),
]


@pytest.mark.parametrize("seed", ["", "mail of 3 May"])
def test_each_list_is_the_page_of_its_customer(seed: str) -> None:
    model, catalog, reference = shop()
    timelines = Timelines.of([(f"c{i}", one) for i, one in enumerate(PEOPLE)])
    query = Query([ask("email", k=4)], rules=RULES, seed=seed)
    facts = {"catalog": catalog, "reference": reference}
    found = list(shelves(model, timelines, np.arange(len(PEOPLE)), NOW, query, **facts))
    assert len(found) == len(PEOPLE)
    for place, shelf in enumerate(found):
        theirs = replace(query, seed=seed and f"{seed} c{place}")
        assert (shelf,) == page(model, PEOPLE[place], NOW, theirs, **facts)
        assert shelf.items[1].rule == "bowls"
        assert MUG not in products(shelf)
    assert products(found[0])[0] == GAS
    assert GAS not in products(found[1])[:1]  # it is in the cart
    assert GAS not in products(found[3])


def test_it_is_judged_as_one_customer_is(small_bundle: Bundle) -> None:
    model, (timelines, catalog) = small_bundle.next_product, trained_shop()
    assert model is not None
    customers = np.arange(0, len(timelines), 9)
    query = Query([ask("email", k=8)], seed="x")
    facts = {"catalog": catalog, "reference": small_bundle.reference}

    def told(item: Recommendation) -> tuple[object, ...]:
        return item.product, item.reason, item.propensity, round(item.score, 6)

    for place, shelf in zip(
        customers, shelves(model, timelines, customers, CUTOFF, query, **facts), strict=True
    ):
        name = timelines.ids(np.array([place]))[0]
        theirs = replace(query, seed=f"x {name}")
        (one,) = page(model, timelines.customer(int(place)), CUTOFF, theirs, **facts)
        assert [told(item) for item in shelf.items] == [told(item) for item in one.items]


def test_what_needs_an_age_is_in_no_file() -> None:
    model, catalog, reference = shop()
    timelines, facts = Timelines.of([("c", CAMPER)]), {"catalog": catalog, "reference": reference}
    ranked = model.rank(timelines, np.arange(1), NOW, len(catalog), **facts)[0]
    alone = model.recommend(CAMPER, NOW, len(catalog), **facts)
    assert ranked[ranked >= 0].tolist() == [item.product for item in alone]
    assert WINE not in ranked


def test_blocks_wait_until_they_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    model, catalog, reference = shop()
    timelines = Timelines.of([(f"c{i}", CAMPER) for i in range(40)])
    monkeypatch.setattr(batch, "BLOCK_SCORES", len(catalog))  # a customer each
    made: list[int] = []
    score = model.score

    def counted(*arguments: object) -> object:
        made.append(1)
        return score(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(model, "score", counted)
    facts = {"catalog": catalog, "reference": reference}
    found = shelves(model, timelines, np.arange(40), NOW, Query([ask("email")]), **facts)
    next(found)
    time.sleep(0.2)
    assert len(made) <= batch.AHEAD * model.threads + 1
    assert len(list(found)) == 39


def test_a_list_about_a_cart_is_not_for_many() -> None:
    model, catalog, reference = shop()
    timelines, facts = Timelines.of([("c", CAMPER)]), {"catalog": catalog, "reference": reference}
    query = Query([ask("cart")])
    with pytest.raises(InputError, match="'cart' is about a page's cart"):
        next(shelves(model, timelines, np.arange(1), NOW, query, **facts))
