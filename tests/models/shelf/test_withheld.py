from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.events.schema import schema
from features.timeline import ROW, Timeline, Timelines
from models.next_product.history import Histories
from models.next_product.shelf.may import May
from models.next_product.shelf.refills import Refills
from models.next_product.shelf.withheld import Personal, Why, first
from tests.models.shop import day, timeline

MILK, SOFA, LAMP, RUG = range(4)
NOW = day(100)


def furniture() -> Catalog:
    return Catalog.of(
        [
            Product(ProductId("milk"), category="Food"),
            Product(ProductId("sofa"), category="Home"),
            Product(ProductId("lamp"), category="Home"),
            Product(ProductId("rug"), category="Home"),
        ]
    )


@cache
def refills() -> Refills:
    """Two hundred customers buy milk every 10 days, and a sofa or a lamp once."""
    catalog = furniture()
    people = [
        (f"c{c}", timeline([(d, [MILK]) for d in range(0, 60, 10)] + [(70, [SOFA + c % 2])]))
        for c in range(200)
    ]
    timelines = Timelines.of(people)
    everyone = np.arange(len(people))
    instants = np.full(len(people), NOW, np.int64)
    return Refills().fit(Histories.of(timelines, everyone, instants, catalog), catalog)


def event(name: str, number: float, product: int = -1, value: float = 0.0, **at: float) -> Timeline:
    when = day(number)
    known = day(at.get("known", number))
    return Timeline.of(
        np.array([(when, known, value, 1.0, np.nan, product, schema().code(name), 1)], ROW)
    )


def together(*parts: Timeline) -> Timeline:
    return Timeline.of(np.concatenate([part.rows() for part in parts]))


def why(customer: Timeline, at: int = NOW) -> dict[int, set[Why]]:
    found = Personal.of_one(customer, at, furniture(), refills())
    return {
        int(p): {w for w in Why if reasons & (1 << w)}
        for p, reasons in zip(found.products, found.reasons, strict=True)
    }


def test_what_people_buy_again_is_a_refill_and_has_a_gap() -> None:
    learnt = refills()
    assert learnt.refill.tolist() == [True, False, False, False]
    assert learnt.rate_[MILK] == pytest.approx(1.0, abs=0.2)
    assert learnt.gap_days_[MILK] == 10
    assert np.isnan(learnt.gap_days_[SOFA])
    assert learnt.baskets_.tolist() == [1200, 100, 100, 0]
    assert learnt.n_baskets_ == 1400


def test_a_product_nobody_bought_is_as_its_category() -> None:
    catalog = furniture().followed_by(
        [Product(ProductId("eggs"), category="Food"), Product(ProductId("bed"), category="Home")]
    )
    assert refills().extended(catalog).refill[-2:].tolist() == [True, False]


def test_what_was_bought_is_not_shown_unless_it_is_a_refill_and_not_just_bought() -> None:
    customer = timeline([(99.9, [MILK]), (20, [SOFA])])
    assert why(customer) == {MILK: {Why.BOUGHT}, SOFA: {Why.BOUGHT}}
    assert why(customer, day(102)) == {SOFA: {Why.BOUGHT}}


def test_what_this_customer_bought_again_is_a_refill_for_them() -> None:
    assert why(timeline([(20, [SOFA]), (60, [SOFA])])) == {}
    assert why(timeline([(20, [SOFA]), (20.1, [SOFA])])) == {SOFA: {Why.BOUGHT}}  # on one day


def test_a_subscription_counts_until_it_is_cancelled() -> None:
    started = event("Subscription Started", 10, MILK)
    assert why(started) == {MILK: {Why.SUBSCRIBED}}
    assert why(together(started, event("Subscription Paused", 20, MILK))) == {
        MILK: {Why.SUBSCRIBED}
    }
    assert why(together(started, event("Subscription Cancelled", 20, MILK))) == {}
    assert why(together(started, event("Subscription Cancelled", 20, SOFA))) == {
        MILK: {Why.SUBSCRIBED}
    }


def test_what_was_given_back_is_not_shown_until_it_is_bought_again() -> None:
    returned = together(timeline([(10, [MILK])]), event("Refund Line", 15, MILK))
    assert why(returned) == {MILK: {Why.RETURNED}}
    assert why(together(returned, timeline([(30, [MILK])]))) == {}
    one_of_two = together(timeline([(10, [SOFA, SOFA])]), event("Refund Line", 15, SOFA))
    assert why(one_of_two) == {SOFA: {Why.BOUGHT}}


def test_a_cancelled_order_is_no_return_and_no_purchase() -> None:
    cancelled = together(
        timeline([(10, [SOFA])]),
        event("Order Cancelled", 11),
        event("Refund Line", 11, SOFA),
    )
    assert why(cancelled) == {}


