"""Churn scores: of all customers at once, and of one after an event, in process and over HTTP."""

import json as encoding
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import typer

from features.compute import vector
from models.bundle import Bundle
from models.churn import ChurnModel
from models.declared import features_named
from models.offers import Offers
from models.offers.offers import EXAMPLE
from tests.benchmarks.load import Load, Loader, get, post
from tests.benchmarks.results import peak_mb, report
from tests.benchmarks.service import ServiceProcess
from tests.benchmarks.shop import load_history, serve_bundle, simulated_log
from training.recipe import Recipe
from training.score import score
from training.trainer import Data, Trainer

THREADS = 2

ASKED = 2_000
"""Customers at most whose score is computed alone."""

WARM_UP = 50
"""Scores before the measured ones: what is compiled or opened once is not measured."""


def run(
    customers: Annotated[int, typer.Option(help="Simulated customers.")] = 50_000,
    products: Annotated[int, typer.Option(help="Simulated products.")] = 1_000,
    reasons: Annotated[int, typer.Option(help="Of how many the file says why.")] = 1_000,
    k: Annotated[int, typer.Option(help="Products recommended to each; 0 leaves them out.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """Scores of all customers to Parquet, and fresh ones of one."""
    report(
        f"Churn scores of {customers:,} customers, {THREADS} threads",
        measured(customers, products, reasons, k, seed),
        json,
    )


def measured(customers: int, products: int, reasons: int, k: int, seed: int) -> dict[str, float]:
    """All figures, on a shop that is simulated for it."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = simulated_log(folder, customers, products, seed)
        figures = _timed("build", customers, lambda: Data.of(log))
        figures |= _timed("open", customers, lambda: Data.of(log))
        data = Data.of(log)
        until = data.last_at + 1
        trainer = Trainer(data, Recipe(), seed, threads=THREADS, progress=lambda *_: None)
        model = trainer.churn(until)
        if model is None:
            raise RuntimeError("the default recipe trains no churn model")
        offers = Offers.load(EXAMPLE)
        ranked = trainer.next_product(until) if k else None
        bundle = Bundle(data.catalog, data.reference(until), model, ranked, offers)

        def batch(why: int, k: int = 0) -> int:
            out = folder / "scores.parquet"
            shop = data.timelines, data.catalog, until, out
            return score(bundle, *shop, k=k, reasons=why, threads=THREADS)

        count = batch(0)
        figures |= _timed("batch", count, lambda: batch(0))
        figures |= _timed("batch_with_reasons", count, lambda: batch(reasons))
        if k:
            figures |= _timed("batch_with_products", count, lambda: batch(0, k))
        known = np.random.default_rng(seed).permutation(np.flatnonzero(data.timelines.known))
        figures |= _alone(bundle, model, data, until, known[: ASKED + WARM_UP])
        serve_bundle(folder, bundle, data, until)
        load_history(folder, log)
        figures |= _over_http(folder, data.timelines.ids(known[: ASKED + WARM_UP]))
    return {**figures, "seconds": time.perf_counter() - started, "peak_mb": peak_mb()}


def _timed(method: str, customers: int, work: Callable[[], object]) -> dict[str, float]:
    wall, busy = time.perf_counter(), time.process_time()
    work()
    million = 1e6 / customers
    return {
        f"{method}.seconds_per_million": (time.perf_counter() - wall) * million,
        f"{method}.cpu_seconds_per_million": (time.process_time() - busy) * million,
    }


def _alone(
    bundle: Bundle, model: ChurnModel, data: Data, at: int, places: npt.NDArray[np.int64]
) -> dict[str, float]:
    """A customer's features and probability from their timeline, and the reasons after that."""
    features = features_named(model.feature_names_)
    fresh, why = [], []
    for place in places.tolist():
        timeline = data.timelines.customer(place)
        began = time.perf_counter()
        row = vector(timeline, at, data.catalog, bundle.reference, features=features)[None, :]
        model.predict_proba(row, at)
        scored = time.perf_counter()
        model.reasons(row, at=at)
        fresh.append(scored - began)
        why.append(time.perf_counter() - scored)
    return {
        f"{method}.p{share}_us": float(np.percentile(times[WARM_UP:], share)) * 1e6
        for method, times in (("fresh", fresh), ("reasons", why))
        for share in (50, 99)
    }


def _over_http(folder: Path, customer_ids: list[str]) -> dict[str, float]:
    """A score with its reasons, asked for after an event of each customer."""
    viewed = [
        {"type": "track", "event": "Product Viewed", "messageId": f"m-{i}", "userId": i,
         "properties": {"product_id": "p0001"}}
        for i in customer_ids
    ]  # fmt: skip
    events = [post("/v1/track", encoding.dumps(event).encode()) for event in viewed]
    asked = [get(f"/v1/customers/{quote(i, safe='')}/churn") for i in customer_ids]
    settings = {"REGULARS_DATA": str(folder), "REGULARS_STORE": ""}
    with (
        Loader() as loader,
        tempfile.TemporaryDirectory() as scratch,
        ServiceProcess(settings, Path(scratch) / "service.log") as service,
    ):

        def sent(requests: list[bytes]) -> Load:
            return loader.run(service.port, requests, connections=1)

        sent(events[:WARM_UP] + asked[:WARM_UP])
        told, answers = sent(events[WARM_UP:]), sent(asked[WARM_UP:])
    return {
        "http.p50_ms": answers.quantile_ms(0.5),
        "http.p99_ms": answers.quantile_ms(0.99),
        "errors": float(told.errors + answers.errors),
    }
