"""What customers buy next, in a shop's own time: ours beside baselines and single generators."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from features.events.log import EventLog
from features.instants import instant
from features.timeline_build import timelines_of
from tests.benchmarks.results import Steps, peak_mb, report
from tests.benchmarks.transactions import events_of
from training.fit import train_next_product
from training.next_product.evaluation import evaluate_next_product
from training.recipe import NextProductRecipe

SHOWN = (
    *(f"{figure}@10" for figure in ("recall", "ndcg", "phr", "map", "coverage", "novelty")),
    "recall@20",
    "repeat_recall@10",
    "explore_recall@10",
    "candidate_recall",
)
"""Columns of the table; the JSON has all."""


def run(
    transactions: Annotated[
        Path,
        typer.Option(help="Parquet: customer_id, timestamp, value, product_id; order_id, quantity"),
    ],
    cutoff: Annotated[str, typer.Option(help="Nothing from this day on is learnt from.")],
    horizon: Annotated[int, typer.Option(min=1, help="Days after the cutoff that count.")] = 30,
    seed: Annotated[int, typer.Option(help="Of all random choices.")] = 0,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Leave each source of candidates out, too.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """Products bought in the horizon by customers with an order before, all products ranked."""
    figures = measured(transactions, instant(cutoff), horizon, seed, ablation)
    title = f"{transactions.name}: {horizon} days after {cutoff}"
    report(f"{title}, {int(figures['customers']):,} customers", figures, json, SHOWN)


def measured(
    transactions: Path, cutoff: int, horizon: int, seed: int, ablation: bool = False
) -> dict[str, float]:
    """All figures, `<method>.<metric>`."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Steps(10) as steps:
        steps("log")
        log = EventLog(Path(folder) / "log")
        log.append(events_of(transactions))
        timelines, catalog = timelines_of(log), log.catalog
        if not len(catalog):
            raise typer.BadParameter(f"{transactions} has no product_id")
        steps("fit")
        fit_began = time.perf_counter()
        recipe = NextProductRecipe(horizon_days=horizon)
        model = train_next_product(timelines, catalog, recipe, cutoff, seed, threads=2)
        fit_seconds = time.perf_counter() - fit_began
        steps("evaluate")
        found = evaluate_next_product(
            model, timelines, catalog, cutoff, thorough=ablation, seed=seed, progress=steps
        )
    figures = {name: value for name, value in found.metrics.items() if np.isfinite(value)}
    figures |= {"fit_seconds": fit_seconds}
    return figures | {"seconds": time.perf_counter() - began, "peak_mb": peak_mb()}
