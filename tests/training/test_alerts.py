"""The alert rule: what is one bad week, what is two, and what is chance."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from features.settings import Settings
from training.alerts import Rule, Status
from training.realised import Week
from training.watch import Day

RULE = Rule.of(Settings())
GOOD = Week(date(2011, 9, 5), 500, 0.7, 0.7, 0.0, -0.04, 0.04, 0.01, 0.2, 0.8, 0.76, 0.84)
GLOOMY = replace(
    GOOD, mean_predicted=0.8, difference=0.1, difference_low=0.06, difference_high=0.14
)
SUNNY = replace(
    GOOD, mean_predicted=0.6, difference=-0.1, difference_low=-0.14, difference_high=-0.06
)
BLIND = replace(GOOD, auc=0.7, auc_low=0.66, auc_high=0.74)
UNSURE = replace(GOOD, difference=0.1, difference_low=0.04, difference_high=0.16)
PROMISED = {"ours.auc": 0.8}


def in_row(*periods):
    step = timedelta(weeks=1) if isinstance(periods[0], Week) else timedelta(days=1)
    name = "monday" if isinstance(periods[0], Week) else "date"
    return [
        replace(period, **{name: date(2011, 9, 5) + place * step})
        for place, period in enumerate(periods)
    ]


def status(*weeks, promised=PROMISED):
    return RULE.judge(in_row(*weeks), [], promised).status


def test_nothing_and_good_weeks_are_ok():
    assert RULE.judge([], [], {}).status is Status.OK
    assert status(GOOD, GOOD) is Status.OK
    assert RULE.judge([GOOD], [], PROMISED).reasons == ()


@pytest.mark.parametrize("bad", [GLOOMY, SUNNY, BLIND], ids=["gloomy", "sunny", "blind"])
def test_one_bad_week_is_a_warning_and_two_in_succession_an_alert(bad):
    assert status(GOOD, bad) is Status.WARNING
    assert status(bad, bad) is Status.ALERT
    assert status(bad, GOOD, bad) is Status.WARNING
    assert status(bad, bad, GOOD) is Status.OK


def test_two_weeks_that_are_wrong_in_opposite_ways_are_no_trend():
    assert status(GLOOMY, SUNNY) is Status.WARNING


def test_what_chance_may_have_done_is_no_reason():
    assert status(UNSURE, UNSURE) is Status.OK


def test_without_a_promise_no_auc_breaks_it():
    assert status(BLIND, BLIND, promised={}) is Status.OK


def test_a_week_of_few_customers_neither_begins_nor_ends_anything():
    few = replace(GOOD, customers=9)
    assert status(GLOOMY, few, GLOOMY, few) is Status.ALERT
    assert status(GOOD, replace(GLOOMY, customers=9)) is Status.OK


def test_the_reason_says_how_wrong_since_when():
    [reason] = RULE.judge(in_row(GLOOMY, GLOOMY, GLOOMY), [], PROMISED).reasons
    assert reason == (
        "80% predicted to leave and 70% left in 2011-W38: at least 0.06 too many "
        "(3 weeks in succession)"
    )
    [reason] = RULE.judge(in_row(BLIND), [], PROMISED).reasons
    assert reason == (
        "AUC 0.70, at most 0.74, of 0.80 that the evaluation promised, in 2011-W36 (one week)"
    )


CALM = Day(date(2011, 9, 5), 500, 0.1, 0.08, {"cadence_silence": 0.2})
MOVED = replace(CALM, score=0.4)
FEATURE = replace(CALM, features={"cadence_silence": 0.2, "purchase_orders_life": 0.9})


def days(*given):
    return RULE.judge([], in_row(*given), {})


def test_scores_that_moved_on_three_days_are_an_alert_before_a_warning():
    assert days(CALM, CALM).status is Status.OK
    assert days(MOVED, CALM, MOVED, MOVED).status is Status.WARNING
    found = days(MOVED, MOVED, MOVED)
    assert found.status is Status.ALERT
    assert found.reasons == (
        "the probabilities moved: stability index 0.40 on 2011-09-07 (3 days in succession)",
    )


def test_a_feature_that_moved_is_a_warning_however_long():
    found = days(*[FEATURE] * 9)
    assert found.status is Status.WARNING
    assert "purchase_orders_life moved: stability index 0.90" in found.reasons[0]


def test_an_index_that_so_few_reach_by_chance_is_no_reason():
    assert days(*[replace(MOVED, chance=0.5)] * 3).status is Status.OK
