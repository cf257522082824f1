"""What cannot be learnt from is said, with the figures."""

import pytest

from features.errors import NotEnoughDataError
from features.timeline import Timelines
from tests.models.shop import catalog, day, timeline
from training.fit import train_churn
from training.recipe import ChurnRecipe


def test_one_single_customer_is_not_enough_to_learn_churn_from() -> None:
    alone = Timelines.of([("only", timeline([(10.0 * i, [0]) for i in range(40)]))])
    recipe = ChurnRecipe(horizon_days=30, min_history_days=30)
    with pytest.raises(NotEnoughDataError, match="needs at least 10 customers who left"):
        train_churn(alone, catalog(1), recipe, day(390))
