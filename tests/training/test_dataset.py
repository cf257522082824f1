import numpy as np
import pytest

from features.compute import vector
from features.definitions import FEATURES
from features.errors import NotEnoughDataError
from features.reference import Reference
from features.timeline import Timelines
from tests.models.shop import catalog, day, seeded_shop, timeline
from training.dataset import Orders, churn_rows, periods

COLUMN = {feature.name: i for i, feature in enumerate(FEATURES)}


def instants(*days: float) -> np.ndarray:  # type: ignore[type-arg]
    return np.array([day(number) for number in days], np.int64)


SHOP = Timelines.of(
    [
        ("stays", timeline([(10, [0]), (45, [1, 2]), (75, [0])])),
        ("leaves", timeline([(20, [1])])),
        ("comes late", timeline([(60, [2])])),
        ("anonymous:x", timeline([(15, [0])])),
    ],
    known=[True, True, True, False],
)


def named(places: np.ndarray) -> list[str]:  # type: ignore[type-arg]
    return SHOP.ids(places)


def test_known_customers_with_an_order_before_the_instant_are_eligible() -> None:
    orders = Orders.of(SHOP)
    assert named(orders.eligible(day(40))) == ["leaves", "stays"]
    assert named(orders.eligible(day(61))) == ["comes late", "leaves", "stays"]
    assert named(orders.eligible(day(10))) == []


def test_an_order_that_arrived_late_makes_nobody_eligible() -> None:
    rows = timeline([(10, [0])]).rows()
    rows["known_at"] = day(50)
    late = Timelines.of([("a", type(SHOP.rows).of(rows))])
    assert len(Orders.of(late).eligible(day(40))) == 0
    assert len(Orders.of(late).eligible(day(51))) == 1


def test_an_order_that_arrives_after_the_cutoff_is_no_label_yet() -> None:
    rows = timeline([(10, [0]), (60, [1])]).rows()
    rows["known_at"][rows["at"] == day(60)] = day(120)
    late = Timelines.of([("a", type(SHOP.rows).of(rows))])
    assert churn_rows(late, catalog(3), instants(40), 30, known_by=day(100)).y.tolist() == [True]
    assert churn_rows(late, catalog(3), instants(40), 30).y.tolist() == [False]
    assert not len(next(periods(late, catalog(3), instants(40), 30, known_by=day(100))).customers)
    assert len(next(periods(late, catalog(3), instants(40), 30)).customers) == 1


def test_churned_means_no_order_within_the_horizon() -> None:
    rows = churn_rows(SHOP, catalog(3), instants(40), 30)
    assert dict(zip(named(rows.customer), rows.y.tolist(), strict=True)) == {
        "leaves": True,
        "stays": False,
    }


def test_the_horizon_begins_with_its_instant_and_ends_before_its_end() -> None:
    def left(now: float, horizon: int) -> bool:
        rows = churn_rows(SHOP, catalog(3), instants(now), horizon)
        return bool(rows.y[named(rows.customer).index("stays")])

    assert not left(45, 10)
    assert left(46, 29)
    assert not left(46, 30)


def test_rows_hold_the_features_of_their_instant() -> None:
    rows = churn_rows(SHOP, catalog(3), instants(40, 80), 30)
    assert rows.at.tolist() == [day(40)] * 2 + [day(80)] * 3
    for i, (place, at) in enumerate(zip(rows.customer, rows.at, strict=True)):
        facts = Reference.as_of(SHOP, catalog(3), int(at))
        alone = vector(SHOP.customer(int(place)), int(at), catalog(3), facts)
        np.testing.assert_array_equal(rows.X[i], alone)
    orders = rows.X[:, COLUMN["purchase_orders_life"]]
    assert orders[[named(rows.customer).index("stays"), -1]].tolist() == [1, 3]


def test_nothing_after_an_instant_changes_its_rows() -> None:
    until = Timelines.of(
        [(name, SHOP.customer(i).until(day(40))) for i, name in enumerate(SHOP.ids())],
        known=SHOP.known.tolist(),
    )
    known, full = (churn_rows(t, catalog(3), instants(40), 30) for t in (until, SHOP))
    np.testing.assert_array_equal(known.X, full.X)


def test_nobody_eligible_is_an_error_with_the_instants() -> None:
    with pytest.raises(NotEnoughDataError, match="no known customer"):
        churn_rows(SHOP, catalog(3), instants(5), 30)


def test_a_period_holds_who_came_back_and_what_they_bought() -> None:
    (found,) = periods(SHOP, catalog(3), instants(40), 30)
    assert named(found.customers) == ["stays"]
    assert found.products.tolist() == [1, 2]
    assert found.offsets.tolist() == [0, 2]
    assert found.reference.product_buyers.tolist() == [2, 1, 0]


def test_customers_of_a_period_are_drawn_by_the_seed() -> None:
    shop = seeded_shop(customers=60)

    def drawn(seed: int) -> list[int]:
        (found,) = periods(shop, catalog(30), instants(200), 30, customers=10, seed=seed)
        return [int(c) for c in found.customers]

    assert len(drawn(0)) == 10
    assert drawn(0) == drawn(0) != drawn(1)
