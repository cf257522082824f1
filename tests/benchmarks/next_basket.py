"""The next basket: ours beside G-/P-/GP-TopFreq, TIFUKNN and UP-CF (Li et al. 2023).

The file has baskets in order and no times. The pipeline learns from the months before an instant
T, so the j-th basket from the end is given the middle of the j-th month before T. A fifth of the
customers is tested: their last basket is the target, is bought in the month after T and is not in
the log at all. Everybody's last usable basket (the last one of the others, the one before the
target of the tested) then lies in the month before T, where the ranker's latest labels come from,
and so on backwards. All products of the file are the catalogue.
"""

import gzip
import json as json_file
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import typer

from features.catalog import Catalog, Product
from features.columns import Columns as C
from features.columns import ProductId
from features.events.event import LOG_SCHEMA
from features.events.log import EventLog
from features.events.schema import schema
from features.instants import DAY_MS, instant
from features.reference import Reference
from features.timeline_build import timelines_of
from models.next_product import Period
from tests.benchmarks.results import Steps, peak_mb, report
from training.fit import train_next_product
from training.next_product.lists import ranked_lists
from training.next_product.scores import Truth, means, scores
from training.recipe import NextProductRecipe

T = instant("2024-01-01")
MONTH = 30
"""Days; the horizon of the default recipe, too."""

SHOWN = (
    *(f"{figure}@{k}" for k in (10, 20) for figure in ("recall", "ndcg", "phr")),
    "repeat_recall@10",
    "explore_recall@10",
    "candidate_recall",
)
"""Columns of the table; the JSON has all."""

Basket = Sequence[str]


