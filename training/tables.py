"""Evaluations and gate decisions as tables in the terminal."""

from collections.abc import Mapping

from features.instants import iso
from training import console
from training.backtest import FIGURES, Backtest
from training.evaluate import OURS, Evaluation
from training.promote import Promotion
from training.tune import SPACE, Tuned

CHURN = ("auc", "average_precision", "brier", "ece", "lift_top_decile")
PAST = ("mean_observed", "mean_predicted", "auc", "brier", "ece")
NEXT_PRODUCT = ("recall@10", "ndcg@10", "phr@10", "recall@20", "coverage@10")


def print_evaluation(evaluation: Evaluation) -> None:
    """Print both models' figures beside the baselines'."""
    after = f"measured on what followed {iso(evaluation.cutoff)}"
    if evaluation.churn is not None:
        metrics = evaluation.churn.metrics
        _print(f"Churn of {metrics['customers']:,.0f} customers, {after}", metrics, CHURN)
    if evaluation.next_product is not None:
        metrics = evaluation.next_product.metrics
        title = f"Next products of {metrics['customers']:,.0f} customers, {after}"
        _print(title, metrics, NEXT_PRODUCT)


def print_backtest(backtest: Backtest) -> None:
    """Print every method's figures over the past cutoffs, and ours at each."""
    rows = [
        (
            iso(test.at)[:10],
            len(test.rows.y),
            *(test.evaluation.metrics[f"{OURS}.{name}"] for name in PAST),
        )
        for test in backtest.tests
    ]
    columns = ["cutoff", "customers", "left", "predicted", *PAST[2:]]
    console.table("Churn at past cutoffs", columns, rows)
    means = [
        (name, *(float(backtest.figure(name, figure).mean()) for figure in FIGURES))
        for name in backtest.methods
    ]
    console.table(f"Mean of {len(backtest.tests)} cutoffs", ["method", *FIGURES], means)
    for note in backtest.notes:
        console.say(f"The back-test: {note}.")


def print_tuned(tuned: Tuned) -> None:
    """Print the best settings beside the default's, and how they compare."""
    rows = [(name, getattr(tuned.default, name), getattr(tuned.best, name)) for name in SPACE]
    rows.append(("log loss, searched", tuned.default_loss, tuned.best_loss))
    console.table(
        f"Best of {len(tuned.trials)} trials on {len(tuned.searched)} past cutoffs",
        ["setting", "default", "best"],
        rows,
    )
    found = tuned.difference
    console.say(
        f"On {iso(tuned.confirmed)[:10]}, which the search did not see, the best's log loss is "
        f"{found.value:+.4f} against the default's on the same customers "
        f"({found.low:+.4f} to {found.high:+.4f})."
    )


def print_comparisons(promotion: Promotion) -> None:
    """Print what the gate compared; nothing when it had nothing to compare."""
    if promotion.cutoff is None or promotion.before is None:
        return
    rows = [
        (c.metric, _figure(c.champion), _figure(c.candidate), _figure(c.limit))
        for c in promotion.comparisons
    ]
    console.table(
        f"Gate, measured on what followed {iso(promotion.cutoff)}",
        [
            "figure",
            f"champion {promotion.before.number}",
            f"candidate {promotion.version.number}",
            "limit",
        ],
        rows,
    )


def _print(title: str, metrics: Mapping[str, float], shown: tuple[str, ...]) -> None:
    methods = dict.fromkeys(name.partition(".")[0] for name in metrics if "." in name)
    rows = [
        (method, *(metrics.get(f"{method}.{name}", float("nan")) for name in shown))
        for method in (OURS, *(method for method in methods if method != OURS))
    ]
    console.table(title, ["method", *shown], rows)


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
