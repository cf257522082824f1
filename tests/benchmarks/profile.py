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
from tests.benchmarks.load import Loader, get
from tests.benchmarks.results import peak_mb, report
from tests.benchmarks.service import ServiceProcess
from tests.benchmarks.shop import load_history, simulated_log

ASKED = 2_000
"""Customers at most that are asked for, each once in a round."""

ROUNDS = 3
"""Each with other customers, so that none is asked for twice; medians are reported."""

CLIENTS = 4
"""How many ask at once in the second figure; a console's page and a few associates."""

WARM_UP = 100
"""Requests before the first round: what is compiled or opened once is not measured."""


def run(
    customers: Annotated[int, typer.Option(help="Simulated customers.")] = 100_000,
    products: Annotated[int, typer.Option(help="Simulated products.")] = 5_000,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """Profiles of customers in no order from one worker, over SQLite."""
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
        customer_ids: in no order; half of them are asked for by one client, half by several.
    """
    requests = [get(f"/v1/customers/{quote(i, safe='')}") for i in customer_ids]
    warm_up, requests = requests[:WARM_UP], requests[WARM_UP:]
    step = min(ASKED, len(requests) // (2 * ROUNDS))
    parts = [requests[i * step : (i + 1) * step] for i in range(2 * ROUNDS)]
    settings = {"REGULARS_DATA": str(folder), "REGULARS_STORE": ""}
    with Loader() as loader, ServiceProcess(settings, folder / "service.log") as service:
        loader.run(service.port, warm_up, connections=1)
        began = service.cpu_seconds()
        one = [loader.run(service.port, part, connections=1) for part in parts[::2]]
        several = [loader.run(service.port, part, connections=CLIENTS) for part in parts[1::2]]
        busy = service.cpu_seconds() - began
        loads = [*one, *several]
        status, body = service.get(f"/v1/customers/{quote(customer_ids[0], safe='')}")
        if status != 200:
            raise RuntimeError(f"the service answers {status} {body[:500]!r}")
        return {
            "p50_ms": statistics.median(load.quantile_ms(0.5) for load in one),
            "p99_ms": statistics.median(load.quantile_ms(0.99) for load in one),
            f"p50_ms_{CLIENTS}": statistics.median(load.quantile_ms(0.5) for load in several),
            f"p99_ms_{CLIENTS}": statistics.median(load.quantile_ms(0.99) for load in several),
            "worst_ms": max(load.quantile_ms(1.0) for load in loads),
            "rps": statistics.median(load.per_second for load in several),
            "cpu_us_per_request": busy / sum(load.done for load in loads) * 1e6,
            "requests": float(sum(load.done for load in loads)),
            "errors": float(sum(load.errors for load in loads)),
            "answer_bytes": float(len(body)),
            "worker_mb": service.memory_mb(),
        }
