import numpy as np
import pytest

from training.drift import LARGE, SMALL, drifts, population_stability


def test_equal_populations_have_no_index() -> None:
    values = np.random.default_rng(0).normal(size=5_000)
    assert population_stability(values, values) == 0
    assert population_stability(values, values[::2]) < SMALL / 10


def test_the_index_is_its_formula() -> None:
    # one edge, at 0: a half below and a half above before, a quarter and three quarters now
    before = np.array([-1.0] * 500 + [1.0] * 500)
    now = np.array([-1.0] * 250 + [1.0] * 750)
    expected = 0.25 * np.log(1.5) - 0.25 * np.log(0.5)
    assert population_stability(before, now, bins=2) == pytest.approx(expected, abs=2e-3)


def test_a_spike_and_undefined_values_are_seen() -> None:
    before = np.repeat([0.0, 1.0], [900, 100])
    assert population_stability(before, np.repeat([0.0, 1.0], [600, 400])) > LARGE
    undefined = before.copy()
    undefined[:300] = np.nan
    assert population_stability(before, undefined) > LARGE


def test_what_was_constant_and_no_longer_is_has_moved() -> None:
    assert population_stability(np.zeros(100), np.zeros(100)) == 0
    assert population_stability(np.zeros(100), np.ones(100)) > LARGE
    assert population_stability(np.zeros(100), -np.ones(100)) > LARGE


def test_an_empty_population_has_no_index() -> None:
    assert np.isnan(population_stability(np.zeros(0), np.zeros(3)))
    assert population_stability(np.full(5, np.nan), np.full(5, np.nan)) == 0


def test_the_worst_column_comes_first() -> None:
    drawn = np.random.default_rng(0)
    before = drawn.normal(size=(1_000, 2)).astype(np.float32)
    now = drawn.normal([0.0, 3.0], size=(1_000, 2)).astype(np.float32)
    found = drifts(["same", "other"], before, now)
    assert [each.name for each in found] == ["other", "same"]
    assert [each.verdict for each in found] == ["another", "steady"]
    assert found[0].now == pytest.approx(3.0, abs=0.2)
