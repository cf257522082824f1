"""Each benchmark runs on tiny data and reports what the protocol names."""

import json
from pathlib import Path

from typer.testing import CliRunner

from tests.benchmarks.__main__ import app


def test_features_reports_equal_numbers_and_both_ratios(tmp_path: Path) -> None:
    file = tmp_path / "features.json"
    options = ["--events", "3000", "--customers", "200", "--json", str(file)]
    done = CliRunner().invoke(app, ["features", *options], catch_exceptions=False)
    assert done.exit_code == 0
    figures = json.loads(file.read_text())
    assert {"ratio", "ratio_with_build", "one_customer_us", "peak_mb"} <= set(figures)
    assert figures["max_difference"] == 0
    assert figures["max_difference_duckdb"] < 1e-5
