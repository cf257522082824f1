import time
from collections.abc import Sequence
from copy import copy
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.errors import InputError
from features.events.schema import schema
from features.instants import iso
from features.reference import Reference
from features.timeline import ROW, Timeline, Timelines
from models.bundle import Bundle
from models.next_product import (
    Ask,
    Neighbours,
    NextProductModel,
    Popular,
    Query,
    page,
    placements,
)
from models.next_product.anchors import replacing
from models.next_product.content import Content
from models.next_product.page import draft
from models.next_product.placements import Placement
from models.next_product.shelf import Filters, Rule, check
from models.next_product.visit import Visit
from tests.models.shelf.camping import (
    BOWL,
    CAMPER,
    DOME,
    GAS,
    LANTERN,
    MUG,
    NOW,
    SHIRT,
    SHIRT_L,
    SHIRT_M,
    SOLD,
    STOVE,
    TENT,
    WINE,
    ask,
    camping,
    lists,
    products,
    shop,
)
from tests.models.shop import catalog as catalog_of
from tests.models.shop import day, timeline
from tests.models.trained import CUTOFF, PRODUCTS


def test_home_shows_what_is_next_and_not_what_is_had() -> None:
    (home,) = lists(ask("home"), customer=CAMPER)
    assert home.placement == "home"
    assert set(products(home)) == SOLD - {TENT, STOVE}
    first = home.items[0]
    assert (first.product, first.source) == (GAS, "repeat")
    assert first.reason.startswith("You bought this on ")
    assert first.evidence["times_bought"] == 1
    assert first.sources[0].name == "repeat"
    assert first.score == pytest.approx(np.prod(list(first.parts.values())))


def test_the_evidence_is_what_the_reason_says() -> None:
    (home,) = lists(ask("home"), customer=timeline([(20, [GAS]), (30, [GAS]), (50, [GAS])]))
    gas = next(item for item in home.items if item.product == GAS)
    assert gas.reason.startswith("You buy this about every 14 days, last on ")
    assert gas.evidence == {
        "times_bought": 3,
        "days_between": 14.1,
        "last_bought_at": iso(day(50)),
    }


def test_strangers_see_what_is_popular_in_full() -> None:
    (home,) = lists(ask("home"))
    assert set(products(home)) == SOLD
    assert home.items[0].product == GAS
    assert home.items[0].reason == "Popular right now"


def test_the_cart_gets_complements_and_never_substitutes() -> None:
    (cart,) = lists(ask("cart", TENT, k=50), explain=True)
    assert products(cart)[0] in (STOVE, GAS)
    assert DOME not in products(cart)
    assert set(products(cart)) == SOLD - {TENT, DOME}
    assert cart.items[0].reason == "Goes with Tent in your cart"
    assert cart.items[0].evidence == {"product_id": "Tent"}
    reasons = {each.product: each.why for each in cart.withheld}
    assert reasons[TENT] == "anchor"


def test_of_one_category_is_a_complement_what_people_clearly_buy_both_of() -> None:
    pairs = Timelines.of([(f"c{i}", timeline([(i, [0, 1])])) for i in range(20)])
    alone = Timelines.of([(f"c{i}", timeline([(i, [2]), (i + 1, [3])])) for i in range(200)])
    everyone = Timelines.of(
        [(f"a{i}", pairs.customer(i)) for i in range(20)]
        + [(f"b{i}", alone.customer(i)) for i in range(200)]
    )
    catalog = catalog_of(4, category="Cups")
    reference = Reference.as_of(everyone, catalog, NOW + day(300))
    model = NextProductModel([Neighbours(threads=1), Popular()], threads=1)
    model.fit(everyone, catalog, [], day(300), 30)
    query = Query([Ask(placements()["cart"], 4, [0])])
    (cart,) = page(model, Timeline.empty(), day(300), query, catalog=catalog, reference=reference)
    assert products(cart) == [1]


def test_what_is_described_alike_is_a_substitute_also_without_categories() -> None:
    told = ["oak dining chair", "oak dining chair", "beeswax furniture polish", "blue cup"]
    catalog = Catalog.of(Product(ProductId(f"p{i}"), title=title) for i, title in enumerate(told))
    buyers = Timelines.of([(f"c{i}", timeline([(i, [0, 2])])) for i in range(20)])
    model = NextProductModel([Neighbours(threads=1), Content(threads=1), Popular()], threads=1)
    model.fit(buyers, catalog, [], NOW, 30)
    facts = Reference.as_of(buyers, catalog, NOW)
    replaced = replacing([0], catalog, facts, model.refills_, model.generators)
    assert replaced.tolist() == [False, True, False, False]


