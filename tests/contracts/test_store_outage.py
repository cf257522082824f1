"""A database that is locked, gone or stuck refuses soon, keeps no half, and recovers by itself."""

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import event

from serving.settings import ServingSettings
from serving.store import Store, open_store
from serving.store.errors import UnavailableError
from tests.contracts.events import append, viewed
from tests.postgres import Postgres, missing

PATIENCE_SECONDS = 30


def recovered(work: Callable[[], object]) -> None:
    """Tries until it works: a store mends itself, nobody opens it anew."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            work()
            return
        except UnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def locked(tmp_path) -> Iterator[Store]:
    """A store whose file another program has locked."""
    settings = ServingSettings(data=tmp_path, busy_seconds=0.1)
    store = open_store(settings)
    append(store, viewed("e1", user="ann"))
    with closing(sqlite3.connect(settings.store_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield store
        other.execute("ROLLBACK")
        append(store, viewed("e3", user="ann"))
        assert store.known_ids(["e1", "e2", "e3"]) == {"e1", "e3"}
    store.close()


def test_a_locked_file_refuses_writes_soon_and_reads_go_on(locked):
    with pytest.raises(UnavailableError, match="locked"):
        append(locked, viewed("e2", user="ann"))
    assert len(locked.person("ann").timeline) == 1


def test_a_full_disk_refuses_writes_and_reads_go_on(tmp_path):
    settings = ServingSettings(data=tmp_path)
    store = open_store(settings)
    append(store, viewed("e1", user="ann"))
    with closing(sqlite3.connect(settings.store_file)) as other:
        pages = other.execute("PRAGMA page_count").fetchone()[0]

    def limit(connection, _record=None, _proxy=None) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(store._database._writes, "checkout", limit)
    with pytest.raises(UnavailableError, match="full"):
        append(store, *(viewed(f"f{i}", user=f"u{i}") for i in range(2000)))
    assert len(store.person("ann").timeline) == 1
    assert store.events(limit=1)[0].event.event_id == "e1"
    pages = 1_000_000
    append(store, viewed("e2", user="ann"))
    store.close()


@pytest.fixture(scope="module")
def fragile() -> Iterator[Postgres]:
    """A server of this file's own: the others' is not to be killed."""
    if reason := missing():
        pytest.skip(reason)
    with Postgres() as server:
        yield server


@pytest.fixture
def address(fragile) -> str:
    return fragile.database()


@pytest.fixture
def remote(address, tmp_path) -> Iterator[Store]:
    """A store on it that is not patient."""
    settings = ServingSettings(data=tmp_path, store=address, busy_seconds=0.3, answer_seconds=0.3)
    store = open_store(settings)
    append(store, viewed("e1", user="ann"))
    yield store
    store.close()


def test_a_restarted_server_is_found_again_by_reads_and_writes(fragile, remote):
    fragile.stop(signal.SIGINT)
    fragile.start()
    assert len(remote.person("ann").timeline) == 1
    assert append(remote, viewed("e2", user="ann")).accepted == 1


def test_a_server_that_is_down_refuses_at_once_and_is_found_when_it_is_back(fragile, remote):
    fragile.stop()
    with pytest.raises(UnavailableError):
        remote.person("ann")
    with pytest.raises(UnavailableError, match="not reached a moment ago"):
        remote.person("ann")
    with pytest.raises(UnavailableError):
        append(remote, viewed("e2", user="ann"))
    fragile.start()
    recovered(lambda: append(remote, viewed("e2", user="ann")))
    assert remote.known_ids(["e1", "e2"]) == {"e1", "e2"}


def test_a_server_that_hangs_refuses_and_is_well_again(fragile, remote):
    fragile.hang()
    try:
        with pytest.raises(UnavailableError, match="no answer from the server"):
            remote.person("ann")
        with pytest.raises(UnavailableError):
            append(remote, viewed("e2", user="ann"))
    finally:
        fragile.go_on()
    recovered(lambda: append(remote, viewed("e3", user="ann")))
    recovered(lambda: remote.person("ann"))
    assert remote.known_ids(["e1", "e3"]) == {"e1", "e3"}


def test_a_lock_that_somebody_holds_refuses_writes_soon_and_reads_go_on(address, remote):
    with psycopg.connect(address) as other:
        other.execute("LOCK TABLE people IN EXCLUSIVE MODE")
        with pytest.raises(UnavailableError, match="timeout"):
            append(remote, viewed("e2", user="ann"))
        assert len(remote.person("ann").timeline) == 1
    assert append(remote, viewed("e2", user="ann")).accepted == 1
