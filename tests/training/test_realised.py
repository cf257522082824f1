"""What was served beside what happened, in figures that can be checked by hand."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from features.consents import PROFILING
from features.consents.permit import Permit
from features.events.served import SCHEMA
from features.instants import DAY_MS, instant
from features.timeline import FOREVER, Timelines
from tests.models.shop import day, timeline
from training.realised import Outcomes, monday_of

HORIZON = 30
MONDAY = monday_of(day(20))
SHOP = Timelines.of(
    [
        ("comes back", timeline([(1, [0]), (35, [0])])),
        ("too late", timeline([(1, [0]), (60, [0])])),
        ("never", timeline([(1, [0])])),
        ("at once", timeline([(1, [0]), (20, [0])])),
        ("anonymous:x", timeline([(1, [0])])),
    ],
    known=[True, True, True, True, False],
)
LATE = day(200)


def table(*rows):
    """Rows of customer, day and probability."""
    columns = [
        [name for name, _, _ in rows],
        ["7"] * len(rows),
        [day(when) for _, when, _ in rows],
        [HORIZON] * len(rows),
        [probability for *_, probability in rows],
    ]
    return pa.table(columns, schema=SCHEMA)


def judged(*rows, timelines=SHOP, owned=None, until=LATE):
    outcomes = Outcomes(timelines, owned or {}, until)
    return outcomes.week(MONDAY, outcomes.scores(table(*rows))["7"])


def test_a_weeks_figures_are_those_by_hand():
    week = judged(("comes back", 20, 0.2), ("too late", 20, 0.6), ("never", 21, 0.9))
    assert week.customers == 3
    assert week.mean_predicted == pytest.approx(1.7 / 3)
    assert week.observed == pytest.approx(2 / 3)
    assert week.difference == pytest.approx(-0.1)
    assert week.brier == pytest.approx((0.2**2 + 0.4**2 + 0.1**2) / 3)
    assert week.ece == pytest.approx((0.2 + 0.4 + 0.1) / 3)  # a bin each
    assert week.auc == 1
    assert np.isnan(week.auc_low)  # only one came back
    # Wilson's interval of 2 of 3 is .2077 to .9385
    assert week.difference_low == pytest.approx(1.7 / 3 - 0.9385, abs=1e-4)
    assert week.difference_high == pytest.approx(1.7 / 3 - 0.2077, abs=1e-4)
    assert (week.name, week.step) == (f"{MONDAY:%G-W%V}", int(f"{MONDAY:%G%V}"))


@pytest.mark.parametrize(
    ("scored", "left"),
    [(20, 0.0), (20.001, 1.0)],
    ids=["an order in the score's instant counts", "one just before does not"],
)
def test_the_horizon_begins_with_the_score(scored, left):
    assert judged(("at once", scored, 0.5)).observed == left


@pytest.mark.parametrize(("ordered", "left"), [(49.999, 0.0), (50, 1.0)])
def test_the_horizon_ends_after_its_days(ordered, left):
    shop = Timelines.of([("a", timeline([(1, [0]), (ordered, [0])]))])
    assert judged(("a", 20, 0.5), timelines=shop).observed == left


def test_a_week_is_judged_when_its_last_horizon_has_passed():
    over = instant(MONDAY.isoformat()) + (7 + HORIZON) * DAY_MS
    assert judged(("never", 20, 0.5), until=over - 1) is None
    assert judged(("never", 20, 0.5), until=over).customers == 1


def test_a_customer_counts_once_a_week_by_the_first_score():
    week = judged(("never", 21, 0.1), ("never", 20, 0.9), ("comes back", 22, 0.3))
    assert week.customers == 2
    assert week.mean_predicted == pytest.approx(0.6)


def test_of_two_who_turned_out_to_be_one_the_orders_of_both_count_and_the_person_once():
    owned = {"never": "comes back"}
    week = judged(("never", 20, 0.9), ("comes back", 21, 0.3), owned=owned)
    assert (week.customers, week.observed, week.mean_predicted) == (1, 0.0, 0.9)


def test_the_features_of_one_who_was_merged_since_are_those_of_then():
    outcomes = Outcomes(SHOP, {"never": "comes back", "gone": "too late"}, LATE)
    scores = outcomes.scores(table(("never", 20, 0.9), ("gone", 20, 0.5)))["7"]
    assert SHOP.ids(scores.then) == ["never", "too late"]
    assert SHOP.ids(scores.person) == ["comes back", "too late"]


def test_an_order_that_was_taken_away_since_is_not_theirs():
    rows = SHOP.rows
    until = np.where(rows.at == day(35), day(36), FOREVER)
    apart = replace(SHOP, rows=replace(rows, known_until=until))
    assert judged(("comes back", 20, 0.5), timelines=apart).observed == 1


def test_strangers_and_whoever_objected_since_are_not_judged():
    mine = SHOP.index(["never"])
    objected = Permit(True, LATE, mine, np.array([day(90)]), np.array([FOREVER]))
    shop = replace(SHOP, permits={PROFILING: objected})
    rows = [("never", 20, 0.9), ("anonymous:x", 20, 0.9), ("who?", 20, 0.9), ("too late", 20, 0.5)]
    assert judged(*rows, timelines=shop).customers == 1
    assert judged(*rows).customers == 2


def test_versions_are_told_apart():
    both = table(("never", 20, 0.9), ("too late", 20, 0.5))
    both = both.set_column(1, "version", pa.array(["7", "10"]))
    found = Outcomes(SHOP, {}, LATE).scores(both)
    assert {version: scores.probability.tolist() for version, scores in found.items()} == {
        "7": [0.9],
        "10": [0.5],
    }
