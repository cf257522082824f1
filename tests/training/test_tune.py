from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.errors import NotEnoughDataError
from features.instants import DAY_MS
from tests.models.shop import catalog, day, seeded_shop
from training.intervals import Interval
from training.past import PastRows
from training.recipe import ChurnRecipe, NextProductRecipe, Recipe
from training.tune import Fold, Tuned, folds, toml, tune

RECIPE = ChurnRecipe(horizon_days=45, instants=3, trees=20, min_history_days=30, min_rows=20)
CUTOFF = day(300)


@pytest.fixture(scope="module")
def parts() -> list[Fold]:
    return folds(PastRows(seeded_shop(), catalog(30), 45), RECIPE, CUTOFF)


def searched(parts: list[Fold], folder: Path, trials: int = 3, **changes: object) -> Tuned:
    pytest.importorskip("optuna", reason="Optuna is not installed")
    return tune(
        parts,
        RECIPE.model_copy(update=changes),
        storage=folder / "tuning.db",
        fingerprint="f00d",
        seconds=60,
        most_trials=trials,
        threads=1,
    )


def test_no_fold_reaches_what_the_model_is_measured_on(parts: list[Fold]) -> None:
    assert len(parts) == 4
    for part in parts:
        assert (part.learnt.at + part.learnt.days * DAY_MS).max() == part.at
        assert part.at + 45 * DAY_MS <= CUTOFF


def test_purchase_models_that_are_used_again_change_no_loss(parts: list[Fold]) -> None:
    other = RECIPE.model_copy(update={"trees": 10})
    shared = replace(parts[0], fits={})
    shared.losses(RECIPE, 0, 1)
    alone = replace(parts[0], fits={}).losses(other, 0, 1)
    np.testing.assert_array_equal(shared.losses(other, 0, 1), alone)


def test_a_history_without_two_cutoffs_cannot_be_tuned_on() -> None:
    with pytest.raises(NotEnoughDataError, match="keep the default recipe"):
        folds(PastRows(seeded_shop(), catalog(30), 45), RECIPE, day(130))


def test_the_first_trial_is_the_default(parts: list[Fold], tmp_path: Path) -> None:
    found = searched(parts, tmp_path, trials=1)
    first = found.trials[0]
    assert {name: first[name] for name in ("trees", "leaves", "min_rows")} == {
        "trees": 20,
        "leaves": 7,
        "min_rows": 20,
    }
    assert found.best == found.default
    assert found.best_loss == found.default_loss == first["log_loss"]
    assert found.difference.value == 0
    assert not found.better
    losses = [part.losses(RECIPE, 0, 1).mean() for part in parts[:-1]]
    assert found.default_loss == pytest.approx(np.mean(losses))


def test_running_again_goes_on(parts: list[Fold], tmp_path: Path) -> None:
    first = searched(parts, tmp_path, trials=3)
    again = searched(parts, tmp_path, trials=2)
    assert again.trials[:3] == first.trials
    assert len(again.trials) == 5
    settings = [(t["trees"], t["learning_rate"]) for t in again.trials]
    assert len(set(settings)) == 5
    assert again.best_loss <= first.best_loss
    other = searched(parts, tmp_path, trials=1, trees=30)
    assert len(other.trials) == 1


def test_a_bad_default_is_beaten_beyond_chance(parts: list[Fold], tmp_path: Path) -> None:
    found = searched(parts, tmp_path, trials=5, trees=1, leaves=2, learning_rate=0.005)
    assert found.best_loss < found.default_loss
    assert found.better
    assert found.difference.high < 0


def test_nothing_is_better_by_chance() -> None:
    found = Tuned(
        default=RECIPE,
        best=RECIPE.model_copy(update={"trees": 40}),
        trials=[],
        searched=(0,),
        confirmed=1,
        default_loss=0.5,
        best_loss=0.4,
        difference=Interval(-0.01, -0.03, 0.01),
    )
    assert not found.better
    assert replace(found, difference=Interval(-0.01, -0.02, -0.001)).better
    assert not replace(found, best=RECIPE, difference=Interval(-1.0, -1.0, -1.0)).better


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(churn=RECIPE, next_product=None),
        Recipe(churn=None, next_product=NextProductRecipe(periods=2, neighbours_weighting="bm25")),
    ],
)
def test_a_recipe_is_written_as_it_is_read(recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(toml(recipe))
    assert Recipe.load(path) == recipe
