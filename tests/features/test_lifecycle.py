"""Where a customer stands, with answers that can be read off the days of their orders."""

import math

import numpy as np
import pytest

from features.catalog import Catalog
from features.compute import matrix, vector
from features.events.schema import schema
from features.instants import DAY_MS, instant
from features.lifecycle import STAGE_FEATURES, Stage, stage, stages
from features.reference import Reference
from features.timeline import ROW, Timeline, Timelines

NOW = instant("2026-06-30T12:00:00Z")
CATALOG = Catalog.empty()
REFERENCE = Reference.empty(CATALOG)


def ordered(*days: float, event: str = "Order Completed") -> Timeline:
    """A customer who ordered so many days ago."""
    rows = np.zeros(len(days), ROW)
    rows["at"] = rows["known_at"] = [NOW - round(day * DAY_MS) for day in days]
    rows["type"], rows["product"], rows["value"] = schema().code(event), -1, math.nan
    return Timeline.of(rows)


STORIES = [
    ("visitor", ordered()),
    ("visitor", ordered(3, event="Product Viewed")),
    ("new", ordered(3)),
    ("new", ordered(30)),
    ("one-time", ordered(31)),
    ("one-time", ordered(365)),
    ("lapsed", ordered(366)),
    # several orders of one day are one occasion
    ("new", ordered(3, 3, 3, 3, 3)),
    ("one-time", ordered(100, 100)),
    ("repeat", ordered(5, 35)),
    ("repeat", ordered(60, 90)),
    ("at risk", ordered(61, 91)),
    ("at risk", ordered(120, 150)),
    ("lapsed", ordered(121, 151)),
    # the same silence, another rhythm
    ("repeat", ordered(61, 161)),
    ("lapsed", ordered(61, 71)),
    # a short rhythm counts as a fortnight
    ("repeat", ordered(28, 29)),
    ("at risk", ordered(29, 30)),
    ("lapsed", ordered(57, 58)),
    ("loyal", ordered(5, 35, 65, 95)),
    ("repeat", ordered(5, 50, 95)),
    ("repeat", ordered(5, 30, 55, 85)),
    ("at risk", ordered(70, 100, 130, 160)),
    ("new", ordered(3, -5)),
]


@pytest.mark.parametrize(("expected", "timeline"), STORIES)
def test_a_stage_can_be_read_off_the_days_of_the_orders(expected: str, timeline: Timeline) -> None:
    values = vector(timeline, NOW, CATALOG, REFERENCE, features=STAGE_FEATURES)
    assert stage(values).label == expected


def test_many_customers_at_an_instant_stand_where_each_stands_alone() -> None:
    everyone = Timelines.of([(f"c{i:02}", timeline) for i, (_, timeline) in enumerate(STORIES)])
    n = len(everyone)
    values = matrix(
        everyone, np.arange(n), np.full(n, NOW), CATALOG, REFERENCE, features=STAGE_FEATURES
    )
    labels = [Stage(code).label for code in stages(values).tolist()]
    assert labels == [expected for expected, _ in STORIES]
    assert stages(values[:0]).shape == (0,)


def test_silence_only_moves_a_customer_towards_leaving() -> None:
    """From one day to the next nobody comes back without an order."""
    steps = {"new": 0, "one-time": 1, "repeat": 1, "loyal": 1, "at risk": 2, "lapsed": 3}
    for _, timeline in STORIES:
        seen = []
        for day in range(0, 900, 5):
            at = NOW + day * DAY_MS
            values = vector(timeline, at, CATALOG, REFERENCE, features=STAGE_FEATURES)
            if stage(values) is not Stage.VISITOR and timeline.at.max() < NOW:
                seen.append(steps[stage(values).label])
        assert seen == sorted(seen)
