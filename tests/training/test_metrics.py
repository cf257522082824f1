import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import (
    churn_metrics,
    expected_calibration_error,
    gain_curve,
    hits,
    lift,
    lift_by_share,
    murphy,
    ranking_metrics,
    recall_curve,
    reliability,
    value_metrics,
)

outcomes = st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=2, max_size=40)


@given(outcomes)
def test_churn_figures_equal_their_definitions(rows: list[tuple[bool, int]]) -> None:
    left = np.array([gone for gone, _ in rows])
    risk = np.array([tenths / 10 for _, tenths in rows])
    found = churn_metrics(left, risk)
    pairs = [(a, b) for (x, a) in rows if x for (y, b) in rows if not y]
    if pairs:
        auc = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)
        assert found["auc"] == pytest.approx(auc)
    else:
        assert math.isnan(found["auc"])
    n = len(rows)
    assert found["brier"] == pytest.approx(sum((t / 10 - x) ** 2 for x, t in rows) / n)
    loss = -sum(math.log(t / 10 if x else 1 - t / 10) for x, t in rows) / n
    assert found["log_loss"] == pytest.approx(loss)
    assert found["mean_predicted"] == pytest.approx(sum(t for _, t in rows) / 10 / n)
    assert found["mean_observed"] == pytest.approx(sum(x for x, _ in rows) / n)


def test_average_precision_is_the_mean_precision_at_the_leavers() -> None:
    left = np.array([True, False, True])
    found = churn_metrics(left, np.array([0.9, 0.8, 0.7]))
    assert found["average_precision"] == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_a_perfect_forecast_in_bins_has_no_calibration_error() -> None:
    risk = np.repeat([0.1, 0.9], 50)
    left = np.concatenate([np.arange(50) % 10 == 0, np.arange(50) % 10 != 0])
    assert expected_calibration_error(left, risk) == pytest.approx(0)
    assert expected_calibration_error(left, np.full(100, 0.5), bins=1) == pytest.approx(0)
    assert expected_calibration_error(left, risk, bins=2) == pytest.approx(0)
    assert expected_calibration_error(~left, risk, bins=2) == pytest.approx(0.8)


def test_bins_hold_equally_many() -> None:
    forecast, observed, count = reliability(np.ones(95, np.bool_), np.linspace(0, 1, 95))
    assert set(count) == {9, 10}
    assert (np.diff(forecast) > 0).all()
    assert (observed == 1).all()


def test_lift_compares_the_riskiest_with_everybody() -> None:
    left = np.array([True, True] + [False] * 18)
    assert lift(left, np.linspace(1, 0, 20), 0.1) == pytest.approx(10)
    assert math.isnan(lift(np.zeros(5, np.bool_), np.ones(5), 0.1))


def test_the_gain_curve_runs_from_nobody_to_everybody() -> None:
    left = np.array([True, False, True, False])
    approached, reached = gain_curve(left, np.array([0.9, 0.1, 0.8, 0.2]), points=5)
    assert approached.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert reached.tolist() == [0, 0.5, 1, 1, 1]


def test_nobody_to_measure_gives_undefined_figures() -> None:
    assert all(math.isnan(v) for v in churn_metrics(np.empty(0, np.bool_), np.empty(0)).values())


Lists = list[tuple[list[int], list[int]]]
people: st.SearchStrategy[Lists] = st.lists(
    st.tuples(
        st.lists(st.integers(0, 9), min_size=6, max_size=6, unique=True),
        st.lists(st.integers(0, 9), min_size=1, max_size=8, unique=True),
    ),
    min_size=1,
    max_size=8,
)


def table(rows: Lists) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    ranked = np.array([ranking for ranking, _ in rows], np.int32)
    sizes = np.array([len(bought) for _, bought in rows])
    products = np.concatenate([sorted(bought) for _, bought in rows]).astype(np.int32)
    return hits(ranked, np.append(0, np.cumsum(sizes)), products), sizes


@given(people)
def test_ranking_figures_equal_their_definitions(rows: Lists) -> None:
    hit, sizes = table(rows)
    k = 4
    expected: dict[str, list[float]] = {"recall": [], "ndcg": [], "phr": [], "map": []}
    for ranking, bought in rows:
        right = [product in bought for product in ranking[:k]]
        ideal = sum(1 / math.log2(i + 2) for i in range(len(bought)))
        gain = sum(1 / math.log2(i + 2) for i, r in enumerate(right) if r)
        precisions = [sum(right[: i + 1]) / (i + 1) for i, r in enumerate(right) if r]
        expected["recall"].append(sum(right) / len(bought))
        expected["ndcg"].append(gain / ideal)
        expected["phr"].append(float(any(right)))
        expected["map"].append(sum(precisions) / min(k, len(bought)))
    found = ranking_metrics(hit, sizes, ks=(k,))
    assert found == {
        f"{name}@{k}": pytest.approx(np.mean(values)) for name, values in expected.items()
    }
    assert recall_curve(hit, sizes)[k - 1] == pytest.approx(found[f"recall@{k}"])


