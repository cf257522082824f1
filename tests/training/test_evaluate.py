from pathlib import Path

import numpy as np
import pytest

from features.catalog import Catalog
from features.errors import InputError, NotEnoughDataError
from features.reference import Reference
from features.timeline import Timelines
from models.bundle import Bundle
from models.next_product.history import Histories
from tests.models.shop import catalog, day, seeded_shop, timeline
from training.baselines import personal, rfm, top_overall
from training.dataset import Orders
from training.evaluate import Evaluation, evaluate
from training.fit import train_churn, train_next_product, train_value
from training.next_product import LONGEST
from training.recipe import ChurnRecipe, NextProductRecipe, Recipe, ValueRecipe

CUTOFF = day(300)
CHURN = ChurnRecipe(horizon_days=45, instants=4, trees=30)
VALUE = ValueRecipe(horizon_days=45, instants=4, trees=30)
NEXT = NextProductRecipe(periods=3, trees=20, als_factors=8, als_iterations=5)


@pytest.fixture(scope="module")
def shop() -> tuple[Timelines, Catalog]:
    return seeded_shop(), catalog(30)


@pytest.fixture(scope="module")
def bundle(shop: tuple[Timelines, Catalog]) -> Bundle:
    return Bundle(
        shop[1],
        Reference.as_of(*shop, CUTOFF),
        train_churn(*shop, CHURN, CUTOFF, threads=1),
        train_next_product(*shop, NEXT, CUTOFF, threads=1),
        value=train_value(*shop, VALUE, CUTOFF, threads=1),
    )


@pytest.fixture(scope="module")
def found(shop: tuple[Timelines, Catalog], bundle: Bundle) -> Evaluation:
    return evaluate(bundle, *shop, CUTOFF, churn_recipe=CHURN, threads=1)


def test_every_method_has_every_figure(found: Evaluation) -> None:
    for method in ("ours", "recency", "rfm_logistic"):
        for figure in ("auc", "brier", "ece", "lift_top_decile"):
            assert np.isfinite(found.metrics[f"churn.{method}.{figure}"])
    for method in ("ours", "frequency", "last_year", "bg_nbd", "mbg_nbd", "pareto_nbd"):
        for figure in ("orders_mae", "orders_rmse", "orders_spearman", "spend_mae", "spend_gini"):
            assert np.isfinite(found.metrics[f"value.{method}.{figure}"])
    for method in ("ours", "g_topfreq", "p_topfreq", "gp_topfreq", "als", "neighbours"):
        for figure in ("recall@10", "ndcg@20", "phr@10", "map@10", "coverage@10"):
            assert 0 <= found.metrics[f"next_product.{method}.{figure}"] <= 1


def test_leavers_and_tastes_that_can_be_seen_are_found(found: Evaluation) -> None:
    assert found.metrics["churn.ours.auc"] > 0.95
    assert found.metrics["churn.ours.mean_predicted"] == pytest.approx(
        found.metrics["churn.ours.mean_observed"], abs=0.1
    )
    assert found.metrics["value.ours.orders_spearman"] > 0.7
    assert found.metrics["value.ours.orders_mean_predicted"] == pytest.approx(
        found.metrics["value.ours.orders_mean_observed"], rel=0.25
    )
    assert found.metrics["value.ours.orders_rmse"] < found.metrics["value.frequency.orders_rmse"]
    ours = found.metrics["next_product.ours.recall@10"]
    assert ours > 2 * found.metrics["next_product.g_topfreq.recall@10"]
    assert found.metrics["next_product.ours.candidate_recall"] > 0.95


def test_plots_get_their_arrays(found: Evaluation) -> None:
    assert found.churn is not None
    assert found.next_product is not None
    forecast, observed, count = found.churn.reliability()
    assert len(forecast) == len(observed) == len(count) == 10
    approached, reached = found.churn.gain("recency")
    assert (approached[-1], reached[-1]) == (1, 1)
    curve = found.next_product.recall["ours"]
    assert len(curve) == LONGEST
    assert (np.diff(curve) >= 0).all()
    assert found.churn.importance
    assert found.next_product.importance


