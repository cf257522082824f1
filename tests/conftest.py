"""What every test needs."""

import os
from collections.abc import Iterator

import pytest

from tests.postgres import Postgres, missing

# LightGBM's idle threads sleep rather than spin, so that tests can run side by side.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; the test skips, and says why, where there is none."""
    if reason := missing():
        pytest.skip(reason)
    with Postgres() as server:
        yield server
