import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from training.intervals import (
    Interval,
    auc_interval,
    bootstrap,
    log_losses,
    mean_interval,
    rate,
    wilson,
)

outcomes = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=30)


def shop(customers: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Customers whose outcome is drawn from their probability."""
    drawn = np.random.default_rng(seed)
    risk = drawn.uniform(0.05, 0.95, customers)
    return drawn.random(customers) < risk, risk


def test_a_rates_interval_is_wilsons() -> None:
    # Wilson's interval of 9 in 10, as in Brown, Cai and DasGupta 2001
    found = rate(np.array([True] * 9 + [False]))
    assert found.value == pytest.approx(0.9)
    assert (found.low, found.high) == (
        pytest.approx(0.5958, abs=1e-4),
        pytest.approx(0.9821, abs=1e-4),
    )
    assert math.isnan(rate(np.empty(0, np.bool_)).value)


def test_a_known_number_less_a_figure_turns_its_interval_round() -> None:
    found = 0.75 - Interval(0.5, 0.25, 1.0)
    assert (found.value, found.low, found.high) == (0.25, -0.25, 0.5)


@given(outcomes)
def test_the_interval_of_the_auc_is_delongs(rows: list[tuple[bool, int]]) -> None:
    left = np.array([gone for gone, _ in rows])
    risk = np.array([tenths / 10 for _, tenths in rows])
    found = auc_interval(left, risk)
    auc, low, high = found.value, found.low, found.high
    gone, stayed = risk[left], risk[~left]
    if not len(gone) or not len(stayed):
        assert math.isnan(auc)
        return
    wins = np.array([[(a > b) + (a == b) / 2 for b in stayed] for a in gone])
    assert auc == pytest.approx(wins.mean())
    if len(gone) < 2 or len(stayed) < 2:
        assert math.isnan(low)
        assert math.isnan(high)
        return
    variance = wins.mean(axis=1).var(ddof=1) / len(gone)
    variance += wins.mean(axis=0).var(ddof=1) / len(stayed)
    assert low == pytest.approx(max(0, auc - 1.96 * math.sqrt(variance)), abs=1e-7)
    assert high == pytest.approx(min(1, auc + 1.96 * math.sqrt(variance)), abs=1e-7)


def test_a_share_of_none_in_ten_may_be_as_high_as_28_percent() -> None:
    low, high = wilson(np.array([0.0, 0.5]), np.array([10, 100]))
    assert low == pytest.approx([0, 0.4038], abs=1e-4)
    assert high == pytest.approx([0.2775, 0.5962], abs=1e-4)


@given(outcomes)
def test_scores_are_those_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    left = np.array([gone for gone, _ in rows])
    risk = np.array([tenths / 10 for _, tenths in rows])
    found = bootstrap(left, {"m": risk}, resamples=20)
    if left.any() and not left.all():
        assert found.scores["m"]["auc"] == pytest.approx(roc_auc_score(left, risk))
        assert np.isfinite(found.samples["m"]["auc"]).all()
    else:
        assert math.isnan(found.interval("m", "auc").low)
    assert found.scores["m"]["brier"] == pytest.approx(np.mean((risk - left) ** 2))


def test_a_resample_weighs_customers_as_if_they_stood_there_twice() -> None:
    left, risk = shop(40)
    rng = np.random.default_rng(3)
    found = bootstrap(left, {"m": risk}, resamples=1, seed=3)
    expected = np.concatenate(
        [
            group[rng.integers(0, len(group), (1, len(group)))[0]]
            for group in (np.flatnonzero(left), np.flatnonzero(~left))
        ]
    )
    assert found.samples["m"]["auc"][0] == pytest.approx(
        roc_auc_score(left[expected], risk[expected])
    )


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    truth = np.mean([roc_auc_score(*shop(2_000, seed)) for seed in range(20)])
    held = [
        found.low <= truth <= found.high
        for seed in range(60)
        for found in [bootstrap(*_named(shop(300, 100 + seed)), resamples=200).interval("m", "auc")]
    ]
    assert np.mean(held) > 0.85


def _named(drawn: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:  # type: ignore[type-arg]
    return drawn[0], {"m": drawn[1]}


def test_differences_are_paired() -> None:
    left, risk = shop(500)
    noise = np.random.default_rng(1).normal(0, 0.02, len(risk))
    found = bootstrap(left, {"a": risk, "b": np.clip(risk + noise, 0, 1), "c": 1 - risk})
    same = found.difference("a", "a", "brier")
    assert (same.value, same.low, same.high) == (0, 0, 0)
    near = found.difference("a", "b", "brier")
    alone = found.interval("a", "brier")
    assert near.high - near.low < (alone.high - alone.low) / 4
    assert found.difference("a", "c", "auc").excludes_zero
    assert found.difference("a", "c", "log_loss").high < 0


def test_a_mean_has_the_interval_of_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(1.0, 2.0, 400)
    found = mean_interval(values)
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


def test_certainty_that_is_wrong_costs_much_and_stays_finite() -> None:
    losses = log_losses(np.array([True, False]), np.array([0.0, 0.5]))
    assert losses[0] > 30
    assert losses[1] == pytest.approx(math.log(2))