def test_nothing_after_the_cutoff_is_learnt(
    shop: tuple[Timelines, Catalog], bundle: Bundle, tmp_path: Path
) -> None:
    timelines, products = shop
    before = Timelines.of(
        [(name, timelines.customer(i).until(CUTOFF)) for i, name in enumerate(timelines.ids())]
    )
    assert bundle.churn is not None
    assert bundle.next_product is not None
    assert bundle.value is not None
    bundle.churn.save(tmp_path / "full" / "churn")
    bundle.value.save(tmp_path / "full" / "value")
    bundle.next_product.save(tmp_path / "full" / "next")
    train_churn(before, products, CHURN, CUTOFF, threads=1).save(tmp_path / "cut" / "churn")
    train_value(before, products, VALUE, CUTOFF, threads=1).save(tmp_path / "cut" / "value")
    cut = train_next_product(before, products, NEXT, CUTOFF, threads=1)
    cut.save(tmp_path / "cut" / "next")
    for path in (tmp_path / "full").rglob("*.*"):
        same = tmp_path / "cut" / path.relative_to(tmp_path / "full")
        assert path.read_bytes() == same.read_bytes(), path


def test_progress_is_told_of_every_step(shop: tuple[Timelines, Catalog]) -> None:
    told: list[tuple[str, int, int]] = []
    train_churn(*shop, CHURN, CUTOFF, threads=1, progress=lambda *step: told.append(step))
    assert told[0] == ("churn rows", 1, 5)
    assert told[-1] == ("churn fit", 1, 1)
    train_next_product(*shop, NEXT, CUTOFF, threads=1, progress=lambda *step: told.append(step))
    assert told[-1] == ("fit ranker", 1, 1)


def test_a_horizon_not_yet_over_is_not_evaluated(
    shop: tuple[Timelines, Catalog], bundle: Bundle
) -> None:
    with pytest.raises(NotEnoughDataError, match="choose a cutoff no later than"):
        evaluate(bundle, *shop, day(350))


def test_a_history_too_short_is_named(shop: tuple[Timelines, Catalog]) -> None:
    with pytest.raises(NotEnoughDataError, match="a horizon of 45 days"):
        train_churn(*shop, CHURN, day(1))
    with pytest.raises(NotEnoughDataError, match="no events"):
        train_churn(Timelines.of([]), shop[1], CHURN, CUTOFF)


def test_a_shop_without_past_periods_gets_a_model_without_a_ranker(
    shop: tuple[Timelines, Catalog],
) -> None:
    model = train_next_product(*shop, NEXT, day(20), threads=1)
    assert not model.judges


def histories(*customers: list[tuple[float, list[int]]]) -> Histories:
    timelines = Timelines.of([(f"c{i}", timeline(c)) for i, c in enumerate(customers)])
    everyone = np.arange(len(customers))
    return Histories.of(timelines, everyone, np.full(len(customers), day(50)), catalog(6))


def test_simple_baselines_rank_as_their_names_say() -> None:
    known = histories([(1, [0]), (2, [0, 1]), (3, [2])], [(1, [3]), (2, [3])], [(1, [3, 2])])
    top = top_overall(known, 6)
    assert top.tolist() == [2, 3, 0, 1]
    own = personal(known, 4, np.empty(0, np.int32))
    assert own.tolist() == [[0, 2, 1, -1], [3, -1, -1, -1], [2, 3, -1, -1]]
    assert personal(known, 4, top).tolist() == [[0, 2, 1, 3], [3, 2, 0, 1], [2, 3, 0, 1]]


def test_rfm_counts_what_was_known() -> None:
    shop = Timelines.of([("a", timeline([(10, [0]), (30, [0, 1]), (60, [0])]))])
    table = rfm(Orders.of(shop), np.array([0]), day(40))
    assert table.tolist() == [[10, 30, 2, 15]]


def test_the_default_recipe_is_the_code_s_defaults() -> None:
    assert Recipe.load() == Recipe()


def test_a_model_can_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("churn = false\npersonas = false\n[next_product]\nperiods = 2\n")
    recipe = Recipe.load(path)
    assert recipe.churn is None
    assert recipe.personas is None
    assert recipe.next_product == NextProductRecipe(periods=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[churn]\nhorizon = 30", r"churn\.horizon = 30: Extra inputs"),
        ("[churn]\nhorizon_days = 0", r"churn\.horizon_days = 0: "),
        (
            '[next_product]\nneighbours_weighting = "magic"',
            r"next_product\.neighbours_weighting = 'magic'",
        ),
        ("churn = 3", r"churn = 3"),
        ("= 3", "no TOML"),
    ],
)
def test_a_wrong_recipe_names_the_field_and_value(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        Recipe.load(path)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.toml"):
        Recipe.load(tmp_path / "nothing.toml")