def test_the_cart_is_read_from_the_events_when_the_caller_does_not_know() -> None:
    added = np.array(
        [(day(99.9), day(99.9), 100.0, 1.0, np.nan, TENT, schema().code("Product Added"), 1)], ROW
    )
    (cart, home) = lists(ask("cart", k=2), ask("home"), customer=Timeline.of(added))
    assert set(products(cart)) == {STOVE, GAS}
    assert TENT not in products(home)


def test_a_products_page_has_what_is_like_it_and_what_goes_with_it_each_once() -> None:
    together, similar = lists(
        ask("product_bought_together", TENT, k=2), ask("product_similar", TENT, k=3)
    )
    assert set(products(together)) == {STOVE, GAS}
    assert together.items[0].reason == "Often bought with Tent"
    assert products(similar)[0] == DOME
    assert not set(products(together)) & set(products(similar))


def test_after_an_order_comes_what_goes_with_it() -> None:
    ordered = timeline([(99.9, [TENT])])
    (after,) = lists(ask("order_confirmation", k=2), customer=ordered)
    assert set(products(after)) == {STOVE, GAS}
    assert after.items[0].reason == "Goes with Tent, which you ordered"


def test_search_orders_exactly_what_it_is_given() -> None:
    given = [MUG, TENT, SHIRT_L, SHIRT_M, STOVE, TENT]
    (results,) = lists(ask("search", *given), customer=CAMPER)
    assert sorted(products(results)) == sorted(set(given))
    (results,) = lists(ask("search", MUG, GAS), customer=CAMPER)
    assert products(results) == [GAS, MUG]
    assert products(lists(ask("search", MUG, GAS))[0]) == [MUG, GAS]
    assert products(lists(ask("search"))[0]) == []
    assert products(lists(ask("search", SHIRT_L, SHIRT_M, MUG, size="M"))[0]) == [SHIRT_M]


def test_the_associate_sees_what_was_bought_and_not_what_was_given_back() -> None:
    refund = np.array(
        [(day(30), day(30), 0.0, 1.0, 0.0, TENT, schema().code("Refund Line"), 1)], ROW
    )
    (talk,) = lists(ask("associate"), customer=CAMPER.appended(refund))
    assert STOVE in products(talk)
    assert TENT not in products(talk)


def test_several_placements_show_no_product_twice_and_keep_their_pins() -> None:
    pinned = Rule(
        name="mugs", action="pin", products=("Mug",), position=1, placements=("associate",)
    )
    home, talk = lists(ask("home", k=5), ask("associate", k=5), rules=[pinned])
    assert products(talk)[0] == MUG
    assert talk.items[0].rule == "mugs"
    assert sorted(products(home) + products(talk)) == sorted(SOLD)


def test_variants_collapse_unless_asked_and_then_the_own_size_is_listed() -> None:
    assert SHIRT in products(lists(ask("home"))[0])
    medium = Timeline.of(timeline([(10, [SHIRT_M]), (30, [SHIRT_M])]).rows())
    (home,) = lists(ask("home"), customer=medium, variants=True)
    assert SHIRT_M in products(home)
    assert SHIRT not in products(home)
    assert SHIRT_L in products(lists(ask("home"), variants=True)[0])  # the cheapest
    (only_m,) = lists(ask("home", size="M"), variants=True)
    assert products(only_m) == [SHIRT_M]
    gone = camping().changed(
        [
            Product(
                ProductId("Shirt L"),
                category="Clothes",
                price=19,
                parent_id="Shirt",
                attributes={"size": "L"},
                available=False,
            )
        ]
    )
    assert SHIRT_M in products(lists(ask("home"), variants=True, catalog=gone)[0])


def test_age_and_filters_and_exclusions_hold_in_every_list() -> None:
    (home,) = lists(ask("home"), age=20)
    assert WINE in products(home)
    (garden,) = lists(ask("home", category="Camp", price={"max": 50}), exclude=[GAS])
    assert set(products(garden)) == {STOVE, LANTERN}


def test_value_ranks_by_what_the_shop_keeps() -> None:
    value = placements()["home"].model_copy(update={"rank_by": "value", "diversity": 1.0})
    query = Ask(value, 3, (), Filters.of({"category": ["Kitchen", "Camp > Stoves"]}))
    (home,) = lists(query)
    assert products(home) == [STOVE, BOWL, MUG]  # the bowl's margin is its own


def test_new_products_get_places_with_a_probability_and_the_seed_repeats_them() -> None:
    exploring = placements()["home"].model_copy(update={"exploration": 0.5})
    shown = 0
    for seed in range(40):
        (home,) = lists(Ask(exploring, 2), customer=CAMPER, seed=f"rec_{seed}")
        again = lists(Ask(exploring, 2), customer=CAMPER, seed=f"rec_{seed}")[0]
        assert again == home
        for item in home.items:
            if item.product == LANTERN:
                shown += 1
                assert item.propensity == 0.5
                assert item.reason == "New in our range"
    assert 20 < shown < 40  # 1 − 0.5² of the lists
    assert LANTERN not in products(lists(Ask(exploring, 2), customer=CAMPER)[0])


