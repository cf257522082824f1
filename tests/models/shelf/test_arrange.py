from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.events.schema import schema
from features.timeline import ROW, Timeline
from models.next_product.placements import Placement
from models.next_product.shelf import Filters, Rule
from models.next_product.shelf.arrange import Placed, Pool, arrange
from models.next_product.shelf.diversity import Kinds, mmr, similarity
from models.next_product.shelf.exploration import draws, new_products, weights
from models.next_product.shelf.rotation import seen
from tests.models.shop import day

N = 12
CATEGORIES = ["Garden > Pots", "Garden > Tools", "Kitchen"]


def shop() -> Catalog:
    return Catalog.of(
        Product(
            ProductId(f"p{i}"),
            category=CATEGORIES[i % 3],
            brand="Leaf" if i % 2 else "Clay",
            first_seen_at=day(i),
        )
        for i in range(N)
    )


SHOP = shop()
PLAIN = Placement(name="plain", title="Plain", diversity=1.0, exploration=0.0)


def pool(*scores: float, fill: Sequence[int] = (), new: Sequence[int] = ()) -> Pool:
    """Products 0, 1, … with these scores, then what fills up; some of them are new."""
    products = np.array([*range(len(scores)), *fill], np.int32)
    chance = np.isin(products, new) / max(len(new), 1)
    return Pool(products, np.array(scores, np.float64), chance)


def listed(found: list[Placed]) -> list[int]:
    return [each.product for each in found]


def rule(action: str, *products: int, **fields: object) -> Rule:
    named = tuple(f"p{i}" for i in products)
    return Rule(name=str(fields.pop("name", action)), action=action, products=named, **fields)  # type: ignore[arg-type]


def test_without_rules_the_ranking_stays_and_what_fills_up_comes_last() -> None:
    found = arrange(pool(1, 3, 2, fill=[7, 5]), 10, PLAIN, SHOP)
    assert listed(found) == [1, 2, 0, 7, 5]
    assert [each.score for each in found] == [3, 2, 1, 0, 0]
    assert {each.propensity for each in found} == {1.0}
    assert arrange(pool(1, 3, 2), 0, PLAIN, SHOP) == []
    assert arrange(pool(), 5, PLAIN, SHOP) == []


def test_boosts_and_buries_multiply_and_are_told() -> None:
    rules = [rule("boost", 0, strength=3), rule("bury", 1, 0, strength=2, name="sink")]
    found = arrange(pool(2, 3, 1), 3, PLAIN, SHOP, rules=rules)
    assert [(each.product, each.score) for each in found] == [(0, 3.0), (1, 1.5), (2, 1.0)]
    assert [each.rule for each in found] == ["boost", "sink", None]
    assert found[0].parts == {"relevance": 2.0, "rules": 1.5, "rotation": 1.0}


def test_a_pin_stands_at_its_position_also_when_nobody_ranked_it() -> None:
    pins = [rule("pin", 9, position=2), rule("pin", 0, position=9, name="far")]
    found = arrange(pool(5, 4, 3, 2, fill=[9]), 3, PLAIN, SHOP, rules=pins)
    assert listed(found) == [0, 9, 1]
    assert [each.rule for each in found] == [None, "pin", None]


def test_of_several_products_the_best_ranked_is_pinned() -> None:
    brand = Rule(name="leaf", action="pin", match=Filters.of({"brand": "Leaf"}), position=1)
    assert listed(arrange(pool(5, 1, 3, 2), 2, PLAIN, SHOP, rules=[brand])) == [3, 0]


def test_of_two_pins_at_one_position_the_first_by_name_counts() -> None:
    pins = [rule("pin", 3, position=1, name="b"), rule("pin", 2, position=1, name="a")]
    assert listed(arrange(pool(5, 4, 3, 2), 3, PLAIN, SHOP, rules=pins)) == [2, 0, 1]


def test_a_promoted_share_is_spread_over_the_list() -> None:
    promoted = rule("promote", 8, 9, 10, 11, share=0.4)
    candidates = pool(*range(8, 0, -1), fill=[8, 9, 10, 11])
    found = arrange(candidates, 10, PLAIN, SHOP, rules=[promoted])
    assert listed(found) == [0, 1, 8, 2, 9, 3, 4, 10, 5, 11]
    assert [each.rule for each in found].count("promote") == 4


def test_what_ranks_by_itself_counts_for_the_promoted_share() -> None:
    found = arrange(pool(5, 4, 3, 2), 4, PLAIN, SHOP, rules=[rule("promote", 0, 1, share=0.5)])
    assert listed(found) == [0, 1, 2, 3]
    assert {each.rule for each in found} == {None}


