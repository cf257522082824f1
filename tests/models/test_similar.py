"""Similar customers, with shops in which one can see who is like whom."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.events.erasures import HASH_BYTES, Erased, Marks
from features.timeline import Timelines
from models.next_product import Similar
from models.next_product.history import Histories
from tests.models.shop import Baskets, catalog, day, scores, timeline

NOW = day(100)
KEY = "key"


def histories(*people: Baskets, products: int = 10, marked: bool = False) -> Histories:
    shop = Timelines.of([(f"c{i:03d}", timeline(baskets)) for i, baskets in enumerate(people)])
    if marked:
        shop = Timelines(
            shop.customers, shop.known, shop.offsets, shop.rows, marks=Marks(HASHES, KEY)
        )
    everyone = np.arange(len(shop))
    return Histories.of(shop, everyone, np.full(len(shop), NOW), catalog(products))


TEA: Baskets = [(1, [0, 1]), (20, [0, 2])]
LATELY_TEA: Baskets = [(2, [0, 1]), (30, [0, 3])]
COFFEE: Baskets = [(3, [5, 6]), (40, [5, 7])]
HASHES = np.arange(3 * HASH_BYTES, dtype=np.uint8).reshape(3, HASH_BYTES)


def asked(model: Similar, baskets: Baskets) -> np.ndarray:  # type: ignore[type-arg]
    return scores(model, histories(baskets))[0]


def test_what_people_with_the_same_baskets_buy_is_proposed() -> None:
    model = Similar().fit(histories(TEA, LATELY_TEA, COFFEE))
    found = asked(model, [(50, [0, 1])])
    assert found[2] > 0
    assert found[3] > 0
    assert not found[5:8].any()


def test_the_score_is_the_mean_of_what_the_nearest_bought_the_latest_basket_counting_most() -> None:
    model = Similar(latest=0.5).fit(histories(TEA, COFFEE))
    assert asked(model, [(50, [1])]) == pytest.approx([1.5, 0.5, 1, 0, 0, 0, 0, 0, 0, 0])


def test_nobody_is_their_own_neighbour_not_even_after_another_order() -> None:
    shop = histories(TEA, LATELY_TEA, COFFEE)
    model = Similar().fit(shop)
    assert scores(model, shop)[2].tolist() == [0] * 10
    later: Baskets = [*COFFEE, (50, [8])]
    assert asked(model, later).tolist() == [0] * 10


def test_only_so_many_of_the_latest_buyers_are_kept() -> None:
    model = Similar(customers=1).fit(histories(TEA, LATELY_TEA, COFFEE))
    assert asked(model, [(50, [5])])[7] > 0
    assert not asked(model, [(50, [0])]).any()


def test_a_product_leads_to_so_many_of_its_latest_buyers() -> None:
    model = Similar(buyers=1).fit(histories(TEA, LATELY_TEA))
    found = asked(model, [(50, [0])])
    assert found[3] > 0
    assert found[2] == 0


def test_rare_products_tell_more_than_what_everybody_buys() -> None:
    common: list[Baskets] = [[(float(d), [0, 1])] for d in range(8)]
    model = Similar(neighbours=1).fit(histories(*common, [(9, [0, 2, 3])]))
    assert asked(model, [(50, [0, 2])])[3] > 0


def test_of_equally_near_customers_the_latest_buyer_speaks() -> None:
    model = Similar(neighbours=1).fit(histories([(1, [0, 1])], [(2, [0, 2])]))
    assert np.flatnonzero(asked(model, [(50, [0])])).tolist() == [0, 2]


def erased(*people: int, until: int = NOW, key: str = KEY) -> Erased:
    return Erased({HASHES[person].tobytes(): until for person in people}, key)


def test_erased_people_say_nothing_at_once_and_after_loading(tmp_path: Path) -> None:
    model = Similar().fit(histories(TEA, LATELY_TEA, COFFEE, marked=True))
    model.save(tmp_path)
    for kind in (model, Similar.load(tmp_path)):
        kind.mask(erased(1))
        found = asked(kind, [(50, [0, 1])])
        assert found[2] > 0
        assert found[3] == 0
        kind.mask(erased())
        assert asked(kind, [(50, [0, 1])])[3] > 0


def test_who_came_back_after_an_erasure_counts_and_a_foreign_key_hides_all() -> None:
    model = Similar().fit(histories(TEA, LATELY_TEA, COFFEE, marked=True))
    model.mask(erased(1, until=day(1)))
    assert asked(model, [(50, [0])])[3] > 0
    model.mask(erased(1, key="another"))
    assert not asked(model, [(50, [0])]).any()


people = st.lists(
    st.lists(
        st.tuples(st.integers(0, 60), st.lists(st.integers(0, 7), min_size=1, max_size=4)),
        max_size=5,
    ),
    min_size=1,
    max_size=8,
)


@given(people, people)
@settings(max_examples=30, deadline=None)
def test_it_equals_the_mean_written_out(shop: list[Baskets], customers: list[Baskets]) -> None:
    learnt, asking = histories(*shop), histories(*customers)
    model = Similar(neighbours=3).fit(learnt)
    expected = [written_out(shop, customer) for customer in customers]
    np.testing.assert_allclose(scores(model, asking), expected, rtol=1e-4, atol=1e-5)


def counts(baskets: Baskets, decay: float) -> np.ndarray:  # type: ignore[type-arg]
    """Each product once per basket, `decay` for each basket after it."""
    out = np.zeros(10)
    instants = sorted({when for when, _ in baskets})
    for back, when in enumerate(reversed(instants)):
        held = {p for at, products in baskets if at == when for p in products}
        out[list(held)] += decay**back
    return out


def first(baskets: Baskets) -> tuple[float, list[int]]:
    begin = min(when for when, _ in baskets)
    return begin, sorted(p for when, products in baskets if when == begin for p in products)


def written_out(shop: list[Baskets], customer: Baskets) -> np.ndarray:  # type: ignore[type-arg]
    """What `Similar` computes, one customer against all."""
    kept = sorted((b for b in shop if b), key=lambda b: -max(when for when, _ in b))
    if not kept or not customer:
        return np.zeros(10)
    vectors = np.array([counts(b, 0.8) for b in kept])
    rarity = np.log((1 + len(kept)) / np.maximum((vectors > 0).sum(axis=0), 1))
    weighted = vectors * rarity
    norm = np.maximum(np.linalg.norm(weighted, axis=1), 1e-9)
    alike = (weighted / norm[:, None]) @ (counts(customer, 0.8) * rarity)
    alike[[first(b) == first(customer) for b in kept]] = 0
    nearest = np.argsort(-alike, kind="stable")[:3]
    nearest = nearest[alike[nearest] > 1e-9]
    if not len(nearest):
        return np.zeros(10)
    said = np.array([counts(kept[i], 0.6) for i in nearest])
    out: np.ndarray = alike[nearest] @ said / alike[nearest].sum()  # type: ignore[type-arg]
    return out
