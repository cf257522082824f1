"""Churn probabilities of the shipped pipeline beside baselines, on transactions of any shop."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from features.catalog import Catalog
from features.errors import NotEnoughDataError
from features.events.log import EventLog
from features.instants import DAY_MS, instant
from features.reference import Reference
from features.timeline import Timelines
from features.timeline_build import timelines_of
from models.bundle import Bundle
from models.purchases import PURCHASE_MODELS, Counts
from models.value.choice import correlation, gini
from tests.benchmarks.results import peak_mb, report
from tests.benchmarks.transactions import events_of
from training.dataset import Orders, churn_rows
from training.evaluate import churn_evaluation, evaluate_value
from training.fit import train_churn, train_value
from training.intervals import bootstrap
from training.metrics import churn_metrics
from training.recipe import ChurnRecipe, ValueRecipe
from training.split import learning_plan


def run(
    transactions: Annotated[
        Path, typer.Option(help="Parquet: customer_id, timestamp, value; order_id, product_id, …")
    ],
    cutoff: Annotated[str, typer.Option(help="Nothing from this day on is learnt from.")],
    horizon: Annotated[int, typer.Option(help="Days after the cutoff that count.")] = 90,
    seed: Annotated[int, typer.Option(help="Of all random choices.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """P(no order in the horizon), orders and spend: ours, recency, RFM, purchase models."""
    figures = measured(transactions, instant(cutoff), horizon, seed)
    report(f"{transactions.name}: {horizon} days after {cutoff}", figures, json)


def measured(transactions: Path, cutoff: int, horizon: int, seed: int) -> dict[str, float]:
    """All figures, `<method>.<metric>`."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "log")
        log.append(events_of(transactions))
        timelines, catalog = timelines_of(log), log.catalog
        recipe = ChurnRecipe(horizon_days=horizon)
        rows = churn_rows(timelines, catalog, np.array([cutoff]), horizon, threads=2)
        figures: dict[str, float] = {}
        told: dict[str, np.ndarray] = {}
        try:
            model = train_churn(timelines, catalog, recipe, cutoff, seed)
            plan = learning_plan(int(timelines.rows.at.min()), cutoff, recipe)
            found = churn_evaluation(model, rows, Orders.of(timelines), plan, cutoff)
            figures |= found.metrics
            typer.echo(f"ours: {model.told()}", err=True)
            told = dict(found.predicted)
        except NotEnoughDataError as error:
            typer.echo(f"ours is left out: {error}", err=True)
        counts = _counts(Orders.of(timelines), rows.customer, cutoff)
        for name, kind in PURCHASE_MODELS.items():
            silence = kind().fit(counts).no_order(counts, horizon / 7)
            figures |= {f"{name}.{m}": v for m, v in churn_metrics(rows.y, silence).items()}
            told[name] = silence
        figures |= _differences(rows.y, told, seed)
        silent = {name: told[name] for name in ("recency", "rfm_logistic") if name in told}
        figures |= _value(timelines, catalog, cutoff, horizon, seed, silent)
    figures |= {"seconds": time.perf_counter() - began, "peak_mb": peak_mb()}
    return figures


def _differences(left: np.ndarray, told: dict[str, np.ndarray], seed: int) -> dict[str, float]:
    """Ours less each baseline, with paired bootstrap intervals."""
    if "ours" not in told:
        return {}
    resampled, out = bootstrap(left, told, seed=seed), {}
    for method in told.keys() - {"ours", "base_rate"}:
        for figure in ("auc", "brier"):
            found = resampled.difference("ours", method, figure)
            out[f"{method}.ours_less_{figure}"] = found.value
            out[f"{method}.ours_less_{figure}_low"] = found.low
            out[f"{method}.ours_less_{figure}_high"] = found.high
    return out


def _value(
    timelines: Timelines,
    catalog: Catalog,
    cutoff: int,
    horizon: int,
    seed: int,
    silent: dict[str, np.ndarray],
) -> dict[str, float]:
    """Orders and spend: ours and the baselines; what our model says of its choices goes along.

    Those who tell P(no order) alone have an opinion on the order of the customers only.
    """
    model = train_value(timelines, catalog, ValueRecipe(horizon_days=horizon), cutoff, seed)
    typer.echo(f"value: {model.chosen_text()}", err=True)
    facts = Reference.as_of(timelines, catalog, cutoff)
    bundle = Bundle(catalog, facts, None, None, value=model)
    found = evaluate_value(bundle, timelines, catalog, cutoff, 2)
    figures = {name: figure for name, figure in found.metrics.items() if "." in name}
    for method, told in silent.items():
        figures[f"{method}.orders_spearman"] = correlation(found.orders, -told)
        figures[f"{method}.spend_spearman"] = correlation(found.spend, -told)
        figures[f"{method}.spend_gini"] = gini(found.spend, -told)
    return figures


def _counts(orders: Orders, customers: np.ndarray, cutoff: int) -> Counts:
    """From the orders themselves, one a day: not by way of our features."""
    seen = (orders.at < cutoff) & np.isin(orders.customer, customers)
    who = np.searchsorted(customers, orders.customer[seen])
    pairs = np.unique(np.column_stack([who, orders.at[seen] // DAY_MS]), axis=0)
    days = np.bincount(pairs[:, 0], minlength=len(customers))
    begin = np.concatenate([[0], np.cumsum(days)[:-1]])
    first, last = pairs[begin, 1], pairs[begin + days - 1, 1]
    age = cutoff // DAY_MS - first
    return Counts((days - 1).astype(float), (last - first) / 7.0, age / 7.0)
