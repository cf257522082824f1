"""The service's only look at the wall clock; tests pass their own."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Gives the present instant: int64 milliseconds since 1970-01-01 UTC."""


def wall_clock() -> int:
    """The machine's time."""
    return time.time_ns() // 1_000_000