def test_the_ideal_may_be_of_the_first_k() -> None:
    hit, sizes = table([([0, 1, 2, 3, 4, 5], [0, 1, 2, 6, 7])])
    assert ranking_metrics(hit, sizes, ks=(3,), ideal="min")["ndcg@3"] == pytest.approx(1)
    assert ranking_metrics(hit, sizes, ks=(3,))["ndcg@3"] < 1


def test_empty_places_are_no_hits() -> None:
    ranked = np.array([[1, -1]], np.int32)
    assert hits(ranked, np.array([0, 1]), np.array([1], np.int32)).tolist() == [[True, False]]


def test_equal_predictions_have_no_order() -> None:
    left = np.array([True] * 5 + [False] * 5)
    same = np.full(10, 0.5)
    assert lift(left, same, 0.1) == pytest.approx(1.0)
    _, found = gain_curve(left, same)
    np.testing.assert_allclose(found, np.linspace(0, 1, 101))
    assert expected_calibration_error(left, same) == pytest.approx(0.0)


def test_value_figures_equal_their_definitions() -> None:
    orders, told = np.array([0.0, 1, 2, 5]), np.array([0.0, 2, 2, 3])
    found = value_metrics(orders, told, 10 * orders, 10 * told)
    assert found["orders_mae"] == pytest.approx(3 / 4)
    assert found["orders_rmse"] == pytest.approx(math.sqrt(5 / 4))
    assert found["spend_mae"] == pytest.approx(30 / 4)
    assert found["orders_spearman"] == pytest.approx(9 / math.sqrt(90))
    # shares of all spend reached, largest forecast first (ties at their mean) and largest spend
    # first, each less the 2.5 of a forecast that knows nothing
    reached, possible = 5 / 8 + 6.5 / 8 + 1 + 1, 5 / 8 + 7 / 8 + 1 + 1
    assert found["spend_gini"] == pytest.approx((reached - 2.5) / (possible - 2.5))
    assert (found["orders_mean_predicted"], found["orders_mean_observed"]) == (1.75, 2)


def test_the_decile_error_forgives_what_evens_out_within_a_tenth() -> None:
    told = np.repeat(np.arange(10.0), 20)
    noise = np.tile([1.0, -1.0], 100)
    right = value_metrics(told + noise, told, told, 1.5 * told)
    assert right["orders_decile_error"] == pytest.approx(0, abs=1e-12)
    assert right["spend_decile_error"] == pytest.approx(0.5)


def test_value_without_money_or_anybody_has_no_figure_of_it() -> None:
    known = value_metrics(np.ones(3), np.ones(3), np.full(3, np.nan), np.ones(3))
    assert known["orders_mae"] == 0
    assert math.isnan(known["spend_mae"])
    assert math.isnan(known["spend_gini"])
    assert math.isnan(value_metrics(*(np.empty(0),) * 4)["orders_mae"])


@given(outcomes, st.integers(1, 12))
def test_murphys_parts_add_up_to_the_brier_score(rows: list[tuple[bool, int]], bins: int) -> None:
    left = np.array([gone for gone, _ in rows])
    risk = np.array([tenths / 10 for _, tenths in rows])
    parts = murphy(left, risk, bins)
    assert parts.brier == pytest.approx(np.mean((risk - left) ** 2))
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0
    assert parts.uncertainty == pytest.approx(np.var(left))


def test_what_each_part_means() -> None:
    left = np.repeat([True, False], 50)
    perfect = murphy(left, left.astype(float))
    assert (perfect.reliability, perfect.resolution) == (0, pytest.approx(0.25))
    rate = murphy(left, np.full(100, 0.5))
    assert (rate.reliability, rate.resolution, rate.uncertainty) == (0, 0, 0.25)
    wrong = murphy(left, np.full(100, 0.8))
    assert (wrong.reliability, wrong.resolution) == (pytest.approx(0.09), 0)
    # two bins, which are right on average, though their predictions differ
    within = murphy(left, np.repeat([1.0, 0.8, 0.2, 0.0], 25), bins=2)
    assert within.reliability == pytest.approx(0.01)
    assert within.within == pytest.approx(0.01)


def test_the_figures_hold_murphys_parts() -> None:
    left = np.array([True, False, True, False])
    found = churn_metrics(left, np.array([0.9, 0.2, 0.7, 0.1]))
    parts = (found[f"brier_{name}"] for name in ("reliability", "uncertainty", "within"))
    assert sum(parts) - found["brier_resolution"] == pytest.approx(found["brier"])


def test_lift_by_tenth_is_each_tenths_rate_against_all() -> None:
    left = np.array([True] * 2 + [False] * 18)
    assert lift_by_share(left, np.linspace(1, 0, 20)).tolist() == pytest.approx([10] + [0] * 9)
    assert lift_by_share(left, np.full(20, 0.5)) == pytest.approx(np.ones(10))
    assert np.isnan(lift_by_share(np.zeros(5, np.bool_), np.ones(5))).all()
