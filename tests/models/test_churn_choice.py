"""Who wins when looking back: four numbers where they are the truth, trees where there is more."""

import numpy as np
import numpy.typing as npt
import pytest

from features.errors import InputError
from features.instants import DAY_MS
from models.churn import ChurnModel
from models.churn.recalibration import ORDER_VALUE
from models.purchases import Counts

RHYTHM = (
    "cadence_order_days_since_last",
    "cadence_order_days_since_first",
    "cadence_order_gap_mean_life",
)

Rows = tuple[
    npt.NDArray[np.float32], npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]
]


def shop(
    customers: int = 500, instants: int = 8, mood: float = 0.0, seed: int = 0, days: int = 60
) -> Rows:
    """Poisson buyers who never leave; with `mood`, a figure beside their rhythm slows some.

    Columns RHYTHM, the mood (0 or 1) and three of noise; whether left, the instant, and who.
    """
    drawn = np.random.default_rng(seed)
    rate, sad = drawn.gamma(2.0, 0.008, customers), drawn.integers(0, 2, customers)
    joined = drawn.uniform(0, 300, customers)
    times = [np.cumsum(drawn.exponential(1 / r, 60)) for r in rate]
    parts = []
    for month in range(instants):
        now = 400.0 + 30 * month
        rhythm = np.full((customers, 3), np.nan)
        left = np.zeros(customers, np.bool_)
        for i, gaps in enumerate(times):
            orders = joined[i] + np.concatenate([[0.0], gaps])
            seen = orders[orders < now]
            rhythm[i, :2] = now - seen[-1], now - seen[0]
            rhythm[i, 2] = (seen[-1] - seen[0]) / (len(seen) - 1) if len(seen) > 1 else np.nan
            ahead = days * (1 - mood * sad[i])
            left[i] = not ((orders >= now) & (orders < now + ahead)).any()
        noise = drawn.normal(size=(customers, 3))
        at = np.full(customers, int(now * DAY_MS))
        rows = np.column_stack([rhythm, sad, noise]).astype(np.float32)
        parts.append((rows, left, at, np.arange(customers)))
    table, y, at, who = (np.concatenate(each) for each in zip(*parts, strict=True))
    return table, y, at, who


NAMES = (*RHYTHM, "mood", "noise_1", "noise_2", "noise_3")


def fitted(rows: Rows, horizon: int = 60, days: int = 60) -> ChurnModel:
    table, y, at, who = rows
    return ChurnModel(threads=1).fit(table, y, at, NAMES, horizon, np.full(len(y), days), who)


def test_where_rhythm_is_all_there_is_the_recalibration_stands_alone() -> None:
    choice = fitted(shop()).choice_
    assert (choice.recalibration, choice.trees) == (1, 0)


def test_what_an_order_is_worth_tells_a_small_shop_who_comes_back() -> None:
    """And needs no trees; of whom it is not known, it says nothing."""
    names = (*RHYTHM, ORDER_VALUE, "noise_1", "noise_2", "noise_3")
    table, y, at, who = shop(customers=200, mood=0.6)
    table[:, 3] = np.where(table[:, 3] == 1, 5.0, 50.0)
    table[who < 20, 3] = np.nan
    model = ChurnModel(threads=1).fit(table, y, at, names, 60, customer=who)
    assert model.choice_.recalibration > 0
    cheap, dear, unknown = (table[who == 50].copy() for _ in range(3))
    cheap[:, 3], dear[:, 3], unknown[:, 3] = 5.0, 50.0, np.nan
    risks = [model.predict_proba(each) for each in (dear, unknown, cheap)]
    assert (np.diff(risks, axis=0) > 0).all()
    told, parts = model.contributions(cheap)
    assert (parts[:, told.index(ORDER_VALUE)] > 0).all()


def test_what_rhythm_does_not_know_the_trees_are_trusted_with() -> None:
    model = fitted(shop(mood=0.8))
    assert model.choice_.trees == 1
    assert model.choice_.looks == 6
    table, y, *_ = shop(mood=0.8, seed=1)
    sad = table[:, 3] == 1
    risk = model.predict_proba(table)
    assert risk[sad].mean() == pytest.approx(y[sad].mean(), abs=0.07)


