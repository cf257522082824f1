import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import NotEnoughDataError
from features.instants import DAY_MS
from features.timeline import Timelines
from tests.models.shop import catalog, day, seeded_shop
from training.backtest import Backtest, backtest, past_cutoffs
from training.bands import bands, bands_of, changes
from training.fit import train_churn
from training.past import PastRows
from training.recipe import ChurnRecipe

RECIPE = ChurnRecipe(horizon_days=45, instants=3, trees=20, min_history_days=30)
CUTOFF = day(300)


@pytest.fixture(scope="module")
def past() -> PastRows:
    return PastRows(seeded_shop(), catalog(30), 45)


@pytest.fixture(scope="module")
def found(past: PastRows) -> Backtest:
    return backtest(past, RECIPE, CUTOFF, threads=1)


def days(back: Backtest) -> list[int]:
    return [(test.at - day(0)) // DAY_MS for test in back.tests]


def test_cutoffs_lie_one_horizon_apart_and_end_at_the_measured_one(found: Backtest) -> None:
    assert days(found) == [165, 210, 255, 300]
    assert found.notes == ()
    for test in found.tests:
        assert test.learnt.at.max() + 45 * DAY_MS <= test.at
        assert (test.rows.at == test.at).all()


@given(st.integers(0, 600), st.integers(1, 120), st.integers(1, 8), st.integers(0, 120))
def test_every_cutoff_has_history_and_few_are_explained(
    length: int, horizon: int, number: int, history: int
) -> None:
    last = length * DAY_MS
    chosen = past_cutoffs(0, last, horizon_days=horizon, number=number, min_history_days=history)
    assert chosen.at[-1] == last
    assert 1 <= len(chosen.at) <= number
    assert (chosen.at[:-1] >= (horizon + history) * DAY_MS).all()
    gaps = np.diff(chosen.at) // DAY_MS
    assert ((gaps >= max(1, horizon // 3)) & (gaps <= horizon)).all()
    fewer, overlap = len(chosen.at) < number, bool((gaps < horizon).any())
    assert bool(chosen.note) == (fewer or overlap)


def test_a_short_history_gives_fewer_cutoffs_and_says_why(past: PastRows) -> None:
    short = backtest(past, RECIPE, day(110), threads=1)
    assert days(short) == [80, 95, 110]
    assert "3 of 4 cutoffs" in short.notes[0]
    assert "30 days of history and 45 days of labels" in short.notes[0]
    assert "15 days apart" in short.notes[0]


def test_nothing_after_a_cutoff_is_learnt(past: PastRows, found: Backtest) -> None:
    shop = past.timelines
    before = Timelines.of(
        [(name, shop.customer(i).until(found.tests[1].at)) for i, name in enumerate(shop.ids())]
    )
    alone = train_churn(before, past.catalog, RECIPE, found.tests[1].at, threads=1)
    test = found.tests[1]
    np.testing.assert_array_equal(
        alone.predict_proba(test.rows.X, test.at), test.evaluation.predicted["ours"]
    )


def test_rows_that_were_made_are_those_that_would_be_made(past: PastRows) -> None:
    now = np.array([day(200), day(230)])
    kept = past.at(now, known_by=day(250))
    fresh = PastRows(past.timelines, past.catalog, 45).at(now, known_by=day(250))
    np.testing.assert_array_equal(kept.X, fresh.X)
    np.testing.assert_array_equal(kept.y, fresh.y)
    assert past.at(now, known_by=day(231)).y.sum() > kept.y.sum()  # fewer orders had arrived


def test_the_measured_model_is_used_again(past: PastRows, found: Backtest) -> None:
    model = found.last.model
    again = backtest(past, RECIPE, CUTOFF, measured=model, number=1, threads=1)
    assert again.last.model is model
    assert again.metrics["ours.auc.mean"] == found.last.evaluation.metrics["ours.auc"]
    assert "ours.auc.sd" not in again.metrics


def test_means_are_over_the_cutoffs_for_every_method(found: Backtest) -> None:
    assert {"ours", "base_rate", "recency", "rfm_logistic", "mbg_nbd"} == set(found.methods)
    for method in found.methods:
        values = [t.evaluation.metrics[f"{method}.brier"] for t in found.tests]
        assert found.metrics[f"{method}.brier.mean"] == pytest.approx(np.mean(values))
        assert found.metrics[f"{method}.brier.sd"] == pytest.approx(np.std(values, ddof=1))
    assert found.metrics["ours.auc.mean"] > 0.9


def test_a_horizon_that_is_not_over_is_not_tested(past: PastRows) -> None:
    with pytest.raises(NotEnoughDataError, match="choose a cutoff no later than"):
        backtest(past, RECIPE, day(350))


def test_progress_is_told_of_every_cutoff(past: PastRows) -> None:
    told: list[tuple[str, int, int]] = []
    backtest(past, RECIPE, CUTOFF, number=2, threads=1, progress=lambda *step: told.append(step))
    assert told == [("churn back-test", done, 2) for done in (0, 1, 2)]


def test_bands_say_what_became_of_their_customers(past: PastRows, found: Backtest) -> None:
    table = bands(found.last, past.orders)
    left = found.last.evaluation.left
    assert sum(band.customers for band in table) == len(left)
    assert sum(band.customers * band.observed.value for band in table if band.customers) == (
        pytest.approx(left.sum())
    )
    assert table[0].name == "80–100\u00a0%"
    assert table[0].observed.value > table[-1].observed.value
    assert all(0 <= band.spend_of_leavers <= band.spend for band in table)
    # 90 % of the shop's spend is of those who stay
    assert table[-1].spend > table[0].spend


def test_scores_change_between_cutoffs(found: Backtest) -> None:
    steps = changes(found.tests)
    assert [(step.before, step.after) for step in steps] == [
        (a.at, b.at) for a, b in zip(found.tests, found.tests[1:], strict=False)
    ]
    for step in steps:
        assert 0.3 < step.rank_correlation <= 1
        assert abs(step.mean_change) <= step.mean_absolute_change
        assert step.rose + step.fell <= 1


def test_unchanged_scores_are_perfectly_steady(found: Backtest) -> None:
    (step,) = changes([found.last, found.last])
    assert step.rank_correlation == pytest.approx(1)
    assert (step.mean_absolute_change, step.rose, step.fell) == (0, 0, 0)


def test_certainty_is_in_the_last_band(found: Backtest) -> None:
    names, code = bands_of(found.last.evaluation)
    assert (code >= 0).all()
    assert (code < len(names)).all()
