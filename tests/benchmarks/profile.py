"""Whole profiles over HTTP, each of another customer, by one client and by several at once."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import numpy as np
import typer

from features.timeline_build import timelines_of
from tests.benchmarks.load import Load, Loader, get
from tests.benchmarks.results import peak_mb, report
from tests.benchmarks.service import ServiceProcess
from tests.benchmarks.shop import load_history, simulated_log

ASKED = 2_000
"""Customers at most that are asked for, each once in a round."""

ROUNDS = 3
"""Each with other customers, so that none is asked for twice; medians are reported."""

CLIENTS = 4
"""How many ask at once: a console's page and a few associates."""

WARM_UP = 100
"""Requests before the first round: what is compiled or opened once is not measured."""


def run(
    customers: Annotated[int, typer.Option(help="Simulated customers.")] = 100_000,
    products: Annotated[int, typer.Option(help="Simulated products.")] = 5_000,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """Profiles of customers in no order, over SQLite."""
    report(
        f"{customers:,} customers, {ROUNDS} rounds of at most {ASKED:,} profiles",
        measured(customers, products, seed),
        json,
    )


def measured(customers: int, products: int, seed: int) -> dict[str, float]:
    """All figures, on a store that is simulated for it."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        log = simulated_log(Path(folder), customers, products, seed)
        load_history(Path(folder), log)
        timelines = timelines_of(log)
        known = np.random.default_rng(seed).permutation(np.flatnonzero(timelines.known))
        return {
            **asked(Path(folder), timelines.ids(known)),
            "rows": float(len(timelines.rows)),
            "seconds": time.perf_counter() - started,
            "peak_mb": peak_mb(),
        }


def asked(folder: Path, customer_ids: Sequence[str]) -> dict[str, float]:
    """The figures of a service on a store that is there.

    Arguments:
        folder: the service's.
        customer_ids: in no order; a third is asked for by one client, a third by several, a third
            by several of a service with two workers.
    """
    requests = [get(f"/v1/customers/{quote(i, safe='')}") for i in customer_ids]
    warm_up, requests = requests[:WARM_UP], requests[WARM_UP:]
    step = min(ASKED, len(requests) // (3 * ROUNDS))
    parts = [requests[i * step : (i + 1) * step] for i in range(3 * ROUNDS)]
    settings = {"REGULARS_DATA": str(folder), "REGULARS_STORE": ""}
    with Loader() as loader, tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "service.log"

        def run(service: ServiceProcess, part: Sequence[bytes], clients: int) -> Load:
            return loader.run(service.port, part, connections=clients)

        with ServiceProcess(settings, log) as service:
            run(service, warm_up, 1)
            began = service.cpu_seconds()
            one = [run(service, part, 1) for part in parts[::3]]
            several = [run(service, part, CLIENTS) for part in parts[1::3]]
            busy = service.cpu_seconds() - began
            worker_mb = service.memory_mb()
            status, body = service.get(f"/v1/customers/{quote(customer_ids[0], safe='')}")
        with ServiceProcess(settings, log, workers=2) as two:
            run(two, warm_up, CLIENTS)
            shared = [run(two, part, CLIENTS) for part in parts[2::3]]
        if status != 200:
            raise RuntimeError(f"the service answers {status} {body[:500]!r}")
        asked_of_one = sum(load.done for load in (*one, *several))
        return {
            **_latencies("one_client", one),
            **_latencies(f"{CLIENTS}_clients", several),
            **_latencies(f"{CLIENTS}_clients_2_workers", shared),
            "cpu_us_per_request": busy / asked_of_one * 1e6,
            "requests": float(sum(load.done for load in (*one, *several, *shared))),
            "errors": float(sum(load.errors for load in (*one, *several, *shared))),
            "answer_bytes": float(len(body)),
            "worker_mb": worker_mb,
        }


def _latencies(method: str, loads: Sequence[Load]) -> dict[str, float]:
    return {
        f"{method}.p50_ms": statistics.median(load.quantile_ms(0.5) for load in loads),
        f"{method}.p99_ms": statistics.median(load.quantile_ms(0.99) for load in loads),
        f"{method}.worst_ms": max(load.quantile_ms(1.0) for load in loads),
        f"{method}.rps": statistics.median(load.per_second for load in loads),
    }
