"""Full two-stage recommendations over HTTP, beside a bare FastAPI endpoint of the same bytes."""

import json as json_text
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from tests.benchmarks.load import Load, Loader, post
from tests.benchmarks.results import peak_mb, report
from tests.benchmarks.service import ServiceProcess
from tests.benchmarks.shop import simulated_shop

ROUNDS = 3
"""The two sides take turns this often; medians are reported, so that a drift of the machine
meets both."""

CONNECTIONS = 8
"""Enough that a worker never waits for the client."""

ASKED = 2_000
"""Customers at most that are asked for, in turn."""

WARM_UP_SECONDS = 1.0

K = 10


def run(
    customers: Annotated[int, typer.Option(help="Simulated customers.")] = 20_000,
    products: Annotated[int, typer.Option(help="Simulated products.")] = 5_000,
    seconds: Annotated[float, typer.Option(help="Length of one measurement.")] = 5.0,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """Recommendations on one worker and on two, beside bare FastAPI, measured in turn."""
    report(
        f"{customers:,} customers, {products:,} products, {ROUNDS} rounds of {seconds:g} s",
        measured(customers, products, seconds, seed),
        json,
    )


def measured(customers: int, products: int, seconds: float, seed: int) -> dict[str, float]:
    """All figures; the load comes from a second process over loopback."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Loader() as loader:
        asked = simulated_shop(Path(folder), customers, products, seed)[:ASKED]
        requests = [
            post(
                "/v1/recommendations",
                json_text.dumps({"customer_id": customer_id, "k": K}).encode(),
            )
            for customer_id in asked
        ]
        settings = {"REGULARS_DATA": folder, "REGULARS_STORE": ""}
        log = Path(folder) / "service.log"

        def saturated(service: ServiceProcess) -> Load:
            return loader.run(service.port, requests, connections=CONNECTIONS, seconds=seconds)

        def warm(service: ServiceProcess) -> None:
            loader.run(service.port, requests, connections=CONNECTIONS, seconds=WARM_UP_SECONDS)

        with ServiceProcess(settings, log) as one:
            answer = _answer(one, asked[0])
            (Path(folder) / "answer.json").write_bytes(answer)
            command = ("-m", "tests.benchmarks.bare", f"{folder}/answer.json", "--port", "{port}")
            with ServiceProcess({}, log, command=command) as bare:
                for service in (one, bare):
                    warm(service)
                turns: list[tuple[Load, Load]] = []
                busy, began = 0.0, 0.0
                for _ in range(ROUNDS):
                    began = one.cpu_seconds()
                    ours = saturated(one)
                    busy += one.cpu_seconds() - began
                    turns.append((ours, saturated(bare)))
            ours_1 = statistics.median(ours.per_second for ours, _ in turns)
            bare_1 = statistics.median(bare.per_second for _, bare in turns)
            half = loader.run(
                one.port, requests, connections=CONNECTIONS, seconds=seconds, rate=ours_1 / 2
            )
            product_id = json_text.loads(answer)["items"][0]["product_id"]
            pages = loader.run(
                one.port, [_page(i, product_id) for i in asked], connections=1, seconds=seconds
            )
            single = loader.run(one.port, requests, connections=1, seconds=seconds)
            worker_mb = one.memory_mb()
        with ServiceProcess(settings, log, workers=2) as two:
            warm(two)
            both = [saturated(two) for _ in range(ROUNDS)]
            worker_mb_2 = two.memory_mb()
        all_ours = [*(ours for ours, _ in turns), half, pages, single, *both]
        answers = sum(ours.done for ours, _ in turns)
        return {
            "ours.rps_1": ours_1,
            "ours.rps_2": statistics.median(load.per_second for load in both),
            "bare.rps_1": bare_1,
            "ratio": statistics.median(a.per_second / b.per_second for a, b in turns),
            "cpu_us_per_request": busy / answers * 1e6,
            "p50_ms": half.quantile_ms(0.5),
            "p99_ms_half": half.quantile_ms(0.99),
            "p50_ms_full": statistics.median(a.quantile_ms(0.5) for a, _ in turns),
            "p99_ms_full": statistics.median(a.quantile_ms(0.99) for a, _ in turns),
            "p50_ms_alone": single.quantile_ms(0.5),
            "p99_ms_alone": single.quantile_ms(0.99),
            "page_p50_ms_alone": pages.quantile_ms(0.5),
            "page_p99_ms_alone": pages.quantile_ms(0.99),
            "errors": sum(load.errors for load in all_ours),
            "worker_mb": worker_mb,
            "worker_mb_of_2": worker_mb_2,
            "answer_bytes": len(answer),
            "requests": sum(load.done for load in all_ours),
            "seconds": time.perf_counter() - started,
            "peak_mb": peak_mb(),
        }


def _page(customer_id: str, product_id: str) -> bytes:
    """A request for the four lists of a product's page, one connection asking at a time."""
    about = {"product_id": product_id, "k": K}
    lists = [
        {"placement": "product_bought_together", **about},
        {"placement": "product_similar", **about},
        {"placement": "cart", "product_ids": [product_id], "k": K},
        {"placement": "home", "k": K},
    ]
    body = {"customer_id": customer_id, "placements": lists}
    return post("/v1/recommendations", json_text.dumps(body).encode())


def _answer(service: ServiceProcess, customer_id: str) -> bytes:
    """One whole answer, which must be the model's own for a customer it knows."""
    status, answer = service.post("/v1/recommendations", {"customer_id": customer_id, "k": K})
    told: Mapping[str, object] = json_text.loads(answer)
    if status != 200 or told["fallback"] is not None or told["model_version"] is None:
        raise RuntimeError(f"the service answers {status} {answer[:500]!r}, not from its model")
    return answer
