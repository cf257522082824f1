"""What a shop may be like that nobody wishes for: a clear message, or a sane result."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from features.errors import NotEnoughDataError
from features.timeline import Timeline, Timelines
from models.churn import ChurnModel
from tests.models.shop import day, timeline
from tests.training.drawn import RECIPE, People, people, punctual, rows_of, shop, trained
from training.dataset import ChurnRows, Orders
from training.evaluate import ChurnEvaluation, churn_evaluation
from training.split import learning_plan


def judged(model: ChurnModel, timelines: Timelines, on: float) -> ChurnEvaluation:
    """How a model does on what followed a day."""
    recipe = RECIPE.model_copy(update={"horizon_days": model.horizon_days_})
    plan = learning_plan(int(timelines.rows.at.min()), day(on), recipe)
    rows = rows_of(timelines, on, model.horizon_days_)
    return churn_evaluation(model, rows, Orders.of(timelines), plan, day(on))


def width(found: ChurnEvaluation) -> float:
    """Mean width of the intervals."""
    assert found.low is not None
    assert found.high is not None
    return float((found.high - found.low).mean())


def assert_sane(model: ChurnModel, rows: ChurnRows) -> None:
    """Probabilities, within their intervals, and reasons of finite strength."""
    found = model.estimate(rows.X)
    risk, low, high = found.probability, found.low, found.high
    assert ((low >= 0) & (low <= risk) & (risk <= high) & (high <= 1)).all()
    for reasons in model.explain(rows.X):
        assert np.isfinite([reason.contribution for reason in reasons]).all()


# --- few customers ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> ChurnEvaluation:
    timelines = shop(people(60))
    model = trained(timelines, 370)
    assert_sane(model, rows_of(timelines, 370))
    return judged(model, timelines, 370)


def test_sixty_customers_are_enough_for_a_rate_that_holds(small: ChurnEvaluation) -> None:
    figures = small.metrics
    assert figures["customers"] == 60
    assert figures["ours.mean_predicted"] == pytest.approx(figures["ours.mean_observed"], abs=0.08)
    constant = figures["ours.brier_uncertainty"]
    assert figures["ours.brier"] < 0.6 * constant
    # nobody who may come back is given up for certain, nobody is certain to come
    assert small.predicted["ours"][~small.left].max() < 0.95
    assert small.predicted["ours"].min() > 0.01


def test_fewer_customers_mean_wider_intervals(small: ChurnEvaluation) -> None:
    # most of the 600 have long left, as told; that groups of them did so to the last must not
    # pass for an error
    timelines = shop(people(600))
    many = judged(trained(timelines, 370), timelines, 370)
    assert width(many) < 0.6 * width(small)


def test_five_customers_seen_often_are_still_five_customers() -> None:
    # each is silent for half of the time, and seen at 20 instants
    with pytest.raises(NotEnoughDataError, match=r"10 who stayed; of 5 customers 5 left .* 5 stay"):
        trained(shop(punctual(5, 21, 400)), 390, instants=20, horizon_days=10, step_days=10)


@settings(max_examples=8, deadline=None)
@given(
    st.integers(1, 40),
    st.floats(1, 100),
    st.floats(1, 1000),
    st.sampled_from([7, 30, 200]),
    st.integers(0, 99),
)
@example(40, 10.0, 200.0, 7, 0)
@example(40, 10.0, 200.0, 200, 0)
def test_whatever_a_tiny_shop_is_like_it_is_refused_or_has_probabilities(
    customers: int, gap: float, life: float, horizon_days: int, seed: int
) -> None:
    timelines = shop(people(customers, 120, gap=gap, life=life, seed=seed))
    try:
        model = trained(timelines, 120, horizon_days=horizon_days, trees=5, instants=2)
    except NotEnoughDataError as error:
        assert "import" in str(error)  # noqa: PT017 - either is right
        assert (customers, gap) != (40, 10.0)
    else:
        assert_sane(model, rows_of(timelines, 120))


# --- nobody came back, everybody did ------------------------------------------------------------


@pytest.mark.parametrize(
    ("customers", "counts"),
    [
        ([baskets[:1] for baskets in people(150)], r"of 150 customers 150 left .* 0 stayed"),
        (punctual(150, 7, 400), r"of 150 customers 0 left .* 150 stayed"),
        ([b for b in people(150) if b[-1][0] < 200], r"of 59 customers 59 left .* 0 stayed"),
    ],
    ids=["no repeat buyer", "everybody stays", "all left long ago"],
)
def test_where_there_is_nothing_to_tell_apart_the_counts_are_said(
    customers: People, counts: str
) -> None:
    with pytest.raises(NotEnoughDataError, match=f"{counts}.* choose another horizon_days"):
        trained(shop(customers), 370)


def test_who_all_have_left_are_all_at_risk() -> None:
    timelines = shop([[o for o in b if o[0] < 250] for b in people(150) if b[0][0] < 250])
    model = trained(timelines, 330)
    assert_sane(model, rows_of(timelines, 330))
    assert model.predict_proba(rows_of(timelines, 330).X).mean() > 0.95


# --- a horizon longer than the history ----------------------------------------------------------


def test_a_horizon_longer_than_the_history_is_stretched_and_says_how_little_is_known() -> None:
    everybody = people(100, 1000, life=400)
    # the same shop, had it opened on day 300
    later = [[(now - 300, p) for now, p in b if now >= 300] for b in everybody]
    young, old = shop([b for b in later if b]), shop(everybody)
    far, near = trained(young, 150, horizon_days=365), trained(young, 150)
    assert far.learnt_days_ < 150 < far.horizon_days_
    assert near.learnt_days_ == near.horizon_days_ == 30
    rows = rows_of(young, 150)
    assert_sane(far, rows)
    # no order in a year is rarer than none in a month, for each
    year, month = far.predict_proba(rows.X), near.predict_proba(rows.X)
    assert (year < month + 0.01).all()
    assert year.mean() < month.mean() - 0.1
    found = judged(far, young, 150)
    assert found.metrics["ours.auc"] > 0.8
    assert found.metrics["ours.mean_predicted"] == pytest.approx(
        found.metrics["ours.mean_observed"], abs=0.2
    )
    known = judged(trained(old, 600, horizon_days=365), old, 600)
    assert width(found) > 2 * width(known)


# --- a shop that closed for a month -------------------------------------------------------------

REGULARS = 40
"""The first of the customers, who order weekly."""


@pytest.fixture(scope="module")
def closed() -> Timelines:
    everybody = punctual(REGULARS, 7, 420) + people(110, 420, life=400)
    return shop([[o for o in b if not 300 <= o[0] < 330] for b in everybody])


def test_on_the_day_it_opens_again_whoever_could_not_order_is_not_lost(closed: Timelines) -> None:
    model = trained(closed, 330)
    rows = rows_of(closed, 330)
    risk = model.predict_proba(rows.X)
    assert set(model.bands_.of(risk[:REGULARS])) == {0}
    found = judged(model, closed, 330)
    assert found.metrics["ours.auc"] > 0.8
    # that all are silent for a month tells a model more than it should
    assert 0 < risk.mean() - rows.y.mean() < 0.2


def test_a_month_later_nothing_is_left_of_it(closed: Timelines) -> None:
    # the closed month is a horizon of the past, in which everybody was silent
    found = judged(trained(closed, 360), closed, 360)
    assert found.predicted["ours"][:REGULARS].max() < 0.1
    assert found.metrics["ours.auc"] > 0.9
    assert found.metrics["ours.mean_predicted"] == pytest.approx(
        found.metrics["ours.mean_observed"], abs=0.1
    )


# --- one order of 70,000 ------------------------------------------------------------------------


def test_one_enormous_order_leaves_the_others_as_they_were() -> None:
    short, long = people(150, life=80, gap=30), people(150, life=2000, gap=40, seed=1)
    priced = [(b, 20.0) for b in short] + [(b, 50.0) for b in long]
    plain = [(f"c{i:04d}", timeline(b, price=price)) for i, (b, price) in enumerate(priced)]
    rows = plain[7][1].rows()
    rows["value"][:2] = rows["measure"][1] = 70_000  # of an order and its line
    enormous = [*plain[:7], ("c0007", Timeline.of(rows)), *plain[8:]]
    auc, risks = [], []
    for each in (plain, enormous):
        timelines = Timelines.of(each)
        model, at = trained(timelines, 370), rows_of(timelines, 370)
        assert model.choice_.trees > 0  # else nobody would look at amounts
        assert_sane(model, at)
        others = at.customer != 7
        risks.append(model.predict_proba(at.X)[others])
        auc.append(roc_auc_score(at.y[others], risks[-1]))
    assert auc[1] == pytest.approx(auc[0], abs=0.01)
    assert np.abs(risks[1] - risks[0]).max() < 0.1
    assert auc[0] > 0.8
