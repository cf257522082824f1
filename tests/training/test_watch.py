"""Who was scored on a day, beside a bundle's population: who moved, by which figure, and chance."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from models.bundle import Manifest
from tests.models.shop import day
from tests.models.trained import CUTOFF, trained
from tests.models.trained import shop as trained_shop
from training.dataset import Orders
from training.watch import Watch


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
