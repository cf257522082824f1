"""Every declared feature: equal to the oracle, blind to the future, finite or NaN, named once."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Product
from features.compute import matrix, vector
from features.definitions import FEATURES, Aggregation, Feature
from features.errors import InputError
from features.events.schema import schema
from features.instants import DAY_MS, instant
from features.program import compiled
from features.reference import Reference
from features.timeline import ROW, Timeline, Timelines
from tests.features.oracle import Oracle

NOW = instant("2026-06-30")
NAMES = [feature.name for feature in FEATURES]
CATALOG = Catalog.of(
    Product(
        product_id=f"p{i}",
        parent_id=f"p{i - i % 2}",
        category=None if i == 7 else f"c{i % 3}",
        brand=None if i == 6 else f"b{i % 4}",
        price=10.0 + i,
    )
    for i in range(100)
)
CODES = sorted(event.code for event in schema().events)
SNAPSHOT = Path(__file__).with_name("features.json")


def reference() -> Reference:
    facts = Reference.empty(CATALOG)
    facts.category_price[:] = [2.0, 4.0, np.nan]
    return facts


def rows(*entries: dict[str, float]) -> Timeline:
    """A timeline of rows given as the fields that matter; `days` is the age."""
    out = np.zeros(len(entries), ROW)
    for row, entry in zip(out, entries, strict=True):
        entry = {"value": np.nan, "quantity": np.nan, "measure": np.nan, "product": -1} | entry
        days = entry.pop("days")
        row["at"] = NOW - round(days * DAY_MS)
        row["known_at"] = NOW - round(entry.pop("known_days", days) * DAY_MS)
        row["type"] = schema().code(entry.pop("event"))
        for name, value in entry.items():
            row[name] = value
    return Timeline.of(out)


def value_of(name: str, timeline: Timeline, at: int = NOW) -> float:
    return float(vector(timeline, at, CATALOG, reference())[NAMES.index(name)])


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    count = draw(st.integers(0, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    out = np.zeros(count, ROW)
    hours = rng.integers(-48, 24 * draw(st.sampled_from([2, 40, 800])), count)
    out["at"] = NOW - hours * 3_600_000
    out["known_at"] = out["at"] + rng.choice([0, DAY_MS, 60 * DAY_MS], count, p=[0.8, 0.1, 0.1])
    for slot in ("value", "quantity", "measure"):
        out[slot] = rng.choice([np.nan, 1, 2, 5, 30, 400], count)
    out["product"] = rng.integers(-1, len(CATALOG), count)
    out["type"] = rng.choice(
        draw(st.sampled_from([CODES, [15, 80, 7, 17], [40, 41, 42, 51]])), count
    )
    out["channel"] = rng.integers(0, 7, count)
    return Timeline.of(out)


@given(timelines())
@settings(max_examples=150, deadline=None)
def test_the_kernel_equals_the_oracle(timeline: Timeline) -> None:
    got = vector(timeline, NOW, CATALOG, reference())
    expected = Oracle(timeline, NOW, CATALOG, reference()).all(FEATURES)
    np.testing.assert_allclose(got, np.array(expected, np.float32), rtol=1e-5, err_msg=str(NAMES))


@given(timelines(), st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_no_feature_sees_past_its_instant(timeline: Timeline, days: int) -> None:
    at = NOW - days * DAY_MS
    whole = vector(timeline, at, CATALOG, reference())
    np.testing.assert_array_equal(whole, vector(timeline.until(at), at, CATALOG, reference()))


@given(timelines())
@settings(max_examples=60, deadline=None)
def test_a_feature_is_finite_or_nan(timeline: Timeline) -> None:
    assert not np.isinf(vector(timeline, NOW, CATALOG, reference())).any()


@given(st.lists(timelines(), min_size=1, max_size=6), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_many_customers_at_many_instants_equal_one_by_one(
    people: list[Timeline], threads: int
) -> None:
    everyone = Timelines.of([(f"c{i}", timeline) for i, timeline in enumerate(people)])
    customers = np.repeat(np.arange(len(people)), 2)
    instants = np.where(np.arange(len(customers)) % 2, NOW, NOW - 90 * DAY_MS)
    batch = matrix(everyone, customers, instants, CATALOG, reference(), threads=threads)
    single = [
        vector(people[c], int(at), CATALOG, reference())
        for c, at in zip(customers, instants, strict=True)
    ]
    np.testing.assert_array_equal(batch, np.array(single))


def test_rows_that_arrive_late_count_from_their_arrival() -> None:
    order = rows({"event": "Order Completed", "days": 5, "known_days": 2, "value": 40})
    assert value_of("purchase_orders_7d", order, NOW - 3 * DAY_MS) == 0
    assert value_of("purchase_orders_7d", order, NOW) == 1


def test_a_window_holds_its_first_instant_and_not_its_last() -> None:
    assert value_of("purchase_orders_7d", rows({"event": "Order Completed", "days": 7})) == 1
    assert value_of("purchase_orders_7d", rows({"event": "Order Completed", "days": 7.001})) == 0
    assert value_of("purchase_orders_7d", rows({"event": "Order Completed", "days": 0})) == 0


def test_silence_is_measured_in_the_customers_own_rhythm() -> None:
    monthly = rows(*({"event": "Order Completed", "days": d} for d in (130, 100, 70)))
    assert value_of("cadence_order_gap_mean_life", monthly) == 30
    assert value_of("cadence_silence", monthly) == pytest.approx(70 / 30)


def test_the_season_looks_at_the_days_that_follow_this_day_last_year() -> None:
    name = "cadence_season_orders_335d_to_365d"
    assert value_of(name, rows({"event": "Order Completed", "days": 350})) == 1
    assert value_of(name, rows({"event": "Order Completed", "days": 370})) == 0
    assert value_of(name, rows({"event": "Order Completed", "days": 330})) == 0


def test_points_are_earned_less_redeemed_and_expire() -> None:
    points = rows(
        {"event": "Points Earned", "days": 50, "value": 300},
        {"event": "Points Redeemed", "days": 20, "value": 100},
        {"event": "Points Expiring", "days": 10, "value": 200, "measure": 24},
    )
    assert value_of("loyalty_balance_life", points) == 200
    assert value_of("loyalty_points_expiry_days_until", points) == pytest.approx(14)


def test_a_complaint_is_open_until_it_is_resolved() -> None:
    opened = {"event": "Ticket Opened", "days": 9}
    assert value_of("experience_open_tickets", rows(opened)) == 1
    resolved = {"event": "Ticket Resolved", "days": 3}
    assert value_of("experience_open_tickets", rows(opened, resolved)) == 0


def test_a_refund_acts_from_its_own_instant() -> None:
    story = rows(
        {"event": "Order Completed", "days": 40, "value": 80},
        {"event": "Order Refunded", "days": 10, "value": 80},
    )
    assert value_of("purchase_return_share", story, NOW - 20 * DAY_MS) == 0
    assert value_of("purchase_return_share", story) == 1


def test_price_level_is_what_was_paid_over_the_categorys_usual_price() -> None:
    line = rows({"event": "Order Line", "days": 3, "product": 0, "measure": 3.0, "value": 3.0})
    assert value_of("preference_price_level_mean_365d", line) == pytest.approx(1.5)


def test_only_the_latest_rows_of_a_long_history_are_read() -> None:
    limit = schema().history(schema().code("Product Viewed"))
    views = rows(*({"event": "Product Viewed", "days": 1} for _ in range(limit + 5)))
    assert value_of("engagement_views_7d", views) == limit


def test_an_unknown_customer_has_counts_of_zero_and_no_rhythm() -> None:
    assert value_of("purchase_orders_life", Timeline.empty()) == 0
    assert np.isnan(value_of("cadence_order_days_since_last", Timeline.empty()))


def test_there_are_at_least_sixty_features_in_seven_families() -> None:
    assert len(FEATURES) >= 60
    assert {f.family for f in FEATURES} == {
        "purchase",
        "cadence",
        "engagement",
        "preference",
        "experience",
        "loyalty",
        "channel",
    }
    assert all(f.meaning and f.unit for f in FEATURES)


def test_names_and_hashes_are_as_released() -> None:
    """An old bundle refuses a changed feature; so change a hash only with the number it gives."""
    expected = json.loads(SNAPSHOT.read_text())
    assert {f.name: f.hash for f in FEATURES} == expected, (
        "features changed; if that is meant, write them with: python -m tests.features.snapshot"
    )


def test_two_features_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="two features are called 'purchase_orders_7d'"):
        compiled((FEATURES[0], FEATURES[0]))


def test_a_ratio_of_an_undeclared_feature_is_refused() -> None:
    ratio = Feature("purchase", "x", aggregation=Aggregation.RATIO, of=("nothing", "nothing"))
    with pytest.raises(InputError, match="'nothing', not declared before"):
        compiled((ratio,))


def test_an_unknown_event_in_a_declaration_is_refused() -> None:
    with pytest.raises(InputError, match="no event type is called 'Order Complete'"):
        Feature("purchase", "orders", ("Order Complete",))


def test_a_customer_outside_the_timelines_is_refused() -> None:
    nobody = Timelines.of([("c", Timeline.empty())])
    with pytest.raises(InputError, match=r"must lie in 0\.\.0"):
        matrix(nobody, np.array([1]), np.array([NOW]), CATALOG, reference())