def test_rules_are_followed_for_a_time_and_what_must_not_be_shown_is_shown_by_none() -> None:
    rules = [
        Rule(name="bowls", action="pin", products=("Bowl",), position=1),
        Rule(name="no-mugs", action="exclude", products=("Mug",)),
        Rule(name="had", action="pin", products=("Tent",), position=2),
        Rule(
            name="over",
            action="pin",
            products=("Dome",),
            position=3,
            ends_at=datetime(2000, 1, 1, tzinfo=UTC),
        ),
    ]
    check(rules, camping())
    (home,) = lists(ask("home"), customer=CAMPER, rules=rules, explain=True)
    assert products(home)[0] == BOWL
    assert home.items[0].rule == "bowls"
    assert not {MUG, TENT} & set(products(home))
    why = {each.product: (each.why, each.rule) for each in home.withheld}
    assert why[MUG] == ("rule", "no-mugs")
    assert why[TENT] == ("bought", None)


def test_contradictory_rules_that_come_all_the_same_have_a_precedence() -> None:
    rules = [
        Rule(name="b", action="pin", products=("Mug",), position=1),
        Rule(name="a", action="pin", products=("Bowl",), position=1),
        Rule(name="c", action="exclude", products=("Bowl",)),
    ]
    assert products(lists(ask("home", k=3), rules=rules)[0])[0] == MUG


def test_explained_items_have_the_rankers_row_and_value(small_bundle: Bundle) -> None:
    model = small_bundle.next_product
    assert model is not None
    query = Query([ask("home", k=PRODUCTS)], explain=True)
    customer = timeline([(300, [0, 3, 6]), (310, [0, 9]), (320, [0, 12])])
    (home,) = page(
        model,
        customer,
        CUTOFF,
        query,
        catalog=small_bundle.catalog,
        reference=small_bundle.reference,
    )
    judged = [item for item in home.items if item.probability is not None]
    assert len(judged) >= 20
    for item in judged:
        assert item.probability is not None
        assert item.value == pytest.approx(item.probability * 0.3 * 10.0)
        assert home.features[item.product].keys() == set(model.columns)
    assert home.features[0]["pair_times_bought"] == 3


PRODUCT = st.integers(0, 10)
ACTIONS = {
    "pin": {"position": 2},
    "promote": {"share": 0.3},
    "boost": {},
    "bury": {},
    "exclude": {},
}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["home", "product_similar", "cart", "email", "associate"]),
            st.lists(PRODUCT, max_size=2),
            st.integers(0, 12),
        ),
        max_size=3,
    ),
    st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), PRODUCT), max_size=4),
    st.lists(PRODUCT, max_size=3),
    st.sampled_from([CAMPER, Timeline.empty()]),
    st.sampled_from(["", "rec_1", "rec_2"]),
)
def test_a_page_is_full_has_nothing_twice_and_nothing_that_must_not_be_shown(
    wanted: list[tuple[str, list[int], int]],
    ruled: list[tuple[str, int]],
    exclude: list[int],
    customer: Timeline,
    seed: str,
) -> None:
    model, catalog, reference = shop()
    rules = [
        Rule(name=f"r{i}", action=action, products=(catalog.ids[product],), **ACTIONS[action])  # type: ignore[arg-type]
        for i, (action, product) in enumerate(ruled)
    ]
    asks = [ask(name, *anchors, k=k) for name, anchors, k in wanted]
    query = Query(asks, rules=rules, exclude=exclude, seed=seed)
    visit = Visit(model, customer, NOW, query, catalog, reference)
    found = page(model, customer, NOW, query, catalog=catalog, reference=reference)
    everything = [product for shelf in found for product in products(shelf)]
    assert len(everything) == len(set(everything))
    for place, (one, shelf) in enumerate(zip(asks, found, strict=True)):
        may = draft(visit, one).may
        assert may.of_these(np.array(products(shelf), np.int32)).all()
        before = {product for earlier in found[:place] for product in products(earlier)}
        later = {p for other in asks[place + 1 :] for p in draft(visit, other).pinned}
        could = set(np.flatnonzero(may.of_these(np.arange(len(catalog), dtype=np.int32))).tolist())
        assert len(shelf.items) <= min(one.k or 0, len(could - before))
        assert len(shelf.items) >= min(one.k or 0, len(could - before - later))


EMPTY = Catalog.empty()


