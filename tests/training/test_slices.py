import numpy as np
import pytest

from features.events.schema import schema
from features.timeline import ROW, Timeline, Timelines
from tests.models.shop import catalog, day, timeline
from training.slices import MIN_CUSTOMERS, acquisition_channels, customer_groups, slices


def by_name(found):
    return {each.name: each for each in found}


def planted(customers=400):
    """Half are told what is true, 0.5; of the other half 0.9 is said and 0.5 is true."""
    left = np.arange(customers) % 2 == 0
    group = np.where(np.arange(customers) < customers // 2, "right", "wrong")
    return left, np.where(group == "right", 0.5, 0.9), group


def test_a_slice_that_is_called_too_high_is_marked_and_the_other_is_not():
    left, predicted, group = planted()
    found = by_name(slices({"planted": group}, left, predicted))
    assert not found["right"].miscalibrated
    assert found["wrong"].miscalibrated
    assert found["wrong"].difference.value == pytest.approx(0.4)
    assert found["wrong"].difference.low > 0.3
    assert found["wrong"].observed.value == 0.5
    assert found["wrong"].ece == pytest.approx(0.4)


def test_a_small_slice_is_listed_and_not_judged():
    left, predicted, group = planted(2 * (MIN_CUSTOMERS - 1))
    found = by_name(slices({"planted": group}, left, predicted))
    assert found["wrong"].customers == MIN_CUSTOMERS - 1
    assert not found["wrong"].judged
    assert not found["wrong"].miscalibrated


def test_a_slice_without_leavers_has_no_auc():
    found = slices({"all": np.full(60, "x")}, np.zeros(60, np.bool_), np.full(60, 0.1))
    assert np.isnan(found[0].auc.value)
    assert found[0].observed.value == 0


def test_groups_are_what_was_known_at_the_instant():
    shop = Timelines.of(
        [
            ("new", timeline([(95, [0])])),
            ("once", timeline([(10, [0])])),
            ("twice", timeline([(10, [0]), (90, [0]), (120, [0])])),
            ("later", timeline([(20, [0]), (120, [0])])),
        ]
    )
    places = shop.index(["new", "once", "twice", "later"])
    home = np.array(["DE", "FR", "", "DE"])[np.argsort(places)]
    found = customer_groups(shop, catalog(1), places, day(100), home)
    assert found["orders"].tolist() == ["one order", "one order", "several orders", "one order"]
    assert found["stage"].tolist()[:2] == ["new", "one-time"]
    assert found["country"].tolist() == ["DE", "FR", "not known", "DE"]


def test_the_first_channel_that_is_named_acquired_the_customer():
    codes = schema().channels
    view = schema().code("Product Viewed")

    def seen(*touches):
        rows = [
            (day(at), day(at), np.nan, np.nan, np.nan, -1, view, codes[channel])
            for at, channel in touches
        ]
        return Timeline.of(np.array(rows, ROW))

    shop = Timelines.of(
        [
            ("a", seen((1, "store"), (2, "web"))),
            ("b", seen((1, "other"), (2, "app"))),
            ("c", seen((9, "web"))),
        ]
    )
    assert acquisition_channels(shop, day(5)).tolist() == ["store", "app", "not known"]


def test_many_small_countries_are_put_together():
    people = 100
    shop = Timelines.of([(f"c{i:03}", timeline([(10, [0])])) for i in range(people)])
    home = np.array([f"land {i}" if i >= 50 else "DE" for i in range(people)])
    found = customer_groups(shop, catalog(1), np.arange(people), day(50), home)["country"]
    names, count = np.unique(found, return_counts=True)
    assert len(names) == 12
    assert count[names == "40 other countries"] == [40]
