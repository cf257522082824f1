"""Bands begin where a means against leaving begins to pay."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from models.churn import Bands, Economics

SHARES = st.floats(0.01, 0.9)


@st.composite
def economics(draw: st.DrawFn) -> Economics:
    margin = draw(SHARES)
    return Economics(
        margin, draw(SHARES), draw(SHARES), margin * draw(st.floats(0.05, 0.95)), draw(SHARES)
    )


def test_a_message_pays_from_the_risk_at_which_it_earns_what_it_costs():
    """It keeps 3 % of leavers, who bring 40 %, and costs half a per cent: .005 / .012."""
    assert Bands.by_expected_value(Economics()).thresholds[0] == pytest.approx(5 / 12, abs=1e-4)


def test_where_messages_cost_more_fewer_are_written_to():
    cheap, dear = (
        Bands.by_expected_value(replace(Economics(), message_cost=cost)) for cost in (0.001, 0.008)
    )
    assert cheap.thresholds[0] < dear.thresholds[0]


@given(economics())
def test_each_band_has_the_means_that_brings_most(shop: Economics):
    bands = Bands.by_expected_value(shop)
    for probability in np.linspace(0.0005, 0.9995, 41).tolist():
        if min(abs(probability - t) for t in bands.thresholds) < 2e-3:
            continue
        offer, message = shop.offer_value(probability), shop.message_value(probability)
        name = bands.name(probability)
        if name == "high":
            assert offer >= max(0.0, message)
        elif name == "low":
            assert max(offer, message) <= 0
        else:
            assert max(offer, message) >= 0


def test_bands_of_many_are_places_lowest_risk_first():
    bands = Bands((0.4, 0.7))
    assert bands.of(np.array([0.1, 0.4, 0.69, 0.7, 1.0])).tolist() == [0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"margin": 1.5}, r"margin = 1\.5"), ({"discount": 0.5}, r"discount = 0\.5 is not below")],
)
def test_costs_that_cannot_be_are_refused_by_name(wrong: dict[str, float], message: str):
    with pytest.raises(InputError, match=message):
        Bands.by_expected_value(replace(Economics(), **wrong))
