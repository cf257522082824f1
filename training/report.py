"""Evaluations and gate decisions as tables in the terminal."""

from collections.abc import Mapping

from features.instants import iso
from models.personas import Personas
from training import console
from training.evaluate import OURS, Evaluation
from training.promote import Promotion

CHURN = ("auc", "average_precision", "brier", "ece", "lift_top_decile")
VALUE = (
    "orders_mae",
    "orders_rmse",
    "orders_spearman",
    "spend_mae",
    "spend_spearman",
    "spend_gini",
)
NEXT_PRODUCT = ("recall@10", "ndcg@10", "phr@10", "recall@20", "coverage@10")


def print_evaluation(evaluation: Evaluation) -> None:
    """Print all models' figures beside the baselines'."""
    after = f"measured on what followed {iso(evaluation.cutoff)}"
    if evaluation.churn is not None:
        metrics = evaluation.churn.metrics
        _print(f"Churn of {metrics['customers']:,.0f} customers, {after}", metrics, CHURN)
    if evaluation.value is not None:
        metrics = evaluation.value.metrics
        title = f"Orders and spend of {metrics['customers']:,.0f} customers, {after}"
        _print(title, metrics, VALUE)
    if evaluation.next_product is not None:
        metrics = evaluation.next_product.metrics
        title = f"Next products of {metrics['customers']:,.0f} customers, {after}"
        _print(title, metrics, NEXT_PRODUCT)


def print_personas(personas: Personas) -> None:
    """Print who the customers are."""
    rows = [
        (each.key, each.name, f"{each.share:.0%}", each.description) for each in personas.personas_
    ]
    console.table("Personas", ["key", "name", "share", "what sets them apart"], rows)


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
