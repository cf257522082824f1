from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from features.errors import BundleError, InputError, NotEnoughDataError
from features.instants import DAY_MS
from models.churn import ChurnModel

NAMES = ("cadence_order_days_since_last", "purchase_orders_life", "preference_brand_top_life")

Rows = tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], npt.NDArray[np.int64]]


def rows(n: int = 1_200, instants: int = 6, seed: int = 0) -> Rows:
    """The longer the silence, the surer the customer has left; nothing else matters."""
    drawn = np.random.default_rng(seed)
    silence = drawn.uniform(0, 200, n)
    table = np.column_stack([silence, drawn.integers(1, 9, n), drawn.integers(0, 4, n)])
    left = drawn.random(n) < silence / 200
    at = np.sort(np.arange(n) % instants) * 30 * DAY_MS
    return table.astype(np.float32), left, at


@pytest.fixture(scope="module")
def model() -> ChurnModel:
    return ChurnModel(threads=1).fit(*rows(), NAMES, 60)


def test_the_longer_the_silence_the_higher_the_risk(model: ChurnModel) -> None:
    asked = np.array([[10, 3, 1], [100, 3, 1], [190, 3, 1]], np.float32)
    risk = model.predict_proba(asked)
    assert (np.diff(risk) > 0.1).all()
    assert risk.dtype == np.float64


def test_probabilities_mean_what_they_say() -> None:
    model = ChurnModel(threads=1).fit(*rows(6_000), NAMES, 60)
    table, left, _ = rows(6_000, seed=1)
    risk = model.predict_proba(table)
    assert risk.mean() == pytest.approx(left.mean(), abs=0.05)
    high = risk > 0.75
    assert risk[high].mean() == pytest.approx(left[high].mean(), abs=0.06)


def cohort(instants: int = 17, step_days: int = 30, n: int = 400, seed: int = 0) -> Rows:
    """Customers who order at rates of their own, twice as often in one quarter of each year."""
    drawn = np.random.default_rng(seed)
    parts = []
    for month in range(instants):
        at = np.int64(400 + month * step_days)
        rate = drawn.gamma(2.0, 0.01, n)
        age = drawn.uniform(60, 400, n)
        orders = drawn.poisson(rate * age)
        last = np.where(orders > 0, age - age * drawn.beta(np.maximum(orders, 1), 1.0), age)
        gap = np.where(orders > 0, (age - last) / np.maximum(orders, 1), np.nan)
        busy = 2.0 if 180 <= at % 365 < 270 else 1.0
        left = drawn.random(n) < np.exp(-rate * 60 * busy)
        table = np.column_stack([last, age, gap])
        parts.append((table.astype(np.float32), left, np.full(n, at * DAY_MS)))
    table, left, when = (np.concatenate(each) for each in zip(*parts, strict=True))
    return table, left, when


RHYTHM = (
    "cadence_order_days_since_last",
    "cadence_order_days_since_first",
    "cadence_order_gap_mean_life",
)


def test_a_season_that_came_last_year_is_expected_again() -> None:
    table, left, at = cohort()
    model = ChurnModel(threads=1).fit(table, left, at, RHYTHM, 60)
    fresh = cohort(instants=1, seed=1)[0]
    quiet, busy = ((365 * 2 + day) * DAY_MS for day in (100, 220))
    assert model.season_.power(busy) == pytest.approx(2 * model.season_.power(quiet), rel=0.25)
    assert model.predict_proba(fresh, busy).mean() < model.predict_proba(fresh, quiet).mean() - 0.1


def test_whoever_never_ordered_has_a_risk_and_no_error() -> None:
    model = ChurnModel(threads=1).fit(*cohort(), RHYTHM, 60)
    assert 0 < model.predict_proba(np.full((1, 3), np.nan, np.float32))[0] < 1


