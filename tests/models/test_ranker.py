"""The ranker: LightGBM's answers, and probabilities that come true."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit

from models.next_product import Ranker
from models.next_product.batch import Batch
from models.next_product.learning import examples
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


@pytest.mark.parametrize("leaves", [15, 31, 63, 100])
def test_a_score_is_lightgbms(leaves: int) -> None:
    ranker = learnt(leaves=leaves, trees=20, min_rows=10, held_out=0)
    assert ranker.booster_ is not None
    asked, _ = drawn(1_500, seed=2)
    expected = np.asarray(ranker.booster_.predict(asked))
    np.testing.assert_allclose(ranker.predict(asked), expected, atol=1e-6)


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
    parts = list(examples(batch, later, 1.0, 0))
    bought = np.concatenate([part.bought for part in parts])
    predicted = np.concatenate([model.ranker.predict(part.rows) for part in parts])
    assert len(bought) > 2_000
    assert predicted.mean() == pytest.approx(bought.mean(), rel=0.15)


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
