import pytest

from training.gate import compare

CHAMPION = {"churn.ours.auc": 0.80, "churn.ours.brier": 0.20, "next_product.ours.recall@10": 0.10}


def holds(candidate: dict[str, float], tolerance: float = 0.01) -> bool:
    return all(c.holds for c in compare(CHAMPION, candidate, tolerance))


def test_an_equal_candidate_passes_without_any_tolerance():
    assert holds(CHAMPION, tolerance=0)


@pytest.mark.parametrize(
    ("metric", "just_enough", "too_bad"),
    [
        ("churn.ours.auc", 0.792, 0.791),
        ("churn.ours.brier", 0.202, 0.203),
        ("next_product.ours.recall@10", 0.099, 0.098),
    ],
)
def test_each_figure_may_lose_the_tolerated_share_and_no_more(metric, just_enough, too_bad):
    assert holds({**CHAMPION, metric: just_enough})
    assert not holds({**CHAMPION, metric: too_bad})


def test_a_negative_tolerance_asks_for_an_improvement():
    assert not holds(CHAMPION, tolerance=-0.01)


def test_a_candidate_without_a_model_the_champion_has_does_not_pass():
    lacking = {name: value for name, value in CHAMPION.items() if name.startswith("churn")}
    verdicts = compare(CHAMPION, lacking, tolerance=1)
    assert [str(c) for c in verdicts if not c.holds] == [
        "next_product.ours.recall@10: champion 0.1000, the candidate has none"
    ]


def test_a_model_the_champion_lacks_is_no_loss():
    assert all(c.holds for c in compare({}, CHAMPION))


def test_an_undefined_figure_of_the_champion_blocks_nobody() -> None:
    metrics = {"churn.ours.auc": float("nan")}
    [comparison] = compare(metrics, {"churn.ours.auc": 0.9})
    assert comparison.holds
    assert compare(metrics, metrics) == []
