"""How commands behave: clear errors with exit codes, and what a run cost."""

import os
import resource
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from features.errors import InputError, NotEnoughDataError, RegularsError
from training.console import notes

WRONG_INPUT = 2
"""Exit code when what was given cannot be used; as the shell's for a wrong option."""

FAILED = 1
"""Exit code of every other failure."""

LogOption = Annotated[
    Path | None, typer.Option("--log", help="The event log's folder; default: in REGULARS_DATA.")
]
VersionOption = Annotated[
    int | None, typer.Option("--version", help="A registered version; default: the newest.")
]


ALERT = 3
"""Exit code of `monitor --check` when somebody must look."""


class Commands(TyperGroup):
    """Says domain errors in one message without a traceback, and what each command cost.

    Anything else is a bug of ours and keeps its traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        # Threads that wait for each other must sleep, not spin: beside other work on the same
        # cores training is three times as fast. Read when the first library with OpenMP loads.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        began = time.monotonic()
        try:
            result = super().invoke(ctx)
        except RegularsError as error:
            notes.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
            wrong = isinstance(error, InputError | NotEnoughDataError)
            raise typer.Exit(WRONG_INPUT if wrong else FAILED) from None
        seconds = time.monotonic() - began
        notes.print(f"[dim]{seconds:.1f} s, peak memory {peak_memory_mb():,.0f} MB[/]")
        return result


def peak_memory_mb() -> float:
    """The most memory this process ever held, in megabytes (10⁶ bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # kilobytes on Linux, bytes on macOS
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def example(command: str) -> str:
    """The text below a command's `--help`."""
    return f"Example:  python -m training {command}"
