"""Gaps between purchases, where the true ones are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.gaps import MOST_WEIGHT, Gaps, between
from features.instants import DAY_MS


def shop(usual: np.ndarray, apart: float, spread: float, customers: int = 60) -> Gaps:  # type: ignore[type-arg]
    """Customers whose own gaps differ from the product's by `apart`, in logarithms."""
    drawn = np.random.default_rng(3)
    product = np.repeat(np.arange(len(usual)), customers)
    own = np.log(usual)[product] + drawn.normal(0, apart, len(product))
    pair = np.repeat(np.arange(len(product)), 4)
    days = np.exp(own[pair] + drawn.normal(0, spread, len(pair)))
    return Gaps.learn(pair, product[pair].astype(np.int32), days, len(usual))


def test_the_products_gaps_are_found() -> None:
    usual = np.array([10.0, 30.0, 90.0])
    assert shop(usual, 0.1, 0.3).product_days == pytest.approx(usual, rel=0.05)


def test_the_weight_is_the_ratio_of_the_variances() -> None:
    gaps = shop(np.array([20.0, 40.0]), 0.4, 0.6, customers=600)
    assert gaps.weight == pytest.approx(0.36 / 0.16, rel=0.2)
    assert gaps.spread == pytest.approx(0.6, rel=0.05)


def test_who_differs_by_chance_only_is_not_believed() -> None:
    assert shop(np.array([20.0, 40.0]), 0.0, 0.6).weight > 20
    assert shop(np.array([20.0, 40.0]), 0.8, 0.1).weight < 0.1


def test_own_gaps_pull_away_from_the_usual_one_the_more_of_them_there_are() -> None:
    gaps = Gaps(np.array([30.0], np.float32), 30.0, 2.0, 0.5)
    number = np.array([0, 1, 2, 20])
    own = gaps.mixed(number, number * np.log(10.0), np.full(4, 30.0))
    assert own[0] == pytest.approx(30)
    assert own[2] == pytest.approx(np.sqrt(300))
    assert (np.diff(own) < 0).all()
    assert own[3] == pytest.approx(10, rel=0.15)


def test_a_product_with_few_gaps_leans_on_all_products() -> None:
    pair = np.repeat(np.arange(41), 4)
    days = np.where(pair < 20, 10.0, 30.0) * np.tile([0.8, 1.25, 0.9, 1.1], 41)
    product = np.where(pair < 20, 0, np.where(pair < 40, 1, 2)).astype(np.int32)
    gaps = Gaps.learn(pair, product, days, 4)
    assert gaps.product_days[3] == pytest.approx(gaps.everyone_days)
    assert gaps.everyone_days < gaps.product_days[2] < 30


def test_where_nothing_was_bought_again_nothing_is_known() -> None:
    none = Gaps.learn(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0), 2)
    assert np.isnan(none.product_days).all()
    assert none.weight == MOST_WEIGHT


def test_purchases_of_one_day_are_one() -> None:
    at = np.array([0.1, 0.9, 10.5, 3.0, 5.2]) * DAY_MS
    pair, days = between(np.array([0, 0, 0, 1, 1]), at.astype(np.int64))
    assert (pair.tolist(), days.tolist()) == ([0, 1], [10.0, 2.0])


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(1, 500)), min_size=1, max_size=30))
def test_whatever_the_gaps_what_is_usual_lies_among_them(gaps: list[tuple[int, float]]) -> None:
    pair = np.sort(np.array([p for p, _ in gaps]))
    days = np.array([d for _, d in gaps])
    learnt = Gaps.learn(pair, (pair % 3).astype(np.int32), days, 3)
    inside = (learnt.product_days >= days.min() * 0.999) & (
        learnt.product_days <= days.max() * 1.001
    )
    assert inside.all()
    assert 0 < learnt.weight <= MOST_WEIGHT
