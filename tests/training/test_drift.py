"""The stability index: what it sees, what chance does, and what a bundle's population is."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.bundle import Manifest
from tests.models.shop import day
from tests.models.trained import CUTOFF, trained
from tests.models.trained import shop as trained_shop
from training.dataset import Orders
from training.drift import Watch, by_chance, population_stability

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
    # four bins: below 0, 0 (it fills several, so it has its own), above 0, missing
    e, a = np.array([0.5, 30.5, 10.5, 0.5]) / 42, np.array([0.5, 10.5, 30.5, 0.5]) / 42
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
    assert population_stability(before, after) > 0.25


def test_two_samples_of_one_population_stay_below_what_chance_does():
    drawn = np.random.default_rng(3)
    limit = by_chance(1_000, 100)
    assert limit > 0.25  # a hundred customers a day reach the usual limit by themselves
    found = [
        population_stability(drawn.normal(size=1_000), drawn.normal(size=100)) for _ in "x" * 200
    ]
    assert max(found) < limit
    assert population_stability(drawn.normal(size=1_000), drawn.normal(1, size=100)) > limit


@pytest.fixture(scope="module")
def watch():
    timelines, products = trained_shop()
    bundle = replace(trained(), manifest=Manifest(cutoff=CUTOFF, fingerprint=""))
    return Watch(bundle, timelines, products, seed=0, threads=1)


@pytest.fixture(scope="module")
def everybody():
    return Orders.of(trained_shop()[0]).eligible(CUTOFF)


def served(watch, customers, at, **more):
    instants = np.full(len(customers), at)
    features = watch._matrix(customers, instants)
    probability = watch._model.predict_proba(features, at)
    return watch.day(date(2024, 1, 1), customers, instants, more.get("probability", probability))


def test_those_who_were_there_at_the_cutoff_have_not_moved(watch, everybody):
    found = served(watch, everybody, CUTOFF)
    assert found.score == found.worst[1] == 0
    assert found.customers == len(everybody)
    assert set(found.features) == set(watch.names) <= set(trained().churn.feature_names_)


def test_the_next_day_stays_below_chance(watch, everybody):
    found = served(watch, everybody, CUTOFF + (day(1) - day(0)))
    assert found.score < found.chance
    assert found.worst[1] < found.chance


def test_a_feature_that_moved_is_named(watch, everybody):
    place = watch.names.index(watch.names[0])
    values = watch.expected.X[:, place]
    high = everybody[values > np.nanmedian(values)]
    found = served(watch, high, CUTOFF)
    assert found.features[watch.names[0]] > max(0.25, found.chance)
    assert found.worst[1] >= found.features[watch.names[0]]


def test_scores_that_moved_are_seen_by_themselves(watch, everybody):
    found = served(watch, everybody, CUTOFF, probability=np.full(len(everybody), 0.99))
    assert found.score > 1
    assert found.worst[1] == 0


def test_where_nobody_was_scored_or_nobody_was_there_is_nothing_to_say(watch):
    assert served(watch, np.empty(0, np.int64), CUTOFF) is None
    timelines, products = trained_shop()
    before = replace(trained(), manifest=Manifest(cutoff=day(-1), fingerprint=""))
    early = Watch(before, timelines, products, seed=0, threads=1)
    assert early.expected is None
    assert early.day(date(2024, 1, 1), np.array([0]), np.array([day(9)]), np.array([0.5])) is None
