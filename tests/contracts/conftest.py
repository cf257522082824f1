"""Stores of each kind, opened as often as a test wants."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.settings import ServingSettings
from serving.store import Store, open_store


@pytest.fixture(params=["postgresql", "sqlite"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> ServingSettings:
    """A new store of each kind; whoever opens it twice is two workers, or two replicas."""
    address = ""
    if request.param == "postgresql":
        address = request.getfixturevalue("postgres").database()
    return ServingSettings(data=tmp_path, store=address, busy_seconds=5.0)


@pytest.fixture
def open_another(settings: ServingSettings) -> Iterator[Callable[[], Store]]:
    """Opens the same store again and again, as several workers do."""
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(open_store(settings))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_another: Callable[[], Store]) -> Store:
    """A store."""
    return open_another()