def test_nobody_is_judged_by_what_was_learnt_from_them() -> None:
    """Who they are tells everything of the customers seen, and nothing of others."""
    table, y, at, who = shop(mood=0.0)
    secret = np.random.default_rng(3).random(500)
    table = table.copy()
    table[:, 4] = secret[who]  # a name: trees can learn it by heart
    model = ChurnModel(threads=1).fit(table, y, at, NAMES, 60, customer=who)
    assert model.choice_.trees < 1


def test_groups_of_later_customers_leave_at_rates_inside_the_intervals() -> None:
    inside, groups, width = 0, 0, []
    for seed in range(4):
        model = fitted(shop(mood=0.5, seed=seed))
        table, y, at, _ = shop(mood=0.5, seed=100 + seed, instants=10)
        now = at == at.max()
        found = model.estimate(table[now], int(at.max()))
        assert ((found.low <= found.probability) & (found.probability <= found.high)).all()
        for group in np.array_split(np.argsort(found.probability), 5):
            left = y[now][group].mean()
            chance = 1.64 * np.sqrt(left * (1 - left) / len(group))
            low, high = found.low[group].mean() - chance, found.high[group].mean() + chance
            inside, groups = inside + (low <= left <= high), groups + 1
        width.append(float((found.high - found.low).mean()))
    assert inside / groups >= 0.9
    assert max(width) < 0.6


def test_a_surer_interval_is_wider() -> None:
    model, (table, *_) = fitted(shop()), shop(seed=1)
    narrow, wide = model.estimate(table, level=0.5), model.estimate(table, level=0.95)
    assert (wide.low <= narrow.low).all()
    assert (narrow.high <= wide.high).all()
    with pytest.raises(InputError, match=r"level = 1\.5"):
        model.estimate(table, level=1.5)


def test_a_horizon_longer_than_what_was_learnt_is_stretched_and_less_sure() -> None:
    rows = shop(instants=4)
    whole, short = fitted(rows), fitted(rows, horizon=180)
    assert (short.learnt_days_, short.horizon_days_) == (60, 180)
    table, *_ = shop(seed=1)
    near, far = whole.estimate(table), short.estimate(table)
    assert (far.probability < near.probability).all()
    truth = 1 - np.isin(np.arange(len(table)), np.flatnonzero(~shop(seed=1, days=180)[1])).mean()
    assert far.probability.mean() == pytest.approx(truth, abs=0.08)
    order = np.argsort(near.probability)
    assert (np.diff(far.probability[order]) >= -1e-12).all()
    log_width = [np.log(np.log(e.low) / np.log(e.high)).mean() for e in (near, far)]
    assert log_width[1] > log_width[0]


def test_a_label_cannot_look_further_than_the_horizon() -> None:
    table, y, at, _ = shop(customers=50)
    with pytest.raises(InputError, match="from 1 to 60 days"):
        ChurnModel().fit(table, y, at, NAMES, 60, np.full(len(y), 90))
    with pytest.raises(InputError, match="same for all rows of an instant"):
        ChurnModel().fit(table, y, at, NAMES, 60, np.arange(len(y)) % 2 + 30)


def test_a_column_that_was_constant_moves_nothing_later() -> None:
    table, y, at, who = shop()
    table[:, 4] = 7.0
    model = ChurnModel(threads=1).fit(table, y, at, NAMES, 60, customer=who)
    other = table.copy()
    other[:, 4] = 1e6
    np.testing.assert_array_equal(model.predict_proba(other), model.predict_proba(table))


def test_counts_without_a_repeat_leave_the_trees_alone() -> None:
    table, y, at, who = shop(customers=200)
    table[:, 2] = np.nan
    assert not (Counts.of_features(table, NAMES) or Counts(*np.zeros((3, 1)))).frequency.any()
    model = ChurnModel(threads=1).fit(table, y, at, NAMES, 60, customer=who)
    assert model.choice_.kind is None
    assert model.choice_.trees == 1
    assert 0 < model.predict_proba(table).mean() < 1