@pytest.mark.parametrize("k", [0, 1, 10_000])
@pytest.mark.parametrize("catalog", [EMPTY, catalog_of(1), catalog_of(2_000)], ids=len)
def test_every_k_and_every_size_of_catalogue_gives_what_there_is(k: int, catalog: Catalog) -> None:
    model = NextProductModel()
    plain: Sequence[Placement] = [placements()[name] for name in ("home", "email", "cart")]
    for placement in plain:
        (found,) = page(
            model,
            Timeline.empty(),
            NOW,
            Query([Ask(placement, k)], seed="s"),
            catalog=catalog,
            reference=Reference.empty(catalog),
        )
        assert sorted(products(found))[: len(catalog)] == sorted(set(products(found)))
        assert len(found.items) == min(k, len(catalog))


def test_wrong_wishes_are_named() -> None:
    with pytest.raises(InputError, match="k = -1"):
        lists(ask("home", k=-1))
    with pytest.raises(InputError, match="no field 'colour'"):
        lists(ask("home", colour="red"))
    with pytest.raises(InputError, match="anchor 99: the catalogue has products 0 to 10"):
        lists(ask("product_similar", 99))


def test_duplicate_anchors_and_exclusions_count_once() -> None:
    once = lists(ask("cart", TENT), exclude=[GAS])
    assert lists(ask("cart", TENT, TENT), exclude=[GAS, GAS, 99]) == once


def test_a_customer_with_50000_orders_gets_an_answer_soon() -> None:
    at = np.sort(np.random.default_rng(1).integers(day(0), NOW, 50_000))
    rows = np.zeros(100_000, ROW)
    rows["at"] = rows["known_at"] = np.repeat(at, 2)
    rows["type"] = np.tile([schema().code("Order Completed"), schema().code("Order Line")], 50_000)
    rows["product"] = np.tile([-1, GAS], 50_000)
    rows["quantity"] = rows["value"] = rows["measure"] = 1
    customer = Timeline.of(rows)
    lists(ask("home"), customer=CAMPER)
    began = time.perf_counter()
    (home,) = lists(ask("home"), customer=customer)
    assert len(home.items) == len(SOLD) - (GAS not in products(home))
    assert time.perf_counter() - began < 5


def test_the_batch_withholds_what_one_does(small_bundle: Bundle) -> None:
    model = small_bundle.next_product
    assert model is not None
    life = timeline([(100, [0, 3, 6]), (310, [0, 9])])
    dismissed = np.array(
        [(day(320), day(320), 0, 1, 0, 0, schema().code("Recommendation Dismissed"), 1)], ROW
    )
    timelines = Timelines.of([("a", life), ("b", life.appended(dismissed))])
    ranked = model.rank(
        timelines,
        np.array([0, 1]),
        CUTOFF,
        PRODUCTS,
        catalog=small_bundle.catalog,
        reference=small_bundle.reference,
    )
    assert 0 in ranked[0]
    assert 0 not in ranked[1]


def test_lists_after_the_first_are_those_that_are_asked_for_alone(small_bundle: Bundle) -> None:
    """Though what was judged for the first is not judged again."""
    model = small_bundle.next_product
    assert model is not None
    customer = timeline([(300, [0, 3, 6]), (310, [0, 9]), (320, [0, 12])])
    facts = {"catalog": small_bundle.catalog, "reference": small_bundle.reference}

    def told(*asks: Ask, exclude: Sequence[int] = ()) -> list[list[tuple[int, float, str]]]:
        found = page(model, customer, CUTOFF, Query(asks, exclude=exclude), **facts)
        return [[(i.product, round(i.score, 9), i.reason) for i in shelf.items] for shelf in found]

    few, similar, last = ask("home", k=2), ask("product_similar", 15, k=3), ask("associate", k=4)
    first, second, third = told(few, similar, last)
    taken = [product for product, *_ in first]
    assert told(similar, exclude=taken) == [second]
    taken += [product for product, *_ in second]
    [alone] = told(last, exclude=taken)
    assert third == alone


def test_explaining_changes_nothing_of_the_lists(small_bundle: Bundle) -> None:
    """Of lists so short that what must not be shown would leave no room for what may."""
    model = copy(small_bundle.next_product)
    assert model is not None
    model.candidates = 8
    customer = timeline([(300, [3, 6]), (329.9, [0])])
    asks = ask("home", k=1), ask("email", k=12)
    told = []
    for explain in (False, True):
        found = page(
            model,
            customer,
            CUTOFF,
            Query(asks, explain=explain),
            catalog=small_bundle.catalog,
            reference=small_bundle.reference,
        )
        told.append([[(item.product, item.score) for item in shelf.items] for shelf in found])
    assert told[0] == told[1]
