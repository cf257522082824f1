"""Waiting for another process."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 60


def wait_until(holds: Callable[[], object]) -> None:
    """Poll a condition until it holds; fails when it never does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
