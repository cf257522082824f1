import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError, NotEnoughDataError
from features.instants import DAY_MS
from training.split import test_cutoff as latest_cutoff
from training.split import training_instants


@given(
    st.integers(1, 800),
    st.integers(1, 120),
    st.integers(1, 12),
    st.integers(1, 60),
    st.integers(0, 120),
)
def test_no_label_reaches_the_cutoff(
    days: int, horizon: int, number: int, step: int, history: int
) -> None:
    try:
        instants = training_instants(
            0,
            days * DAY_MS,
            horizon_days=horizon,
            number=number,
            step_days=step,
            min_history_days=history,
        )
    except NotEnoughDataError:
        assert horizon >= days
        return
    assert (instants + horizon * DAY_MS <= days * DAY_MS).all()
    assert (instants > 0).all()
    assert 1 <= len(instants) <= number
    assert (np.diff(instants) == step * DAY_MS).all()


def test_a_young_shop_learns_from_one_instant() -> None:
    instants = training_instants(
        0, 100 * DAY_MS, horizon_days=60, number=9, step_days=30, min_history_days=90
    )
    assert instants.tolist() == [40 * DAY_MS]


def test_a_horizon_longer_than_the_history_is_refused() -> None:
    with pytest.raises(NotEnoughDataError, match="a horizon of 90 days"):
        training_instants(0, 50 * DAY_MS, horizon_days=90, number=3, step_days=30)


@pytest.mark.parametrize("field", ["horizon_days", "number", "step_days"])
def test_numbers_must_be_positive(field: str) -> None:
    fields = {"horizon_days": 30, "number": 3, "step_days": 30, field: 0}
    with pytest.raises(InputError, match=f"{field} = 0"):
        training_instants(0, 100 * DAY_MS, **fields)


def test_the_test_period_is_fully_observed() -> None:
    assert latest_cutoff(100 * DAY_MS, 30) == 70 * DAY_MS
