from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pytest

from features.errors import InputError
from models.next_product.trees import MOST_LEAVES, Trees

Rows = npt.NDArray[np.float32]


def drawn(rows: int, seed: int = 0) -> Rows:
    """Few different values, so that many of them are a threshold's neighbours."""
    values = np.random.default_rng(seed).normal(size=(rows, 6)).astype(np.float32)
    return np.round(values, 1)


def booster(leaves: int, trees: int = 20, x: Rows | None = None) -> lgb.Booster:
    rows = drawn(2_000) if x is None else x
    label = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0.3).astype(np.float32)
    settings = {"objective": "binary", "num_leaves": leaves, "num_threads": 1, "verbosity": -1}
    return lgb.train(settings, lgb.Dataset(rows, label), trees)


@pytest.mark.parametrize("leaves", [2, 15, 32, MOST_LEAVES])
def test_trees_answer_what_lightgbm_answers(leaves: int) -> None:
    fitted = booster(leaves)
    asked = drawn(500, seed=1)
    expected = fitted.predict(asked, raw_score=True)
    np.testing.assert_allclose(Trees.of(fitted).raw(asked.T), expected, rtol=1e-12, atol=1e-12)


def test_the_neighbours_of_a_threshold_fall_on_their_sides() -> None:
    fitted = booster(15)
    trees = Trees.of(fitted)
    below, above = np.float32(-np.inf), np.float32(np.inf)
    # LightGBM reads what is nearer to 0 than 1e-35 as 0, and has thresholds there
    tests = np.flatnonzero(np.abs(trees.threshold) > 1e-30)
    asked = np.repeat(drawn(1), 3 * len(tests), axis=0)
    for i, (column, value) in enumerate(
        zip(trees.column[tests], trees.threshold[tests], strict=True)
    ):
        near = (np.nextafter(value, below), value, np.nextafter(value, above))
        asked[3 * i : 3 * i + 3, column] = near
    expected = fitted.predict(asked, raw_score=True)
    np.testing.assert_allclose(trees.raw(asked.T), expected, rtol=1e-12, atol=1e-12)


def test_trees_that_found_nothing_to_split_are_constants() -> None:
    trees = Trees.of(booster(15, trees=2, x=np.zeros((100, 6), np.float32)))
    assert len(set(trees.raw(drawn(3).T).tolist())) == 1


def test_what_is_saved_answers_the_same(tmp_path: Path) -> None:
    trees = Trees.of(booster(15))
    trees.save(tmp_path)
    np.testing.assert_array_equal(Trees.load(tmp_path).raw(drawn(9).T), trees.raw(drawn(9).T))


def test_a_tree_of_more_leaves_than_a_word_has_bits_is_refused() -> None:
    with pytest.raises(InputError, match=f"leaves; at most {MOST_LEAVES}"):
        Trees.of(booster(MOST_LEAVES + 16))


def test_missing_values_go_where_lightgbm_sends_them() -> None:
    holes = drawn(2_000)
    holes[::3, 0] = np.nan
    holes[holes[:, 1] > 0.5, 1] = np.nan
    fitted = booster(20, x=holes)
    asked = drawn(500, seed=1)
    asked[::2, :2] = np.nan
    asked[::5, 2] = np.nan  # was never missing before
    trees = Trees.of(fitted)
    assert trees.missing_fails.any()
    assert not trees.missing_fails.all()
    expected = fitted.predict(asked, raw_score=True)
    np.testing.assert_allclose(trees.raw(asked.T), expected, rtol=1e-12, atol=1e-12)


def test_small_trees_have_short_words() -> None:
    assert Trees.of(booster(32)).kept.dtype == np.uint32
    assert Trees.of(booster(33)).kept.dtype == np.uint64


def test_zeros_that_mean_missing_are_refused() -> None:
    rows = drawn(2_000)
    settings = {"objective": "binary", "zero_as_missing": True, "verbosity": -1, "num_threads": 1}
    fitted = lgb.train(settings, lgb.Dataset(rows, rows[:, 0] > 0), 2)
    with pytest.raises(InputError, match="missing values Zero"):
        Trees.of(fitted)
