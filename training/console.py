"""What a person sees in the terminal: the one console, progress bars and tables.

Results go to standard output, progress and errors to standard error, so that
`python -m training … > file` keeps only the results.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

results = Console(highlight=False)
"""Where results go."""

notes = Console(stderr=True, highlight=False)
"""Where progress, notes and errors go."""


class Stages:
    """Progress bars, one per stage; a stage appears when it is first reported.

    A job calls it with a stage's name, how much is done and how much there is to do
    (None while that is not known).
    """

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int = 0, total: int | None = None) -> None:
        """Report how far a stage is."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=None)
        self._bars.update(self._tasks[stage], completed=done, total=total)

    def ended(self, stage: str, rows: int) -> None:
        """Report a stage that has ended, and how many rows it had."""
        self(stage, rows, rows)


@contextmanager
def stages() -> Iterator[Stages]:
    """Progress bars for as long as the block runs; without a terminal they are shown at its end."""
    with Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        _Count(),
        TimeElapsedColumn(),
        console=notes,
    ) as bars:
        yield Stages(bars)


def say(text: str) -> None:
    """Print a sentence among the results, as it is: neither wrapped nor read as markup."""
    results.print(text, markup=False, soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers stand right, with thousands separated, and text left."""
    shown = Table(header_style="dim", box=box.SIMPLE_HEAD, pad_edge=False)
    numeric = [
        bool(rows) and all(isinstance(row[place], int | float) for row in rows)
        for place in range(len(columns))
    ]
    for place, (name, right) in enumerate(zip(columns, numeric, strict=True)):
        # a figure's long name breaks between its words, not within them
        heading = name.replace("_", " ") if right else name
        shown.add_column(
            heading,
            justify="right" if right else "left",
            overflow="fold",
            # what a row is about stays whole
            no_wrap=place == 0 and not right,
        )
    for row in rows:
        shown.add_row(*(_cell(value) for value in row))
    results.print(Text(title, style="bold"), soft_wrap=True)
    results.print(shown)


class _Count(ProgressColumn):
    """How much is done of how much, thousands separated."""

    def render(self, task: Task) -> Text:
        """The column's text."""
        done = f"{int(task.completed):,}"
        return Text(done if task.total is None else f"{done}/{int(task.total):,}")


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 10 else f"{value:,.1f}"
    return str(value)
