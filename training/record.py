"""What an evaluation leaves in a run: figures and plots."""

from collections.abc import Mapping
from math import isfinite

from models.personas import Personas
from training import metrics, plots
from training.evaluate import (
    ChurnEvaluation,
    Evaluation,
    ValueEvaluation,
)
from training.metrics import OURS
from training.next_product import NextProductEvaluation
from training.personas import persona_table
from training.tracking import Run


def finite(figures: Mapping[str, float]) -> dict[str, float]:
    """The metrics that are defined; the others (an AUC when nobody left) are left out."""
    return {name: value for name, value in figures.items() if isfinite(value)}


def record(run: Run, evaluation: Evaluation) -> None:
    """Log all figures and plots of an evaluation in one run."""
    run.metrics(finite(evaluation.metrics))
    if evaluation.churn is not None:
        churn_plots(run, evaluation.churn)
    if evaluation.value is not None:
        value_plots(run, evaluation.value)
    if evaluation.next_product is not None:
        next_product_plots(run, evaluation.next_product)


def churn_plots(run: Run, evaluation: ChurnEvaluation) -> None:
    """Log calibration, gain and lift, and importance."""
    left, predicted = evaluation.left, evaluation.predicted
    run.figure(plots.reliability(left, predicted), "churn_calibration")
    run.figure(plots.gain_and_lift(left, predicted), "churn_gain_and_lift")
    title = "Churn: which features the trees gain most from"
    run.figure(plots.importance(evaluation.importance, title), "churn_importance")


def value_plots(run: Run, evaluation: ValueEvaluation) -> None:
    """Log calibration by tenths of the customers, as plot and as table, and importance."""
    parts = {"orders": evaluation.orders, "spend": evaluation.spend}
    for place, (name, true) in enumerate(parts.items()):
        told = {m: each[place] for m, each in evaluation.predicted.items()}
        told = {m: each for m, each in told.items() if isfinite(float(each.sum()))}
        if OURS not in told or not isfinite(float(true.sum())):
            continue
        run.figure(plots.deciles(true, told, name), f"value_{name}_deciles")
        table = zip(*metrics.deciles(true, told[OURS]), strict=True)
        lines = [f"{p:.6g},{o:.6g},{count}" for p, o, count in table]
        run.text("\n".join(["predicted,observed,customers", *lines]) + "\n",
                 f"value_{name}_deciles.csv")  # fmt: skip
    if any(evaluation.importance.values()):
        title = "Value: which columns the trees gain most from"
        run.figure(plots.importance(evaluation.importance, title), "value_importance")


def next_product_plots(run: Run, evaluation: NextProductEvaluation) -> None:
    """Log recall by length of the list, and importance where there is a ranker."""
    run.figure(plots.recall_at_k(evaluation.recall), "next_product_recall_at_k")
    if evaluation.importance:
        title = "Next products: which columns the ranker gains most from"
        run.figure(plots.importance(evaluation.importance, title), "next_product_importance")


def persona_record(run: Run, personas: Personas) -> None:
    """Log which kind and number was chosen, the table of personas, and what sets them apart."""
    run.parameters({"kind": personas.kind, "personas": len(personas.personas_)})
    run.text(persona_table(personas), "personas.csv")
    run.figure(plots.personas(personas), "personas")