def test_the_last_review_counts_by_its_scale() -> None:
    bad = event("Product Reviewed", 10, LAMP, value=2)
    assert why(bad) == {LAMP: {Why.RATED_BADLY}}
    assert why(event("Product Reviewed", 10, LAMP, value=3)) == {}
    assert why(together(bad, event("Product Reviewed", 11, LAMP, value=5))) == {}
    assert why(event("Product Reviewed", 10, LAMP, value=np.nan)) == {}


def test_what_was_dismissed_is_not_shown_until_it_is_bought() -> None:
    away = event("Recommendation Dismissed", 10, MILK)
    assert why(away) == {MILK: {Why.DISMISSED}}
    assert why(together(away, timeline([(30, [MILK])]))) == {}


def test_nothing_counts_before_it_happened_or_was_known() -> None:
    assert why(timeline([(101, [SOFA])])) == {}
    assert why(event("Product Reviewed", 10, LAMP, value=1, known=101)) == {}


def test_variants_count_as_their_parent() -> None:
    catalog = furniture().followed_by([Product(ProductId("sofa-red"), parent_id="sofa")])
    found = Personal.of_one(timeline([(20, [4])]), NOW, catalog, refills().extended(catalog))
    assert found.products.tolist() == [SOFA]


def test_of_several_reasons_the_gravest_is_given_and_a_placement_may_show_one() -> None:
    customer = together(
        timeline([(20, [SOFA]), (20, [LAMP])]), event("Product Reviewed", 30, SOFA, value=1)
    )
    found = Personal.of_one(customer, NOW, furniture(), refills())
    assert [first(int(r)) for r in found.reasons] == [Why.RATED_BADLY, Why.BOUGHT]
    assert found.without([Why.BOUGHT]).products.tolist() == [SOFA]


EVENTS = st.tuples(
    st.sampled_from(
        [
            "Order Line",
            "Refund Line",
            "Order Cancelled",
            "Subscription Started",
            "Subscription Cancelled",
            "Product Reviewed",
            "Recommendation Dismissed",
        ]
    ),
    st.integers(1, 120),
    st.integers(0, 3),
    st.integers(1, 5),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(EVENTS, max_size=12), min_size=1, max_size=4))
def test_many_customers_at_once_are_as_each_alone(
    everyone: list[list[tuple[str, int, int, int]]],
) -> None:
    catalog, learnt = furniture(), refills()
    lives = [
        together(
            Timeline.empty(),
            *(
                event(name, number, -1 if name == "Order Cancelled" else product, value)
                for name, number, product, value in life
            ),
        )
        for life in everyone
    ]
    timelines = Timelines.of([(f"c{i}", life) for i, life in enumerate(lives)])
    found = Personal.of_many(timelines, np.arange(len(lives)), NOW, catalog, learnt)
    for i, life in enumerate(lives):
        alone = Personal.of_one(life, NOW, catalog, learnt)
        part = slice(found.offsets[i], found.offsets[i + 1])
        assert found.products[part].tolist() == alone.products.tolist()
        assert found.reasons[part].tolist() == alone.reasons.tolist()


NOBODY = Personal(np.zeros(2, np.int64), np.empty(0, np.int32), np.empty(0, np.int32))


def limited() -> Catalog:
    return Catalog.of(
        [
            Product(ProductId("wine"), attributes={"min_age": 18}),
            Product(ProductId("test"), attributes={"sensitive": True}),
            Product(ProductId("cup")),
            Product(ProductId("gone"), available=False),
            Product(ProductId("later"), first_seen_at=day(200)),
        ]
    )


@pytest.mark.parametrize(
    ("age", "sensitive", "shown"),
    [
        (None, False, [2]),
        (17, False, [2]),
        (18, False, [0, 2]),
        (None, True, [1, 2]),
        (40, True, [0, 1, 2]),
    ],
)
def test_age_and_consent_limit_and_what_is_unknown_is_not_shown(
    age: float | None, sensitive: bool, shown: list[int]
) -> None:
    may = May.of(limited(), NOW, NOBODY, age=age, sensitive=sensitive)
    assert np.flatnonzero(may.everyone).tolist() == shown


def test_each_reason_is_told() -> None:
    may = May.of(limited(), NOW, NOBODY, exclude=[2])
    told = [may.why(product) for product in range(5)]
    assert [t.why for t in told if t] == [
        "age",
        "consent",
        "excluded",
        "unavailable",
        "unavailable",
    ]
    assert May.of(limited(), NOW, NOBODY).why(2) is None
