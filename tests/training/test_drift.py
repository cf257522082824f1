"""The stability index: what it sees, what chance does, and how it is told of a column."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from training.drift import LARGE, SMALL, by_chance, drifts, population_stability

VALUES = hnp.arrays(
    np.float64,
    st.integers(1, 60),
    elements=st.one_of(st.just(np.nan), st.integers(-3, 3).map(float), st.floats(-9, 9, width=32)),
)


@given(VALUES, VALUES)
def test_it_is_finite_and_never_negative_whatever_comes(expected, actual):
    index = population_stability(expected, actual)
    assert np.isfinite(index)
    assert index >= 0


@given(VALUES, st.randoms(use_true_random=False))
def test_the_same_people_in_another_order_have_not_moved(values, random):
    shuffled = values.copy()
    random.shuffle(shuffled)
    assert population_stability(values, shuffled) == 0


def test_it_is_what_the_formula_says():
    expected, actual = np.repeat([0.0, 1.0], [30, 10]), np.repeat([0.0, 1.0], [10, 30])
    # two bins that anybody is in: 0, which fills several and has its own, and what is above
    e, a = np.array([30.5, 10.5]) / 41, np.array([10.5, 30.5]) / 41
    by_hand = sum((a - e) * np.log(a / e))
    assert population_stability(expected, actual, bins=4) == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (np.full(100, 5.0), np.full(100, 3.0)),
        (np.full(100, 5.0), np.full(100, 9.0)),
        (np.repeat([0.0, 1.0], [5, 95]), np.repeat([0.0, 1.0], [50, 50])),
        (np.arange(100.0), np.where(np.arange(100) < 40, np.nan, np.arange(100.0))),
        (np.arange(100.0), np.arange(100.0) + 50),
        (np.full(100, np.nan), np.arange(100.0)),
    ],
    ids=["constant falls", "constant rises", "rare value grows", "goes missing", "shifts", "comes"],
)
def test_every_way_to_move_is_seen(before, after):
    assert population_stability(before, after) > LARGE


def test_two_samples_of_one_population_stay_below_what_chance_does():
    drawn = np.random.default_rng(3)
    limit = by_chance(1_000, 100)
    assert limit > 0.25  # a hundred customers a day reach the usual limit by themselves
    found = [
        population_stability(drawn.normal(size=1_000), drawn.normal(size=100)) for _ in "x" * 200
    ]
    assert max(found) < limit
    assert population_stability(drawn.normal(size=1_000), drawn.normal(1, size=100)) > limit


def test_a_part_of_a_large_population_is_nearly_alike():
    values = np.random.default_rng(0).normal(size=5_000)
    assert population_stability(values, values[::2]) < SMALL / 10


def test_an_empty_population_has_no_index():
    assert np.isnan(population_stability(np.zeros(0), np.zeros(3)))
    assert population_stability(np.full(5, np.nan), np.full(5, np.nan)) == 0


def test_the_worst_column_comes_first():
    drawn = np.random.default_rng(0)
    before = drawn.normal(size=(1_000, 2)).astype(np.float32)
    now = drawn.normal([0.0, 3.0], size=(1_000, 2)).astype(np.float32)
    found = drifts(["same", "other"], before, now)
    assert [each.name for each in found] == ["other", "same"]
    assert [each.verdict for each in found] == ["another", "steady"]
    assert found[0].now == pytest.approx(3.0, abs=0.2)
