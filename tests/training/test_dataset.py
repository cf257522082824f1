import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.compute import vector
from features.consents import PERSONALISATION, PROFILING
from features.consents.permit import Permit
from features.definitions import FEATURES
from features.errors import NotEnoughDataError
from features.reference import Reference
from features.timeline import FOREVER, Timelines
from models.next_product import NextProductModel
from tests.models.shop import catalog, day, seeded_shop, timeline
from tests.models.trained import CUTOFF, trained
from tests.models.trained import shop as trained_shop
from training.dataset import Orders, churn_rows, periods, value_labels
from training.score import score

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


def test_orders_of_one_day_are_one_and_all_their_values_count() -> None:
    shop = Timelines.of(
        [
            ("twice a day", timeline([(10, [0]), (45.1, [1, 2]), (45.9, [0]), (75, [0])])),
            ("once", timeline([(20, [1])])),
        ]
    )
    rows = churn_rows(shop, catalog(3), instants(40, 70), 30)
    assert np.array(value_labels(Orders.of(shop), rows, 30)).T.tolist() == [
        [0, 0], [1, 30], [0, 0], [1, 10]
    ]  # fmt: skip
    orders, spend = value_labels(Orders.of(shop), rows, 30, known_by=day(60))
    assert (orders.tolist(), spend.tolist()) == ([0, 1, 0, 0], [0, 30, 0, 0])


def test_without_any_value_in_the_log_spend_is_not_known() -> None:
    rows = timeline([(10, [0]), (45, [1])]).rows()
    rows["value"] = np.nan
    free = Timelines.of([("a", type(SHOP.rows).of(rows))])
    past = churn_rows(free, catalog(3), instants(40), 30)
    orders, spend = value_labels(Orders.of(free), past, 30)
    assert orders.tolist() == [1]
    assert np.isnan(spend).all()


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


# --- who objects to profiling -------------------------------------------------------------------


def objecting(shop: Timelines, name: str, begin: int, until: int = FOREVER) -> Timelines:
    """The shop, with somebody who does not allow to be profiled within a span."""
    span = (np.array([value], np.int64) for value in (shop.index([name])[0], begin, until))
    return replace(shop, permits={PROFILING: Permit(True, day(400), *span)})


def test_who_objects_is_in_no_training_set_whatever_the_instant() -> None:
    shop = objecting(SHOP, "stays", day(70))
    rows = churn_rows(shop, catalog(3), instants(40, 80), 30)
    assert {named(rows.customer)[i] for i in range(len(rows.customer))} == {"leaves", "comes late"}
    assert not len(next(periods(shop, catalog(3), instants(40), 30)).customers)


def test_who_objected_for_a_while_is_in_the_sets_of_before_and_after() -> None:
    shop = objecting(SHOP, "stays", day(41), day(70))
    rows = churn_rows(shop, catalog(3), instants(40, 50, 80), 30)
    theirs = rows.at[[name == "stays" for name in named(rows.customer)]]
    assert theirs.tolist() == [day(40), day(80)]


def test_nothing_of_who_objects_is_in_what_recommends() -> None:
    shop = Timelines.of(
        [(f"c{i:02}", timeline([(10, [0, 1]), (20 + i, [1])])) for i in range(20)]
        + [("objects", timeline([(10, [2]), (30, [2, 2])]))]
    )
    heard = objecting(shop, "objects", day(50))
    for timelines, buyers in ((shop, [20, 20, 1]), (heard, [20, 20, 0])):
        model = NextProductModel(threads=1).fit(timelines, catalog(3), [], day(100), 30)
        assert (model.popular.buyers_ > 0).tolist() == [b > 0 for b in buyers]


def test_who_objects_is_not_scored_and_without_personalisation_no_list_is_made(
    tmp_path: Path,
) -> None:
    at = CUTOFF
    people, products = trained_shop()
    first, second, *_ = people.ids(Orders.of(people).eligible(at))
    span = (np.array([value], np.int64) for value in (people.index([second])[0], 0, FOREVER))
    shop = objecting(people, first, 0)
    shop = replace(shop, permits={**shop.permits, PERSONALISATION: Permit(True, at, *span)})
    count = score(trained(), shop, products, at, tmp_path / "scores.parquet", k=3)
    table = pq.read_table(tmp_path / "scores.parquet")
    rows = {row["customer_id"]: row for row in table.to_pylist()}
    assert first not in rows
    assert len(rows) == count == len(Orders.of(people).eligible(at)) - 1
    assert rows[second]["recommendations"] is None
    assert rows[second]["churn_probability"] is not None
    assert sum(row["recommendations"] is None for row in rows.values()) == 1
    assert json.loads(table.schema.metadata[b"regulars"])["unprofiled"] == 1
