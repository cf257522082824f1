"""Expected orders and spend in small worlds whose truth is known."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from features.errors import BundleError, InputError, NotEnoughDataError
from features.instants import DAY_MS
from models.value import NEEDED, ValueModel
from models.value.choice import gini
from models.value.folds import folds
from models.value.past import _season

NAMES = (*NEEDED, "purchase_order_value_mean_life", "engagement_views_30d")
AT = 900 * DAY_MS
HORIZON = 60

World = dict[str, npt.NDArray[np.float64]]


def world(n: int = 600, seed: int = 0, days: int = HORIZON, viewers: float = 1.0) -> World:
    """Customers of up to 400 days who order at rates of their own; some have left.

    Half of them look at products: they order `viewers` times as often from now on, which no
    purchase model can know. Each has a level of order values; a tenth are wholesalers.
    """
    drawn = np.random.default_rng(seed)
    age = drawn.uniform(60, 400, n)
    rate = drawn.gamma(1.5, 0.02, n)
    alive = drawn.random(n) < 0.7
    life = np.where(alive, age, age * drawn.random(n))
    repeats = drawn.poisson(rate * life)
    last = np.where(repeats > 0, life * drawn.beta(np.maximum(repeats, 1), 1), 0.0)
    views = drawn.random(n) < 0.5
    pace = rate * np.where(views, viewers, 1.0) * alive
    orders = drawn.poisson(pace * days).astype(float)
    level = np.where(drawn.random(n) < 0.1, 1_000.0, 30.0) * drawn.gamma(20, 0.05, n)
    mean = level * drawn.gamma(10 * (repeats + 1), 1 / (10 * (repeats + 1)))
    wait = drawn.exponential(1 / np.maximum(pace, 1e-12))
    gap = np.where(repeats > 0, last / np.maximum(repeats, 1), np.nan)
    table = np.column_stack([age - last, age, gap, mean * (repeats + 1), mean, views * 9.0])
    return {
        "X": table.astype(np.float32), "orders": orders, "spend": orders * level,
        "level": level, "wait": np.where(pace > 0, wait, np.inf), "pace": pace * days,
    }  # fmt: skip


def fitted(instants: int = 4, seed: int = 0, n: int = 600, viewers: float = 1.0) -> ValueModel:
    """Trained on instants whose outcomes were known by AT."""
    parts = [world(n, seed + i, viewers=viewers) for i in range(instants)]
    at = [AT - (HORIZON + 60 * i) * DAY_MS for i in range(instants)][::-1]
    return ValueModel(threads=1).fit(
        np.concatenate([part["X"] for part in parts]).astype(np.float32),
        np.concatenate([part["orders"] for part in parts]),
        np.concatenate([part["spend"] for part in parts]),
        np.repeat(np.array(at), n),
        NAMES,
        HORIZON,
    )


@pytest.fixture(scope="module")
def model() -> ValueModel:
    return fitted(instants=6, viewers=3.0)  # a year, so that its level is believed


def test_what_is_expected_is_what_comes(model: ValueModel) -> None:
    fresh = world(4_000, seed=99, viewers=3.0)
    told = model.predict(fresh["X"])
    assert told.orders.mean() == pytest.approx(fresh["orders"].mean(), rel=0.15)
    assert told.spend.mean() == pytest.approx(fresh["spend"].mean(), rel=0.25)
    best = told.orders >= np.quantile(told.orders, 0.9)
    assert told.orders[best].mean() == pytest.approx(fresh["orders"][best].mean(), rel=0.25)


def test_trees_are_followed_where_they_know_what_a_purchase_model_cannot(model: ValueModel) -> None:
    assert model.chosen_.orders_share > 0
    row = world(1, seed=5)["X"]
    views, none = row.copy(), row.copy()
    views[0, 5], none[0, 5] = 9, 0
    ratio = model.predict(views).orders[0] / model.predict(none).orders[0]
    assert 1.3 < ratio < 4.5


def test_a_small_shop_without_anything_particular_is_left_to_the_statistics() -> None:
    plain = fitted(instants=2, n=130)
    assert (plain.chosen_.orders_share, plain.orders_trees_) == (0.0, None)


def test_few_customers_are_told_by_the_statistics_alone_and_it_is_said() -> None:
    few = fitted(instants=1, n=60)
    assert "60 past rows are too few for trees" in few.note_
    assert np.isfinite(few.predict(world(10, 1)["X"]).spend).all()


def test_a_wholesaler_is_expected_to_spend_more_than_a_household(model: ValueModel) -> None:
    row = world(1, seed=5)["X"]
    row[0, :5] = (20, 200, 30, 7 * 30, 30)
    whole = row.copy()
    whole[0, 3:5] = (7 * 1_000, 1_000)
    few, many = (model.predict(each).spend[0] for each in (row, whole))
    assert 10 < many / few < 60


def test_one_order_of_seventy_thousand_moves_nobody_elses_value() -> None:
    ordinary = world(600)
    odd = {name: column.copy() for name, column in ordinary.items()}
    place = int(np.argmax(odd["orders"]))
    odd["X"][place, 3:5] = 70_000
    odd["spend"][place] = 70_000
    at = np.full(600, AT - HORIZON * DAY_MS)
    asked = world(300, seed=7)["X"]
    told = [
        ValueModel(threads=1)
        .fit(shop["X"].astype(np.float32), shop["orders"], shop["spend"], at, NAMES, HORIZON)
        .predict(asked.astype(np.float32))
        .spend
        for shop in (ordinary, odd)
    ]
    np.testing.assert_allclose(told[1].sum(), told[0].sum(), rtol=0.3)
    np.testing.assert_allclose(told[1], told[0], rtol=0.5)


def test_a_history_shorter_than_the_horizon_is_extrapolated_and_says_so() -> None:
    short = world(800, days=30)
    at = np.full(800, AT - 30 * DAY_MS)
    model = ValueModel(threads=1).fit(
        short["X"], short["orders"], short["spend"], at, NAMES, 180, label_days=30
    )
    assert "too short to have seen 180 days" in model.note_
    fresh = world(4_000, seed=9, days=180)
    told = model.predict(fresh["X"])
    assert told.orders.mean() == pytest.approx(fresh["orders"].mean(), rel=0.3)


def test_days_that_trees_have_not_seen_are_the_purchase_models() -> None:
    short = [world(800, seed=i, days=30, viewers=3.0) for i in range(2)]
    at = np.repeat([AT - 60 * DAY_MS, AT - 30 * DAY_MS], 800)
    table, orders, spend = (
        np.concatenate([part[name] for part in short]) for name in ("X", "orders", "spend")
    )
    near, far = (
        ValueModel(threads=1).fit(table, orders, spend, at, NAMES, horizon, label_days=30)
        for horizon in (30, 120)
    )
    assert near.chosen_.orders_share == far.chosen_.orders_share > 0
    views, none = world(1, seed=5)["X"], world(1, seed=5)["X"]
    views[0, 5], none[0, 5] = 9, 0
    more = [model.predict(views).orders[0] - model.predict(none).orders[0] for model in (near, far)]
    assert more[0] > 0.1
    assert more[1] == pytest.approx(more[0], rel=0.35)  # not four times as many


def test_one_time_buyers_of_one_group_differ_in_all_but_their_orders() -> None:
    model = fitted(instants=2)
    once = np.array([[d, d, np.nan, v, v, 0] for d, v in ((70, 20), (390, 500))], np.float32)
    model.once_ = None
    own, due = model.predict(once), model.next_order(once)
    assert own.orders[0] > own.orders[1]
    model.once_ = (0.5, 0.0, 100.0)
    told = model.predict(once)
    assert told.orders[0] == told.orders[1] == pytest.approx(0.5, rel=0.05)
    assert told.spend.tolist() == own.spend.tolist()
    assert model.next_order(once).earliest.tolist() == due.earliest.tolist()
    model.once_ = (0.5, 0.0, 20.0)  # weeks: the elder is beyond
    assert model.predict(once).orders[1] == own.orders[1]


def test_a_level_seen_for_a_quarter_of_a_year_is_believed_by_a_quarter() -> None:
    month = 30 * DAY_MS
    told = _season([AT - 3 * month], [2.0], 90)
    assert told.power(AT) == pytest.approx(2.0 ** (90 / 365))
    year = [AT - (15 - i) * month for i in range(13)]
    assert _season(year, [2.0] * 13, 90).power(AT) == pytest.approx(2.0)


def test_without_any_past_the_purchase_model_of_today_is_all_there_is() -> None:
    now = world(300)["X"]
    nothing = np.empty(0)
    model = ValueModel(threads=1).fit(
        now[:0], nothing, nothing, nothing.astype(np.int64), NAMES, 90,
        label_days=30, latest=now, latest_at=AT,
    )  # fmt: skip
    told = model.predict(now)
    assert (told.orders > 0).all()
    assert model.at_ == AT


def test_nobody_having_come_back_since_is_no_error() -> None:
    gone = world(300)
    at = np.full(300, AT - HORIZON * DAY_MS)
    nothing = np.zeros(300)
    model = ValueModel(threads=1).fit(gone["X"], nothing, nothing, at, NAMES, HORIZON)
    told = model.predict(gone["X"])
    assert np.isfinite(told.orders).all()
    assert model.chosen_.orders_share == 0


def test_without_money_orders_are_told_and_spend_is_not() -> None:
    free = world(600)
    free["X"][:, 3] = 0
    free["X"][:, 4] = np.nan
    at = np.full(600, AT - HORIZON * DAY_MS)
    unknown = np.full(600, np.nan)
    model = ValueModel(threads=1).fit(free["X"], free["orders"], unknown, at, NAMES, HORIZON)
    told = model.predict(free["X"])
    assert np.isnan(told.spend).all()
    assert np.isfinite(told.orders).all()
    assert "no spend is told" in model.note_
    assert model.reasons(free["X"][0])
    assert np.isfinite(model.change(free["X"], free["X"]).ratio).all()


def test_the_next_order_comes_within_its_interval_in_four_of_five_cases() -> None:
    model = fitted()
    fresh = world(6_000, seed=42)
    due = model.next_order(fresh["X"])
    assert (due.earliest <= due.median).all()
    assert (due.median <= due.latest).all()
    early, late = (fresh["wait"] < due.earliest).mean(), (fresh["wait"] > due.latest).mean()
    assert early == pytest.approx(0.1, abs=0.03)
    assert late <= 0.13
    likely = np.isfinite(due.median)
    assert (fresh["wait"] < due.median)[likely].mean() == pytest.approx(0.5, abs=0.06)


def test_whoever_has_left_is_not_expected_within_a_year() -> None:
    gone = np.array([[390, 400, 2, 120, 30, 0]], np.float32)
    due = fitted(instants=1, n=300).next_order(gone)
    assert (due.median[0], due.latest[0]) == (np.inf, np.inf)


def test_value_falls_for_whoever_went_silent_and_not_for_who_keeps_the_pace() -> None:
    model = fitted()
    before = np.array([[10, 200, 20, 330, 30, 0]] * 3, np.float32)
    now = np.array([[100, 290, 20, 330, 30, 0], [10, 290, 20, 450, 30, 0], [10, 60, 20, 90, 30, 0]])
    before[2] = np.nan
    change = model.change(now.astype(np.float32), before)
    assert change.falling.tolist() == [True, False, False]
    assert change.ratio[0] < 0.5 < change.ratio[1]
    assert np.isnan(change.ratio[2])


def test_reasons_add_up_to_how_far_a_customer_is_from_everybody(model: ValueModel) -> None:
    for row in world(20, seed=8)["X"]:
        told = sum(model.contributions(row).values())
        everybody = np.log(model.everybody_[0] * model.everybody_[1])
        spend = model.predict(row[None, :]).spend[0]
        assert told == pytest.approx(np.log(spend) - everybody, abs=1e-6)


def test_reasons_say_the_customers_own_figure(model: ValueModel) -> None:
    row = np.array([5, 100, 5, 20_000, 1_000, 9], np.float32)
    found = model.reasons(row)
    assert len(found) <= 5
    assert found[0].contribution > 0
    texts = {reason.text for reason in found}
    assert "Spends 1,000 per order" in texts


def test_a_customer_alone_is_told_the_same_as_among_many(model: ValueModel) -> None:
    rows = world(30, seed=4)["X"]
    alone = [model.predict(row[None, :]).spend[0] for row in rows]
    np.testing.assert_allclose(model.predict(rows).spend, alone, rtol=1e-12)


def test_what_is_saved_predicts_the_same_when_loaded(model: ValueModel, tmp_path: Path) -> None:
    model.save(tmp_path / "a")
    loaded = ValueModel.load(tmp_path / "a")
    rows = world(50, seed=4)["X"]
    np.testing.assert_array_equal(loaded.predict(rows).spend, model.predict(rows).spend)
    np.testing.assert_array_equal(loaded.next_order(rows).median, model.next_order(rows).median)
    assert loaded.reasons(rows[0]) == model.reasons(rows[0])
    assert loaded.note_ == model.note_
    loaded.save(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_same_input_gives_the_same_model(model: ValueModel, tmp_path: Path) -> None:
    for name, each in (("a", model), ("b", fitted(instants=6, viewers=3.0))):
        each.save(tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_damaged_model_is_refused(model: ValueModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    (tmp_path / "value.json").write_text("{}")
    with pytest.raises(BundleError, match="cannot read the value model"):
        ValueModel.load(tmp_path)


def test_undefined_features_have_a_value_and_nobody_to_predict_is_no_error(
    model: ValueModel,
) -> None:
    assert model.predict(np.full((1, 6), np.nan, np.float32)).orders[0] > 0
    assert len(model.predict(np.empty((0, 6), np.float32)).orders) == 0


def test_what_cannot_be_learnt_from_is_refused_with_the_figures(model: ValueModel) -> None:
    shop = world(100)
    at = np.full(100, AT)
    one = (shop["X"], shop["orders"], shop["spend"], at)
    with pytest.raises(InputError, match="5 feature_names"):
        ValueModel().fit(*one, NAMES[:5], 60)
    with pytest.raises(InputError, match="one entry"):
        ValueModel().fit(shop["X"], shop["orders"][:-1], shop["spend"], at, NAMES, 60)
    with pytest.raises(InputError, match="horizon_days = 30, label_days = 60"):
        ValueModel().fit(*one, NAMES, 30, label_days=60)
    with pytest.raises(InputError, match="value needs the features"):
        ValueModel().fit(*one, ("a", "b", "c", "d", "e", "f"), 60)
    with pytest.raises(InputError, match="orders and spend must be finite"):
        ValueModel().fit(shop["X"], shop["orders"] * np.nan, shop["spend"], at, NAMES, 60)
    with pytest.raises(NotEnoughDataError, match="7 customers are too few"):
        ValueModel().fit(*(each[:7] for each in one), NAMES, 60)
    once = shop["X"].copy()
    once[:, 2] = np.nan
    with pytest.raises(NotEnoughDataError, match="on a second day"):
        ValueModel().fit(once, shop["orders"], shop["spend"], at, NAMES, 60)
    with pytest.raises(InputError, match=r"\(customers, 6\)"):
        model.predict(shop["X"][:, :2])
    with pytest.raises(InputError, match="not fitted"):
        ValueModel().predict(np.empty((0, 0), np.float32))
    infinite = shop["X"].copy()
    infinite[3, 5] = np.inf
    with pytest.raises(InputError, match="engagement_views_30d"):
        ValueModel().fit(infinite, shop["orders"], shop["spend"], at, NAMES, 60)


def test_trees_are_tried_on_later_instants_and_on_other_customers_where_there_are_none() -> None:
    at = np.repeat(np.arange(5) * 30 * DAY_MS, 300)
    ((learnt, looked),) = folds(at, None, 30, 0)
    assert at[learnt].max() + 30 * DAY_MS <= at[looked].min()
    who = np.tile(np.arange(500), 3)
    at = np.repeat(np.arange(3) * 30 * DAY_MS, 500)
    pairs = folds(at, who, 365, 0)
    assert set(who[pairs[0][1]]) | set(who[pairs[1][1]]) == set(who)
    for learnt, looked in pairs:
        assert at[learnt].max() < at[looked].min()
        assert not set(who[learnt]) & set(who[looked])
    ((learnt, looked), _) = folds(at[:500], who[:500], 365, 0)  # one instant only
    assert not set(who[learnt]) & set(who[looked])
    assert folds(at[:300], who[:300], 365, 0) == []


def test_gini_is_one_for_the_right_order_and_nothing_for_none() -> None:
    true = np.array([0.0, 0, 1, 5, 20])
    assert gini(true, true) == pytest.approx(1)
    assert gini(true, -true) == pytest.approx(-1)
    assert gini(true, np.ones(5)) == pytest.approx(0)
    assert np.isnan(gini(np.ones(5), true))
