"""How a benchmark reports: a table on the terminal, the same figures as flat JSON."""

import json
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
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


def report(
    title: str,
    figures: dict[str, float],
    file: Path | None,
    shown: Sequence[str] | None = None,
) -> None:
    """Print figures, keys `<method>.<metric>` as a table with one method a row; write them.

    A figure `<method>.<metric>.sd` is shown behind the one it is the deviation of.

    Arguments:
        title: of the table.
        figures: all of them.
        file: where they are written; nowhere when None.
        shown: the table's columns, where there are too many metrics for one; all when None.
    """
    rows: dict[str, dict[str, str]] = {}
    overall = Table(show_header=False)
    for key, value in figures.items():
        method, _, metric = key.rpartition(".")
        if metric == "sd":
            continue
        if not method:
            overall.add_row(metric, f"{value:,.4g}")
            continue
        rows.setdefault(method, {})[metric] = f"{value:,.4g}"
        if f"{key}.sd" in figures:
            rows[method][metric] += f" ± {figures[f'{key}.sd']:.2g}"
    found = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    columns = [metric for metric in found if shown is None or metric in shown]
    table = Table(title=title)
    table.add_column("method")
    for column in columns:
        table.add_column(column, justify="right")
    for method, row in rows.items():
        table.add_row(method, *(row.get(column, "") for column in columns))
    Console(width=max(100, 20 * len(columns))).print(table, overall)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(figures, indent=1) + "\n")


class Steps:
    """A progress bar of steps that have names; nothing where nobody watches.

    Arguments:
        total: how many steps there will be, about.
    """

    def __init__(self, total: int) -> None:
        self.prefix = ""
        self._progress = Progress(
            *Progress.get_default_columns(), TimeElapsedColumn(), console=Console(stderr=True)
        )
        self._task = self._progress.add_task("", total=total)
        self._begun = False

    def __enter__(self) -> "Steps":
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def __call__(self, name: str) -> None:
        """A step begins, and the one before is done."""
        step = 1 if self._begun else 0
        self._progress.update(self._task, advance=step, description=f"{self.prefix}{name}")
        self._begun = True