def test_the_same_input_gives_the_same_model(model: ChurnModel, tmp_path: Path) -> None:
    again = ChurnModel(threads=1).fit(*rows(), NAMES, 60)
    for name, one in (("a", model), ("b", again)):
        one.save(tmp_path / name)
    for file in ("trees.txt", "churn.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_what_is_saved_predicts_the_same_when_loaded(model: ChurnModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = ChurnModel.load(tmp_path)
    table = rows()[0]
    np.testing.assert_array_equal(loaded.predict_proba(table), model.predict_proba(table))
    assert loaded.feature_names_ == NAMES
    assert loaded.horizon_days_ == 60
    assert loaded.reasons(table[0]) == model.reasons(table[0])


def test_a_customer_alone_has_the_risk_of_the_customer_among_many(model: ChurnModel) -> None:
    table = rows()[0]
    alone = [model.predict_proba(row[None, :])[0] for row in table[:20]]
    np.testing.assert_array_equal(model.predict_proba(table)[:20], alone)


def test_undefined_features_have_a_risk_too(model: ChurnModel) -> None:
    risk = model.predict_proba(np.full((1, 3), np.nan, np.float32))
    assert 0 < risk[0] < 1


def test_nobody_to_predict_is_no_error(model: ChurnModel) -> None:
    assert len(model.predict_proba(np.empty((0, 3), np.float32))) == 0


def test_reasons_say_the_customers_own_figure(model: ChurnModel) -> None:
    first = model.reasons(np.array([190, 3, 1], np.float32))[0]
    assert first.group == "rhythm"
    assert first.text == "3 orders so far, the last 190 days ago"
    assert first.contribution > 0
    assert model.reasons(np.array([5, 3, 1], np.float32))[0].contribution < 0


def test_two_copies_of_one_feature_are_one_reason() -> None:
    table, left, at = rows()
    twice = np.column_stack([table[:, 0], table[:, 0]])
    names = ("cadence_order_days_since_last", "cadence_silence")
    model = ChurnModel(threads=1).fit(twice, left, at, names, 60)
    columns, moved = model.contributions(twice[:1])
    assert columns == names
    assert (moved != 0).all()
    (only,) = model.reasons(twice[0])
    assert only.group == "rhythm"
    assert only.contribution == pytest.approx(moved.sum())


def test_contributions_of_all_add_up_to_how_far_the_odds_are_from_everybodys() -> None:
    model = ChurnModel(threads=1).fit(*cohort(), RHYTHM, 60)
    table = cohort(instants=1, seed=2)[0][:20]
    for at in (None, model.at_ + 100 * DAY_MS):
        risk = model.predict_proba(table, at)
        everybody = np.log(model.mean_rate_ / (1 - model.mean_rate_))
        far = np.log(risk / (1 - risk)) - everybody
        told = model.contributions(table, at)[1].sum(axis=1)
        np.testing.assert_allclose(told, far, atol=0.15)
        one = sum(reason.contribution for reason in model.reasons(table[0], at=at))
        assert one == pytest.approx(told[0])


def test_contributions_of_nobody_are_no_error(model: ChurnModel) -> None:
    assert model.contributions(np.empty((0, 3), np.float32))[1].shape == (0, 3)


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_only_is_refused_with_the_counts(outcome: bool) -> None:
    table, left, at = rows()
    with pytest.raises(NotEnoughDataError, match=r"of 1,200 customers (1,200|0) left"):
        ChurnModel().fit(table, np.full(len(left), outcome), at, NAMES, 60)


def test_infinite_features_are_refused_by_name() -> None:
    table, left, at = rows()
    table[3, 1] = np.inf
    with pytest.raises(InputError, match="purchase_orders_life"):
        ChurnModel().fit(table, left, at, NAMES, 60)


def test_columns_that_do_not_fit_are_refused(model: ChurnModel) -> None:
    table, left, at = rows()
    with pytest.raises(InputError, match="2 feature_names"):
        ChurnModel().fit(table, left, at, NAMES[:2], 60)
    with pytest.raises(InputError, match=r"\(customers, 3\)"):
        model.predict_proba(table[:, :2])
    with pytest.raises(InputError, match="one entry per row"):
        ChurnModel().fit(table, left[:-1], at, NAMES, 60)
    with pytest.raises(InputError, match="boolean"):
        ChurnModel().fit(table, left.astype(float), at, NAMES, 60)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="horizon_days = 0"):
        ChurnModel().fit(table, left, at, NAMES, 0)


def test_an_unfitted_model_says_so() -> None:
    with pytest.raises(InputError, match="not fitted"):
        ChurnModel().predict_proba(np.empty((1, 0), np.float32))


def test_a_damaged_model_is_refused(model: ChurnModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    (tmp_path / "trees.txt").write_text("not a model")
    with pytest.raises(BundleError, match="cannot read the churn model"):
        ChurnModel.load(tmp_path)
