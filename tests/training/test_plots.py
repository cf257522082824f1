import numpy as np
import pytest

from models.personas import Personas
from tests.models import planted
from training import plots


@pytest.fixture
def left() -> np.ndarray:
    """Of a hundred customers, the riskier half leaves."""
    return np.arange(100) < 50


def drawn(figure, label: str) -> np.ndarray:
    """The points of the line with this label, shape (points, 2)."""
    lines = [line for axes in figure.axes for line in axes.lines if line.get_label() == label]
    return lines[0].get_xydata()


def test_contacting_the_riskiest_half_reaches_everyone_who_leaves(left):
    figure = plots.gain_and_lift(left, {"ours": 1 - np.arange(100) / 100})
    gain = drawn(figure, "ours")
    assert gain[50] == pytest.approx([0.5, 1.0])
    assert gain[25] == pytest.approx([0.25, 0.5])


def test_a_perfectly_calibrated_prediction_lies_on_the_diagonal():
    predicted = np.repeat(np.arange(10) / 10, 10)
    left = np.tile(np.arange(10), 10) < 10 * predicted
    points = drawn(plots.reliability(left, {"ours": predicted}), "ours")
    assert points[:, 0] == pytest.approx(points[:, 1])


def test_a_forecast_that_comes_true_lies_on_the_diagonal_in_every_tenth():
    told = np.arange(100.0)
    points = drawn(plots.deciles(told, {"ours": told, "bg_nbd": told[::-1]}, "spend"), "ours")
    assert points[:, 0] == pytest.approx(points[:, 1])
    assert points[0, 0] == pytest.approx(4.5)


def test_importance_is_shown_as_shares_largest_on_top():
    (axes,) = plots.importance({"purchase_a": 3.0, "cadence_b": 1.0}, "what counts").axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.25, 0.75])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["cadence_b", "purchase_a"]


def test_every_figure_can_be_drawn_and_names_its_methods(left, tmp_path):
    predicted = {"ours": 1 - np.arange(100) / 100, "recency": np.linspace(0.1, 0.9, 100)}
    recall = {"ours": np.array([0.1, 0.2]), "popular": np.array([0.05, 0.1])}
    for name, figure in {
        "reliability": plots.reliability(left, predicted),
        "gain": plots.gain_and_lift(left, predicted),
        "importance": plots.importance({f"purchase_{n}": n + 1.0 for n in range(30)}, "t"),
        "recall": plots.recall_at_k(recall),
    }.items():
        figure.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
        assert all(axes.get_xlabel() for axes in figure.axes[-1:])


def test_personas_are_columns_whose_fields_say_their_figures():
    found = Personas(halvings=4).fit(planted.features(360), planted.NAMES)
    axes = plots.personas(found).axes[0]
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert [tick.split("\n")[0] for tick in ticks] == [each.name for each in found.personas_]
    written = [text.get_text() for text in axes.texts]
    assert len(written) == len(found.personas_) * len(found.feature_names_)
    bargain = next(each for each in found.personas_ if "argain" in each.name)
    assert f"{bargain.figures['purchase_discount_share']:.0%}" in written


@pytest.mark.parametrize("outcome", [True, False])
def test_customers_who_all_did_the_same_are_drawn_too(outcome, tmp_path):
    left, predicted = np.full(20, outcome), {"ours": np.full(20, 0.5)}
    plots.reliability(left, predicted).savefig(tmp_path / "a.png")
    plots.gain_and_lift(left, predicted).savefig(tmp_path / "b.png")
