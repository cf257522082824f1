"""Each benchmark runs on tiny data and reports what the protocol names."""

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests import postgres
from tests.benchmarks import ingest, serving
from tests.benchmarks.__main__ import app


def measured(tmp_path: Path, name: str, *options: str) -> dict[str, float]:
    file = tmp_path / f"{name}.json"
    done = CliRunner().invoke(app, [name, *options, "--json", str(file)], catch_exceptions=False)
    assert done.exit_code == 0
    figures: dict[str, float] = json.loads(file.read_text())
    assert all(math.isfinite(value) for value in figures.values())
    return figures


def test_features_reports_equal_numbers_and_both_ratios(tmp_path: Path) -> None:
    figures = measured(tmp_path, "features", "--events", "3000", "--customers", "200")
    assert {"ratio", "ratio_with_build", "one_customer_us", "peak_mb"} <= set(figures)
    assert figures["max_difference"] == 0
    assert figures["max_difference_duckdb"] < 1e-5


def test_ingest_reports_the_ratio_and_the_time_to_visibility(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "ROUNDS", 1)
    monkeypatch.setattr(ingest, "PROBES", 3)
    monkeypatch.setattr(ingest, "PROBE_SECONDS", 0.2)
    # the store's own tests start a server already
    monkeypatch.setattr(postgres, "missing", lambda: "not for a smoke test")
    figures = measured(tmp_path, "ingest", "--events", "200", "--batch", "20")
    named = {"sqlite.events_per_second", "sqlite.ratio", "visibility_p99_ms", "peak_mb"}
    assert named <= set(figures)
    assert figures["sqlite.errors"] == 0


def test_serving_reports_both_sides_of_the_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "ROUNDS", 1)
    monkeypatch.setattr(serving, "WARM_UP_SECONDS", 0.1)
    figures = measured(
        tmp_path, "serving", "--customers", "200", "--products", "40", "--seconds", "0.3"
    )
    named = {"ours.rps_1", "ours.rps_2", "bare.rps_1", "ratio", "cpu_us_per_request"}
    named |= {"p50_ms", "p99_ms_half", "errors", "worker_mb", "seconds", "peak_mb"}
    assert named <= set(figures)
    assert figures["errors"] == 0


def test_profile_reports_the_latencies_of_one_client_and_of_several(tmp_path: Path) -> None:
    figures = measured(tmp_path, "profile", "--customers", "200", "--products", "40")
    named = {"one_client.p50_ms", "one_client.p99_ms", "4_clients.p99_ms"}
    named |= {"4_clients_2_workers.p99_ms", "cpu_us_per_request", "peak_mb"}
    assert named <= set(figures)
    assert figures["errors"] == 0


def test_score_reports_the_batch_and_a_fresh_score(tmp_path: Path) -> None:
    asked = ("--customers", "300", "--products", "40", "--reasons", "20")
    figures = measured(tmp_path, "score", *asked)
    named = {"build", "open", "batch", "batch_with_reasons"}
    assert {f"{name}.seconds_per_million" for name in named} <= set(figures)
    assert {"fresh.p50_us", "fresh.p99_us", "reasons.p50_us", "http.p50_ms"} <= set(figures)
    assert figures["errors"] == 0