def test_diversity_mixes_categories_and_brands() -> None:
    mixed = PLAIN.model_copy(update={"diversity": 0.5})
    kitchen_next = arrange(pool(1, 0.2, 0.3, 0.9, 0.2, 0.5, 0.9), 3, mixed, SHOP)
    assert listed(kitchen_next)[:2] == [0, 5]  # neither a pot nor of Clay, as all else is in part


def test_products_are_alike_by_category_path_and_brand_or_by_content() -> None:
    every = np.arange(N, dtype=np.int32)
    kinds = Kinds.of(SHOP, every)
    assert similarity(kinds, 0, 6) == 1.0  # the same category and brand
    assert similarity(kinds, 0, 3) == 0.5  # the same category
    assert similarity(kinds, 0, 4) == 0.75  # half of the path, and the brand
    assert similarity(kinds, 0, 5) == 0.0
    vectors = np.eye(N, dtype=np.float32)
    vectors[1] = vectors[0]
    assert similarity(Kinds.of(SHOP, every, vectors), 0, 1) == 1.0
    assert similarity(Kinds.of(SHOP, every, vectors), 0, 6) == 0.0


SCORES = st.lists(st.floats(0.01, 1), min_size=1, max_size=N)


@settings(deadline=None)
@given(SCORES)
def test_mmr_by_relevance_alone_keeps_the_order(scores: list[float]) -> None:
    relevance = np.array(scores)
    kinds = Kinds.of(SHOP, np.arange(len(scores), dtype=np.int32))
    expected = np.argsort(-relevance, kind="stable")
    assert mmr(relevance, kinds, len(scores), 1.0).tolist() == expected.tolist()


@settings(deadline=None)
@given(SCORES, st.floats(0.05, 0.95), st.integers(0, N))
def test_mmr_takes_at_each_place_what_is_worth_most(
    scores: list[float], trade_off: float, k: int
) -> None:
    kinds = Kinds.of(SHOP, np.arange(len(scores), dtype=np.int32))
    chosen: list[int] = []
    for _ in range(min(k, len(scores))):
        worth = {
            i: trade_off * scores[i] / max(scores)
            - (1 - trade_off) * max((similarity(kinds, i, j) for j in chosen), default=0.0)
            for i in range(len(scores))
            if i not in chosen
        }
        chosen.append(max(worth, key=lambda i: (worth[i], -i)))
    assert mmr(np.array(scores), kinds, k, trade_off).tolist() == chosen


EXPLORING = PLAIN.model_copy(update={"exploration": 0.3})


def test_new_products_are_drawn_with_the_probability_that_is_told() -> None:
    candidates = pool(4, 3, 2, fill=[10, 11], new=[10, 11])
    times = 4_000
    first: dict[int, int] = {}
    told: dict[int, float] = {}
    for seed in range(times):
        one = arrange(candidates, 1, EXPLORING, SHOP, draws=draws(str(seed), "home", 1))[0]
        first[one.product] = first.get(one.product, 0) + 1
        told[one.product] = one.propensity
    assert told == pytest.approx({0: 0.7, 10: 0.15, 11: 0.15})
    for product, probability in told.items():
        assert first[product] / times == pytest.approx(probability, abs=0.03)


def test_a_product_that_is_new_and_next_is_shown_by_either_way() -> None:
    found = arrange(pool(4, 3, new=[0, 1]), 2, EXPLORING, SHOP, draws=np.ones((2, 2)))
    assert [each.propensity for each in found] == pytest.approx([0.7 + 0.3 / 2, 1.0])


