"""What a season was, and what it says of the next one."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.instants import DAY_MS
from models.churn.season import PRIOR, SPREAD, Season, power

MONTHS = np.arange(24) * 30 * DAY_MS


def powers(busy: float, drift: float = 0.0) -> np.ndarray:
    """A busy quarter in each year of the two, and a steady change."""
    month = np.arange(24) % 12
    return np.exp(np.where((month >= 6) & (month < 9), np.log(busy), 0.0) + drift * np.arange(24))


@given(st.lists(st.floats(0.05, 0.95), min_size=2, max_size=20), st.floats(0.2, 5.0))
def test_the_power_is_the_one_by_which_the_rate_came_about(silence: list[float], s: float) -> None:
    told = np.array(silence)
    assert power(told, float(np.mean(told**s))) == pytest.approx(s, rel=1e-6)


def test_where_everybody_or_nobody_ordered_there_is_no_power() -> None:
    assert power(np.array([0.5]), 0.0) == power(np.array([0.5]), 1.0) == 1.0
    assert power(np.empty(0), 0.5) == 1.0


def test_a_season_that_came_twice_is_believed() -> None:
    season = Season.of(MONTHS, powers(2.0), 30)
    assert season.weight > 0.8
    assert season.power(31 * 30 * DAY_MS) == pytest.approx(2.0, rel=0.2)
    assert season.power(27 * 30 * DAY_MS) == pytest.approx(1.0, rel=0.2)


def test_chance_is_not_believed() -> None:
    drawn = np.random.default_rng(0)
    season = Season.of(MONTHS, np.exp(drawn.normal(0, 0.5, 24)), 30)
    assert season.weight < 0.8 * PRIOR


def test_a_shop_without_a_year_is_expected_to_go_on_as_it_did() -> None:
    season = Season.of(MONTHS[:6], np.full(6, 1.3), 30)
    assert season.power(8 * 30 * DAY_MS) == pytest.approx(1.3)


def test_nothing_known_moves_nothing() -> None:
    assert Season.none().power(10**12) == 1.0


def test_a_season_that_came_again_is_sure_and_one_never_seen_is_not() -> None:
    sure, unseen = Season.of(MONTHS, powers(2.0), 30), Season.of(MONTHS[:3], np.ones(3), 90)
    assert sure.spread < unseen.spread
    assert sure.freedom > unseen.freedom
    assert Season.none().spread == SPREAD


def test_a_season_is_what_its_document_says() -> None:
    season = Season.of(MONTHS, powers(2.0), 30)
    again = Season.of_document(json.loads(json.dumps(season.document())))
    assert again.document() == season.document()
