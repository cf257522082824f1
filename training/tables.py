"""What commands found, as tables in the terminal."""

from collections.abc import Mapping

from features.instants import iso
from models.personas import Personas
from training import console
from training.backtest import FIGURES, Backtest
from training.counterfactual import Counterfactual
from training.evaluate import Evaluation
from training.intervals import Interval
from training.metrics import OURS
from training.monitor import Monitoring
from training.promote import Promotion
from training.tune import SPACE, Tuned

CHURN = ("auc", "average_precision", "brier", "ece", "lift_top_decile")
PAST = ("mean_observed", "mean_predicted", "auc", "brier", "ece")
VALUE = (
    "orders_mae",
    "orders_rmse",
    "orders_spearman",
    "spend_mae",
    "spend_spearman",
    "spend_gini",
)
NEXT_PRODUCT = (
    "recall@10",
    "ndcg@10",
    "phr@10",
    "map@10",
    "recall@20",
    "repeat_recall@10",
    "explore_recall@10",
    "coverage@10",
    "novelty@10",
)

SHOWN_WEEKS = 12
"""Weeks in the terminal; MLflow has all of them."""


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


def print_counterfactual(found: Counterfactual, left_out: Mapping[str, int], reward: str) -> None:
    """Print what shown lists earned and other ones would have, by each estimator."""
    names = {
        "logged": "what was shown",
        "ips": "inverse propensities (IPS)",
        "snips": "self-normalised (SNIPS)",
        "dr": "doubly robust (DR)",
        "gain": "DR less what was shown",
    }
    rows = []
    for name, words in names.items():
        each: Interval = getattr(found, name)
        rows.append((words, f"{each.value:.4f}", f"{each.low:.4f} to {each.high:.4f}"))
    title = (
        f"{reward.capitalize()}s per list, of {found.lists:,} lists to {found.customers:,} people"
    )
    console.table(title, ["estimate", "value", "95 % interval"], rows)
    for why, count in left_out.items():
        if count:
            console.say(f"left out: {count:,} lists {why}")
    console.say(
        f"The evidence is worth {found.effective:,.0f} equally weighted products; "
        f"{found.clipped:.1%} of the weights were clipped."
    )
    if found.support < 0.9:
        console.say(
            f"Of what this version would show, only about {found.support:.0%} could have been "
            "shown: for the rest DR believes its model, and IPS counts nothing."
        )


def print_personas(personas: Personas) -> None:
    """Print who the customers are."""
    rows = [
        (each.key, each.name, f"{each.share:.0%}", each.description) for each in personas.personas_
    ]
    console.table("Personas", ["key", "name", "share", "what sets them apart"], rows)


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


def print_monitoring(found: Monitoring) -> None:
    """Print what was found of each version: its weeks, and how far its last day has moved."""
    for version in found.versions:
        promised = version.promised.get("ours.auc", float("nan"))
        rows = [
            (
                week.name,
                week.customers,
                f"{week.mean_predicted:.3f}",
                f"{week.observed:.3f}",
                f"{week.difference_low:+.3f}…{week.difference_high:+.3f}",
                f"{week.ece:.3f}",
                f"{week.auc_low:.3f}…{week.auc_high:.3f}",
                f"{week.brier:.3f}",
            )
            for week in version.weeks[-SHOWN_WEEKS:]
        ]
        columns = ["week", "n", "said", "came", "said - came", "ece", "auc", "brier"]
        title = f"Version {version.version}, whose evaluation promised an AUC of {promised:.3f}"
        console.table(title, columns, rows)
        if version.days:
            day = version.days[-1]
            worst = sorted(day.features.items(), key=lambda item: -item[1])[:5]
            console.table(
                f"Stability of the {day.customers:,} customers scored on {day.date}; chance alone "
                f"stays below {day.chance:.3f}",
                ["of", "index"],
                [("score", day.score), *worst],
            )
    console.say(f"{found.judgement.status.name.lower()}: {found.sentence}")


def _print(title: str, metrics: Mapping[str, float], shown: tuple[str, ...]) -> None:
    methods = dict.fromkeys(name.partition(".")[0] for name in metrics if "." in name)
    rows = [
        (method, *(metrics.get(f"{method}.{name}", float("nan")) for name in shown))
        for method in (OURS, *(method for method in methods if method != OURS))
    ]
    console.table(title, ["method", *shown], rows)


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
