"""The ranker: LightGBM's answers, and probabilities that come true."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit

from features.errors import InputError
from models.next_product import Ranker
from models.next_product.batch import Batch
from models.next_product.learning import examples
from models.next_product.ranker import ENOUGH
from tests.models.trained import CUTOFF, PRODUCTS, next_product, period, shop

NAMES = ("a", "b", "c", "d")
KEPT = 0.25


def drawn(rows: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Candidates of which one in ten is bought; a tenth of one column is missing."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, len(NAMES))).astype(np.float32)
    bought = random.random(rows) < expit(x[:, 0] + 0.5 * x[:, 1] - 2.6)
    x[random.random(rows) < 0.1, 2] = np.nan
    return x, bought


def learnt(**settings: object) -> Ranker:
    x, bought = drawn(48_000, seed=0)
    kept = bought | (np.random.default_rng(1).random(len(bought)) < KEPT)
    weight = np.where(bought, 1.0, 1 / KEPT)[kept].astype(np.float32)
    group = np.full(kept.sum() // 10 + 1, 10)
    group[-1] = kept.sum() - group[:-1].sum()
    ranker = Ranker(threads=1, **settings)  # type: ignore[arg-type]
    return ranker.fit(x[kept], bought[kept], group, weight, NAMES)


@pytest.mark.parametrize("leaves", [15, 63])
def test_a_score_is_what_lightgbm_says_of_purchase_and_of_order(leaves: int) -> None:
    ranker = learnt(leaves=leaves, trees=20, min_rows=10, held_out=0)
    asked, _ = drawn(1_500, seed=2)
    said = [np.asarray(each.predict(asked, raw_score=True)) for each in ranker.boosters_]
    assert len(said) == 2
    np.testing.assert_allclose(ranker.predict(asked), expit(sum(said)), atol=1e-6)


def test_trees_of_more_leaves_than_can_be_scored_are_refused() -> None:
    with pytest.raises(InputError, match="leaves = 65: choose 2 to 64"):
        Ranker(leaves=65)


def test_the_mean_probability_is_the_share_bought_though_negatives_were_left_out() -> None:
    asked, bought = drawn(20_000, seed=3)
    predicted = learnt(trees=40, min_rows=200).predict(asked)
    assert predicted.mean() == pytest.approx(bought.mean(), rel=0.1)


def test_trees_that_learnt_by_heart_are_corrected_on_who_was_held_out() -> None:
    """What the surest tenth of the rows is said to buy is what it buys."""
    asked, bought = drawn(20_000, seed=3)
    off = []
    for held_out in (0.0, 0.05):
        ranker = learnt(trees=120, leaves=31, learning_rate=0.3, min_rows=5, held_out=held_out)
        predicted = ranker.predict(asked)
        surest = predicted >= np.quantile(predicted, 0.9)
        off.append(abs(predicted[surest].mean() / bought[surest].mean() - 1))
    assert off[0] > 0.3
    assert off[1] < off[0] / 2


def test_probabilities_come_true_in_a_later_period() -> None:
    timelines, products = shop()
    model = next_product()
    later = period(timelines, products, CUTOFF)
    batch = Batch(
        model.generators,
        PRODUCTS,
        model.customer_features_,
        timelines,
        products,
        later.reference,
        threads=1,
    )
    parts = list(examples(batch, later, model.refills_, 1.0, 0))
    bought = np.concatenate([part.bought for part in parts])
    predicted = np.concatenate([model.ranker.predict(part.rows) for part in parts])
    assert len(bought) > 2_000
    assert predicted.mean() == pytest.approx(bought.mean(), rel=0.15)


def few(seed: int, customers: int, says: float) -> tuple[npt.NDArray[np.float32], ...]:
    """Twenty candidates of each customer; one column tells who buys, nineteen nothing."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(20 * customers, 20)).astype(np.float32)
    return x, random.random(len(x)) < expit(says * x[:, 0] - 2.5)


def same(x: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Weights of 1, and names."""
    return np.ones(len(x), np.float32), [str(column) for column in range(x.shape[1])]


@pytest.mark.parametrize("says", [1.0, 0.0])
def test_a_small_shop_is_not_sure_of_what_it_learnt_by_heart(says: float) -> None:
    """Too few purchases to hold customers out once: each is held out in turn."""
    x, bought = few(0, 100, says)
    assert bought.sum() < ENOUGH / 2
    ranker = Ranker(trees=100, leaves=31, min_rows=5, threads=1)
    ranker.fit(
        x, bought, np.full(100, 20), np.ones(len(x), np.float32), [str(i) for i in range(20)]
    )
    asked, comes = few(1, 1_000, says)
    predicted = ranker.predict(asked)
    surest = predicted >= np.quantile(predicted, 0.95)
    assert predicted[surest].mean() == pytest.approx(comes[surest].mean(), rel=0.25)
    assert predicted.mean() == pytest.approx(comes.mean(), rel=0.2)


def test_lists_longer_than_lightgbm_orders_are_learnt_from_in_parts() -> None:
    x, bought = few(0, 600, 1.0)
    ranker = Ranker(trees=5, threads=1, held_out=0)
    ranker.fit(
        x, bought, np.array([12_000]), np.ones(len(x), np.float32), [str(i) for i in range(20)]
    )
    assert ranker.predict(x)[bought].mean() > ranker.predict(x)[~bought].mean()


def test_nobody_to_tell_apart_is_no_error() -> None:
    x = few(0, 5, 0.0)[0]
    for bought in (np.zeros(len(x), np.bool_), np.ones(len(x), np.bool_)):
        ranker = Ranker(trees=2, threads=1)
        ranker.fit(
            x, bought, np.full(5, 20), np.ones(len(x), np.float32), [str(i) for i in range(20)]
        )
        assert np.isfinite(ranker.predict(x)).all()


def test_what_is_saved_answers_the_same(tmp_path: Path) -> None:
    ranker = learnt(trees=10)
    assert ranker.slope_ != 1.0
    ranker.save(tmp_path)
    asked, _ = drawn(100, seed=2)
    np.testing.assert_array_equal(Ranker.load(tmp_path).predict(asked), ranker.predict(asked))


def test_one_row_is_scored_as_among_many() -> None:
    ranker = learnt(trees=10)
    asked, _ = drawn(1_200, seed=2)
    together = ranker.predict(asked)
    assert [ranker.predict(asked[i : i + 1])[0] for i in (0, 600, 1_199)] == together[
        [0, 600, 1_199]
    ].tolist()
