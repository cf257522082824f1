from functools import cache
from pathlib import Path

import numpy as np

from features.events import texts
from features.events.schema import schema
from features.reference import Reference
from features.timeline import ROW, Timeline, Timelines
from models.next_product import Ask, NextProductModel, Popular, Query, page, placements, shelves
from models.next_product.history import NOT_KNOWN, Histories
from models.next_product.regional import LEAST_BUYERS, Regional
from tests.models.shop import catalog, day, timeline

NOW = day(30)


def at_home(customer: Timeline, country: str, days: float = 0) -> Timeline:
    at, code = day(days), schema().code("Identified")
    row = (at, at, np.nan, np.nan, texts.number(country), -1, code, 1)
    return customer.appended(np.array([row], ROW))


@cache
def shop(buyers: int = 2 * LEAST_BUYERS, homes: tuple[str, ...] = ("DE", "fr", "Fr")) -> Timelines:
    """A half of the customers, from Germany, buy 0 and 1; the others, from France, buy 2 and 3."""
    people = []
    for i in range(2 * buyers):
        life = timeline([(20 + i / 100, [0, 1] if i < buyers else [2, 3]), (25, [4])])
        if homes:
            life = at_home(life, homes[0] if i < buyers else homes[1 + i % 2])
        people.append((f"c{i:03}", life))
    return Timelines.of(people)


def everybody(timelines: Timelines) -> Histories:
    customers = np.arange(len(timelines))
    return Histories.of(timelines, customers, np.full(len(timelines), NOW), catalog(6))


def somebody(country: str | None) -> Histories:
    return Histories.one(Timeline.empty(), NOW, catalog(6), country=country)


def test_who_is_from_a_region_is_proposed_what_sells_there() -> None:
    model = Regional().fit(everybody(shop()))
    german, french = (model.recommend(somebody(name), 5)[0].tolist() for name in ("de", "FR"))
    assert german == [4, 0, 1]  # nothing that nobody there bought
    assert french == [4, 2, 3]
    assert model.reason(somebody("FR"), 2, catalog(6)) == "Popular in your country"
    for nobody in (None, "AT"):
        assert not len(model.recommend(somebody(nobody), 5)[0])


def test_a_country_of_few_buyers_and_a_shop_of_one_have_no_lists() -> None:
    for timelines in (shop(LEAST_BUYERS - 2), shop(homes=("DE",) * 3), shop(homes=())):
        model = Regional().fit(everybody(timelines))
        assert not len(model.recommend(somebody("DE"), 5)[0])


def test_the_country_that_was_told_last_counts_from_then_on() -> None:
    moved = at_home(at_home(timeline([(1, [0])]), "DE", 10), " fr", 20)
    timelines = Timelines.of([("a", moved)])
    for now, country in ((10, None), (11, "de"), (21, "FR")):
        code = NOT_KNOWN if country is None else texts.number(country)
        of = Histories.of(timelines, np.zeros(1, np.int64), np.array([day(now)]), catalog(6))
        assert of.region.tolist() == [code]
        assert Histories.one(moved, day(now), catalog(6)).region.tolist() == [code]
    said = Histories.one(moved, day(21), catalog(6), country="AT")
    assert said.region.tolist() == [texts.number("at")]


def test_what_is_saved_answers_the_same(tmp_path: Path) -> None:
    model = Regional(half_life_days=7).fit(everybody(shop()))
    model.save(tmp_path)
    loaded = Regional.load(tmp_path)
    assert loaded.half_life_days == 7
    for name in ("DE", "AT"):
        mine, theirs = (each.recommend(somebody(name), 6) for each in (model, loaded))
        assert [part.tolist() for part in mine] == [part.tolist() for part in theirs]


def test_a_stranger_sees_what_sells_where_they_are_from_and_then_the_rest() -> None:
    timelines, products = shop(), catalog(6)
    model = NextProductModel([Regional(), Popular()]).fit(timelines, products, [], NOW, 30)
    facts = {"catalog": products, "reference": Reference.as_of(timelines, products, NOW)}
    home = Ask(placements()["home"], 6)
    (french,) = page(model, Timeline.empty(), NOW, Query([home], country="fr"), **facts)
    assert [item.product for item in french.items][:3] == [4, 2, 3]
    assert (french.items[0].reason, french.items[0].source) == (
        "Popular in your country",
        "regional",
    )
    assert {item.reason for item in french.items[3:5]} == {"Popular right now"}
    assert french.items[-1].product == 5
    assert french.items[-1].source == "catalog"  # nobody bought it
    (elsewhere,) = page(model, Timeline.empty(), NOW, Query([home], country="AT"), **facts)
    assert {item.reason for item in elsewhere.items[:5]} == {"Popular right now"}


def test_lists_for_many_know_where_each_is_from() -> None:
    timelines, products = shop(), catalog(6)
    model = NextProductModel([Regional(), Popular()]).fit(timelines, products, [], NOW, 30)
    facts = {"catalog": products, "reference": Reference.as_of(timelines, products, NOW)}
    query, customers = Query([Ask(placements()["associate"], 5)]), np.array([0, 50, 51])
    found = list(shelves(model, timelines, customers, NOW, query, **facts))
    assert "regional" in {item.source for shelf in found for item in shelf.items}
    for place, shelf in zip(customers.tolist(), found, strict=True):
        assert (shelf,) == page(model, timelines.customer(place), NOW, query, **facts)