def test_churn_reports_ours_beside_the_baselines(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    days = [
        (f"c{customer}", np.datetime64("2024-01-01") + int(day))
        for customer in range(150)
        for day in drawn.integers(0, 500, drawn.integers(1, 12))
    ]
    table = pa.table(
        {
            "customer_id": [customer for customer, _ in days],
            "timestamp": pa.array([day.astype("datetime64[us]") for _, day in days]),
            "value": drawn.uniform(-5, 50, len(days)),
        }
    )
    pq.write_table(table, tmp_path / "transactions.parquet")
    asked = ("--transactions", str(tmp_path / "transactions.parquet"), "--cutoff", "2025-03-01")
    figures = measured(tmp_path, "churn", *asked, "--horizon", "60")
    methods = ("ours", "recency", "rfm_logistic", "bg_nbd", "mbg_nbd", "pareto_nbd")
    assert {f"{method}.{name}" for method in methods for name in ("auc", "brier", "ece")} <= set(
        figures
    )
    methods = ("ours", "frequency", "last_year", "bg_nbd", "mbg_nbd", "pareto_nbd")
    of_value = ("orders_mae", "orders_rmse", "orders_spearman")
    of_value += ("spend_mae", "spend_spearman", "spend_gini")
    assert {f"{method}.{name}" for method in methods for name in of_value} <= set(figures)
    assert {"recency.orders_spearman", "rfm_logistic.spend_gini"} <= set(figures)


def test_sessions_reports_both_methods_and_the_time_of_one_prediction(tmp_path: Path) -> None:
    start = np.random.default_rng(0).integers(30, size=2_000)
    clicks = pa.table(
        {
            "session_id": np.repeat(np.arange(len(start)), 4),
            "product_id": [f"p{(s + i) % 30}" for s in start.tolist() for i in range(4)],
            "position": np.tile(np.arange(4), len(start)),
        }
    )
    pq.write_table(clicks[:7_600], tmp_path / "train.parquet")
    pq.write_table(clicks[7_600:], tmp_path / "test.parquet")
    files = ("--train", str(tmp_path / "train.parquet"), "--test", str(tmp_path / "test.parquet"))
    figures = measured(tmp_path, "sessions", *files, "--min-prefix", "2")
    metrics = ("hr@20", "mrr@20", "p50_us", "p99_us")
    named = {f"{method}.{metric}" for method in ("ours", "vsknn") for metric in metrics}
    assert named | {"seconds", "peak_mb"} <= set(figures)
    assert figures["predictions"] == 200
    assert figures["vsknn.hr@20"] == 1
    assert figures["ours.mrr@20"] > 0.95  # who walks in circles is easily followed


BASELINES = ("g_topfreq", "p_topfreq", "gp_topfreq", "tifuknn", "upcf", "als", "neighbours")
METRICS = ("recall@10", "ndcg@10", "phr@10", "recall@20", "ndcg@20", "phr@20")


def habits(customer: int, baskets: int) -> list[list[str]]:
    """One's own product in every basket, and a different one each time."""
    return [[f"item {customer % 9}", f"item {9 + (customer + b) % 8}"] for b in range(baskets)]


def test_next_basket_reports_all_methods_and_leaves_out_what_cannot_be_tested(
    tmp_path: Path,
) -> None:
    people = {f"u{c}": habits(c, 6) for c in range(40)}
    people |= {f"single {c}": habits(c, 1) for c in range(40)}
    people["with a gap"] = [["item 1"], [], ["item 1"]]
    people["nobody"] = []
    file = tmp_path / "baskets.json.gz"
    file.write_bytes(gzip.compress(json.dumps(people).encode()))
    figures = measured(tmp_path, "next-basket", "--baskets", str(file), "--splits", "2")
    assert {f"{m}.{name}" for m in ("ours", *BASELINES) for name in METRICS} <= set(figures)
    assert {"ours.recall@10.sd", "ours.candidate_recall", "fit_seconds"} <= set(figures)
    assert {"ours.repeat_recall@10", "ours.explore_recall@10", "peak_mb"} <= set(figures)
    assert figures["p_topfreq.repeat_recall@10"] == 1  # seven products at most were ever bought
    assert figures["p_topfreq.explore_recall@10"] == 0
    assert figures["customers"] < 16  # a fifth are drawn, and about half have a single basket


def test_next_basket_refuses_other_files(tmp_path: Path) -> None:
    file = tmp_path / "baskets.json"
    file.write_text("[1, 2]")
    done = CliRunner().invoke(app, ["next-basket", "--baskets", str(file)])
    assert done.exit_code == 2
    assert "is not JSON of the form" in done.output


def test_next_product_reports_all_methods(tmp_path: Path) -> None:
    lines = [
        (f"c{c}", np.datetime64("2024-01-01") + 20 * b + c % 20, item)
        for c in range(60)
        for b, basket in enumerate(habits(c, 9))
        for item in basket
    ]
    table = pa.table(
        {
            "customer_id": [customer for customer, _, _ in lines],
            "timestamp": pa.array([day.astype("datetime64[us]") for _, day, _ in lines]),
            "product_id": [item for _, _, item in lines],
            "value": np.full(len(lines), 5.0),
            "quantity": np.where(np.arange(len(lines)) % 50 == 0, -1.0, 1.0),
        }
    )
    pq.write_table(table, tmp_path / "lines.parquet")
    asked = ("--transactions", str(tmp_path / "lines.parquet"), "--cutoff", "2024-05-20")
    figures = measured(tmp_path, "next-product", *asked, "--horizon", "20")
    named = (*METRICS, "map@10", "coverage@10", "novelty@10", "repeat_recall@10")
    assert {f"{m}.{name}" for m in ("ours", *BASELINES) for name in named} <= set(figures)
    assert {"ours.candidate_recall", "fit_seconds", "seconds", "peak_mb"} <= set(figures)
    assert figures["gp_topfreq.recall@10"] > figures["g_topfreq.recall@10"]