@settings(max_examples=30, deadline=None)
@given(
    SCORES,
    st.sets(st.integers(0, N - 1), max_size=4),
    st.integers(1, N),
    st.integers(0, 10_000),
)
def test_the_probabilities_of_all_that_could_stand_at_a_place_sum_to_1(
    scores: list[float], new: set[int], k: int, seed: int
) -> None:
    """Walks the list that came out, and asks at each place for every other draw."""
    fill = list(range(len(scores), N))
    candidates = pool(*scores, fill=fill, new=sorted(new))
    random = draws(str(seed), "home", k)
    found = arrange(candidates, k, EXPLORING, SHOP, draws=random)
    assert [each.propensity for each in found] == [
        each.propensity for each in arrange(candidates, k, EXPLORING, SHOP, draws=random)
    ]
    place = len(found) - 1
    possible: dict[int, float] = {}
    for u in (0.99, *((0.0, v) for v in np.linspace(0.001, 0.999, 60))):
        tried = random.copy()
        tried[place] = (u, 0.0) if isinstance(u, float) else u
        other = arrange(candidates, k, EXPLORING, SHOP, draws=tried)
        assert listed(other)[:place] == listed(found)[:place]
        possible[other[place].product] = other[place].propensity
    assert sum(possible.values()) == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(
    SCORES,
    st.integers(0, 2 * N),
    st.lists(st.tuples(st.integers(0, N - 1), st.integers(1, N)), max_size=4),
    st.floats(0.01, 1),
    st.floats(0.1, 1),
    st.integers(0, 99),
)
def test_a_list_is_full_holds_nothing_twice_and_has_its_pins(
    scores: list[float],
    k: int,
    pinned: list[tuple[int, int]],
    share: float,
    trade_off: float,
    seed: int,
) -> None:
    fill = list(range(len(scores), N))[:3]
    candidates = pool(*scores, fill=fill, new=fill[:2])
    rules = [
        rule("pin", product, position=position, name=f"pin{i}")
        for i, (product, position) in enumerate(
            {position: (product, position) for product, position in pinned}.values()
        )
    ]
    promoted = rule("promote", 0, 1, 2, share=share)
    placement = EXPLORING.model_copy(update={"diversity": trade_off})
    found = arrange(
        candidates, k, placement, SHOP, rules=[*rules, promoted], draws=draws(str(seed), "x", k)
    )
    products = listed(found)
    assert len(products) == len(set(products)) == min(k, len(candidates))
    assert set(products) <= set(candidates.products.tolist())
    done: set[int] = set()
    for each in rules:  # by name, as they count
        product, position = int(each.products[0][1:]), each.position or 0
        if product in candidates.products and position <= len(products) and product not in done:
            assert products[position - 1] == product
            done.add(product)
    there = sum(product in (0, 1, 2) for product in products)
    could = sum(product in (0, 1, 2) for product in candidates.products.tolist())
    held_up = len(rules)  # places that pins take, which promotion may not
    assert there >= min(could, int(share * len(products) + 1e-9)) - held_up


def test_new_are_products_first_seen_lately_that_few_have_bought() -> None:
    buyers = np.zeros(N, np.int32)
    buyers[11] = 100
    may = np.ones(N, np.bool_)
    may[10] = False
    assert new_products(SHOP, buyers, may, day(97)).tolist() == [9, 8]
    old = Catalog.of([Product(ProductId("p"))])  # nobody knows since when
    assert new_products(old, np.zeros(1, np.int32), np.ones(1, np.bool_), day(5)).tolist() == []


def test_weights_follow_what_is_thought_and_leave_none_out() -> None:
    assert weights(np.zeros(4, np.float32)).tolist() == [0.25] * 4
    drawn = weights(np.array([0.0, 2.0], np.float32))
    assert drawn[1] / drawn[0] == pytest.approx(np.e)
    assert drawn.sum() == pytest.approx(1.0)


def test_draws_depend_on_the_seed_and_the_placement_alone() -> None:
    assert draws("rec_1", "home", 5).tolist() == draws("rec_1", "home", 5).tolist()
    assert draws("rec_1", "home", 5).tolist() != draws("rec_2", "home", 5).tolist()
    assert draws("rec_1", "home", 5).tolist() != draws("rec_1", "cart", 5).tolist()


def shown(*times: tuple[str, float, int]) -> Timeline:
    rows = [
        (day(at), day(at), 0.0, 1.0, np.nan, product, schema().code(name), 1)
        for name, at, product in times
    ]
    return Timeline.of(np.array(rows, ROW))


def test_what_was_shown_lately_and_not_clicked_sinks() -> None:
    life = shown(
        ("Recommendation Shown", 3, 0),
        ("Recommendation Shown", 10, 0),
        ("Recommendation Shown", 10, 1),
        ("Recommendation Clicked", 10.1, 1),
        ("Recommendation Shown", 12, 2),  # not before the instant
    )
    products, factors = seen(life, day(10) + 1, 7, SHOP)
    assert products.tolist() == [0, 1]
    assert factors == pytest.approx([1 / 2.5, 1 / 2], rel=1e-6)
    products, factors = seen(life, day(11), 7, SHOP)
    assert products.tolist() == [0]
    assert seen(life, day(11), 0, SHOP)[0].tolist() == []
    found = arrange(pool(3, 2, 1), 3, PLAIN, SHOP, seen=(products, factors))
    assert listed(found) == [1, 0, 2]
