"""What cannot be learnt from is said, with the figures."""

import pytest

from features.errors import NotEnoughDataError
from features.timeline import Timelines
from tests.models.shop import catalog, day, seeded_shop, timeline
from training.fit import label_days, train_churn, train_value
from training.recipe import ChurnRecipe, ValueRecipe


def test_one_single_customer_is_not_enough_to_learn_churn_from() -> None:
    alone = Timelines.of([("only", timeline([(10.0 * i, [0]) for i in range(40)]))])
    recipe = ChurnRecipe(horizon_days=30, min_history_days=30)
    with pytest.raises(NotEnoughDataError, match="needs at least 10 customers who left"):
        train_churn(alone, catalog(1), recipe, day(390))


def test_one_single_customer_is_not_enough_to_learn_value_from() -> None:
    alone = Timelines.of([("only", timeline([(10.0 * i, [0]) for i in range(40)]))])
    with pytest.raises(NotEnoughDataError, match="1 customers are too few"):
        train_value(alone, catalog(1), ValueRecipe(horizon_days=30), day(390))


def test_a_horizon_longer_than_the_history_is_learnt_on_a_third_of_it() -> None:
    recipe = ValueRecipe(horizon_days=300)
    assert label_days(day(0), day(180), recipe) == 60
    assert label_days(day(0), day(400), recipe) == 300
    assert label_days(day(0), day(2), recipe) == 1
    # the first order of this shop is of its first day, a few hours in
    model = train_value(seeded_shop(), catalog(30), recipe, day(180), threads=1)
    assert (model.horizon_days_, model.label_days_) == (300, 59)
    assert "too short to have seen 300 days" in model.note_
