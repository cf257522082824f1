"""How a benchmark reports: a table on the terminal, the same figures as flat JSON."""

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table


def seconds(work: Callable[[], object], repeat: int = 1) -> float:
    """Wall time of the fastest of `repeat` runs."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_mb() -> float:
    """Peak resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(title: str, figures: dict[str, float], file: Path | None) -> None:
    """Print figures, keys `<method>.<metric>` as a table with one method a row; write them."""
    rows: dict[str, dict[str, float]] = {}
    overall = Table(show_header=False)
    for key, value in figures.items():
        method, _, metric = key.rpartition(".")
        if method:
            rows.setdefault(method, {})[metric] = value
        else:
            overall.add_row(metric, f"{value:,.4g}")
    columns = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    table = Table(title=title)
    table.add_column("method")
    for column in columns:
        table.add_column(column, justify="right")
    for method, row in rows.items():
        shown = [f"{row[column]:,.4g}" if column in row else "" for column in columns]
        table.add_row(method, *shown)
    Console(width=max(100, 20 * len(columns))).print(table, overall)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(figures, indent=1) + "\n")