def run(
    baskets: Annotated[Path, typer.Option(help="JSON(.gz): {user: [[item, …], …]}, in order.")],
    splits: Annotated[int, typer.Option(min=1, help="Of customers into tested and others.")] = 5,
    seed: Annotated[int, typer.Option(help="Of all random choices.")] = 0,
    ndcg: Annotated[
        Literal["full", "min"], typer.Option(help="Ideal gain of the whole target, or its first k.")
    ] = "full",
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """Each tested customer's last basket, among all products; means over splits with their sd."""
    figures = measured(baskets, splits, seed, ndcg)
    title = f"{baskets.name}: {splits} splits, {int(figures['customers']):,} customers each"
    report(title, figures, json, SHOWN)


def measured(
    baskets: Path, splits: int, seed: int, ideal: Literal["full", "min"]
) -> dict[str, float]:
    """All figures, `<method>.<metric>`, and `<method>.<metric>.sd` over the splits."""
    began = time.perf_counter()
    people = _read(baskets)
    found: list[dict[str, float]] = []
    with Steps(splits * 9) as steps:
        for split in range(splits):
            name = f"split {split + 1} of {splits}"
            steps.prefix = f"{name}: "
            found.append(_split(people, seed + split, ideal, steps))
    figures: dict[str, float] = {}
    for key in dict.fromkeys(key for each in found for key in each):
        values = np.array([each.get(key, np.nan) for each in found])
        if not np.isfinite(values).any():
            continue
        figures[key] = float(np.nanmean(values))
        if "." in key and splits > 1:
            figures[f"{key}.sd"] = float(np.nanstd(values, ddof=1))
    return figures | {"seconds": time.perf_counter() - began, "peak_mb": peak_mb()}


@dataclass(frozen=True)
class _Person:
    name: str
    baskets: list[Basket]


def _read(file: Path) -> list[_Person]:
    """Customers with at least one basket; empty baskets and customers without one are told of.

    Raises:
        BadParameter: the file is not of the form that is asked for.
    """
    try:
        raw = file.read_bytes()
        told = json_file.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        people = [
            _Person(str(name), [[str(item) for item in basket] for basket in baskets if basket])
            for name, baskets in told.items()
        ]
        empty = sum(not basket for baskets in told.values() for basket in baskets)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise typer.BadParameter(
            f"{file} is not JSON of the form {{user: [[item, …], …]}}: {error}"
        ) from error
    kept = [person for person in people if person.baskets]
    if empty or len(kept) < len(people):
        typer.echo(
            f"skipped: {empty:,} empty baskets, {len(people) - len(kept):,} customers without any",
            err=True,
        )
    if len(kept) < 2:
        raise typer.BadParameter(f"{file} has {len(kept)} customers with a basket; 2 are needed")
    return kept


def _split(
    people: list[_Person], seed: int, ideal: Literal["full", "min"], steps: Steps
) -> dict[str, float]:
    """All figures of one split."""
    steps("log")
    drawn = np.random.default_rng(seed).permutation(len(people))[: max(1, len(people) // 5)]
    tested = np.zeros(len(people), np.bool_)
    tested[drawn] = True
    strangers = sum(len(people[i].baskets) < 2 for i in drawn.tolist())
    if strangers:
        typer.echo(f"not tested: {strangers:,} customers with a single basket", err=True)
    usable = [p.baskets[:-1] if t else p.baskets for p, t in zip(people, tested, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "log")
        log.append(_events(people, usable))
        timelines = timelines_of(log)
        items = sorted({item for p in people for basket in p.baskets for item in basket})
        catalog = log.catalog.extended([Product(ProductId(item)) for item in items])
        place = {name: i for i, name in enumerate(timelines.ids())}
        targets = sorted(
            (place[person.name], person.baskets[-1])
            for person, test, seen in zip(people, tested, usable, strict=True)
            if test and seen
        )
        if not targets:
            raise typer.BadParameter("no tested customer has two baskets")
        period = _period(targets, catalog, Reference.as_of(timelines, catalog, T))
        began = time.perf_counter()
        steps("fit")
        model = train_next_product(
            timelines, catalog, NextProductRecipe(horizon_days=MONTH), T, seed, threads=2
        )
        fit_seconds = time.perf_counter() - began
        ranked = ranked_lists(
            model, timelines, period.customers, T, catalog, period.reference, steps
        )
        truth = Truth.of(period, timelines, catalog)
        figures = {
            f"{method}.{name}": value
            for method, products in ranked.items()
            for name, value in means(scores(products, truth, ideal)).items()
        }
        figures["ours.candidate_recall"] = model.candidate_recall(timelines, period, catalog)
    return figures | {"fit_seconds": fit_seconds, "customers": float(len(truth))}


def _period(targets: list[tuple[int, Basket]], catalog: Catalog, reference: Reference) -> Period:
    bought = [np.unique([catalog.find(item) for item in basket]) for _, basket in targets]
    return Period(
        at=T,
        customers=np.array([place for place, _ in targets], np.int64),
        offsets=np.cumsum([0, *(len(each) for each in bought)]).astype(np.int64),
        products=np.concatenate(bought).astype(np.int32),
        reference=reference,
    )


def _events(people: list[_Person], usable: list[list[Basket]]) -> pa.Table:
    """One order per basket, in the middle of its month; of money nothing is known."""
    code, rows = schema().code("Order Completed"), []
    for person, baskets in zip(people, usable, strict=True):
        for back, basket in enumerate(reversed(baskets), 1):
            at = T - (back * MONTH - MONTH // 2) * DAY_MS
            lines = [
                {"product_id": item, "quantity": 1.0, "price": None}
                for item in dict.fromkeys(basket)
            ]
            order = f"{person.name}-{back}"
            rows.append(
                {
                    C.EVENT_ID: f"order:{order}",
                    C.TYPE: code,
                    C.NAME: "Order Completed",
                    C.TIMESTAMP: at,
                    C.RECEIVED_AT: at,
                    C.USER_ID: person.name,
                    C.CHANNEL: "web",
                    C.ORDER_ID: order,
                    C.CURRENCY: "EUR",
                    C.PRODUCTS: lines,
                    C.SOURCE: "benchmark",
                }
            )
    return pa.Table.from_pylist(rows, schema=LOG_SCHEMA)
