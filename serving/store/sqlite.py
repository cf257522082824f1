"""The embedded database: one SQLite file, shared by all workers of one machine.

What was committed stays (`synchronous=FULL`), and readers never wait for writers (WAL). There is
one write lock, taken when a transaction begins, so that two writers queue instead of failing
half-way; all finer locks are therefore empty here.
"""

import fcntl
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select

from features.errors import StorageError
from serving.store import schema as t
from serving.store.database import Database, Lock, OnConflict, insert_sql
from serving.store.errors import UnavailableError, storage_errors

_BEGIN = "BEGIN IMMEDIATE"

_ROWS_AT_ONCE = 64
"""Rows that one statement inserts."""

_POLL_SECONDS = 0.001
"""Pause between two tries to be next, or to write; SQLite's own pauses grow to 100 ms."""


class SqliteDatabase(Database):
    """One file.

    Arguments:
        path: the file; it and its folder are made when missing.
        busy_seconds: how long a write waits for others', in this process and elsewhere.

    Raises:
        StorageError: the folder cannot be made.
    """

    embedded = True

    def __init__(self, path: Path, *, busy_seconds: float = 5.0) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            turnstile = _Turnstile(path.with_name(f"{path.name}-queue"), busy_seconds)
        except OSError as error:
            raise StorageError(f"cannot make the store's folder {path.parent}: {error}") from error
        writes = _engine(path, busy_seconds, write=True)
        event.listen(writes, "begin", turnstile.begin)
        super().__init__(reads=_engine(path, busy_seconds), writes=writes)
        self._turnstile = turnstile
        self._writer = threading.Lock()
        self._busy_seconds = busy_seconds

    def _insert(
        self,
        connection: Connection,
        table: Table,
        names: tuple[str, ...],
        columns: Sequence[list[Any]],
        conflict: OnConflict,
    ) -> None:
        """Add rows, many by one prepared statement.

        After each statement the thread may have to wait until another lets go of Python.
        """
        rows = list(zip(*columns, strict=True))
        row = f"({', '.join('?' * len(names))})"
        whole = len(rows) - len(rows) % _ROWS_AT_ONCE
        blocks = [
            tuple(chain.from_iterable(rows[start : start + _ROWS_AT_ONCE]))
            for start in range(0, whole, _ROWS_AT_ONCE)
        ]
        for count, values in ((_ROWS_AT_ONCE, blocks), (1, rows[whole:])):
            if values:
                listed = f"VALUES {', '.join([row] * count)}"
                sql = insert_sql(connection.dialect, table, names, listed, conflict)
                connection.exec_driver_sql(sql, values)

    def among(self, values: Collection[Any]) -> tuple[str, tuple[Any, ...]]:
        """A list of parameters."""
        return f"IN ({', '.join('?' * len(values))})", tuple(values)

    def close(self) -> None:
        """Let go of all connections and of the place in the queue."""
        super().close()
        self._turnstile.close()

    def lock(self, connection: Connection, what: Lock, *, shared: bool = False) -> None:
        """Nothing: the transaction holds the write lock."""

    def lock_people(self, connection: Connection, numbers: Collection[int]) -> None:
        """Nothing: the transaction holds the write lock."""

    def people_numbers(self, connection: Connection, count: int) -> list[int]:
        """The numbers after the highest."""
        highest = connection.scalar(select(func.max(t.people.c.number)))
        start = 0 if highest is None else int(highest) + 1
        return list(range(start, start + count))

    @contextmanager
    def overwriting(self, connection: Connection) -> Iterator[None]:
        """SQLite writes zeros over what is deleted within the block."""
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        try:
            yield
        finally:
            connection.exec_driver_sql("PRAGMA secure_delete = OFF")

    def flush(self) -> None:
        """Empty the write-ahead log, unless a reader still needs it; then the next flush does."""
        with storage_errors("empty the write-ahead log"), self._reads.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        # threads queue here, where the first to come is the first to go; SQLite polls
        if not self._writer.acquire(timeout=self._busy_seconds):
            raise UnavailableError(
                f"cannot write: another write has taken longer than {self._busy_seconds:g} s"
            )
        try:
            with super()._transaction() as connection:
                yield connection
        finally:
            self._writer.release()


class _Turnstile:
    """Where the writers of all processes pass one by one.

    SQLite's writers poll, and whoever has just written is first to write again. Here only the
    next in line may try, so who has written waits behind the others: nobody starves.

    Arguments:
        path: a file that is locked and stays empty.
        seconds: how long a writer waits to get through.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._file = path.open("ab")
        self._seconds = seconds

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def begin(self, connection: Connection) -> None:
        """Begin a transaction that holds the write lock."""
        deadline = time.monotonic() + self._seconds
        try:
            _try_until(deadline, self._next_in_line)
            driver = connection.connection.driver_connection
            if not _try_until(deadline, lambda: _begun(driver)):
                connection.exec_driver_sql(_BEGIN)  # raises what SQLite says
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _next_in_line(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _begun(connection: Any) -> bool:
    try:
        connection.execute(_BEGIN)
    except sqlite3.OperationalError:
        return False
    return True


def _try_until(deadline: float, done: Callable[[], bool]) -> bool:
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _engine(path: Path, busy_seconds: float, *, write: bool = False) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"check_same_thread": False, "timeout": busy_seconds},
        hide_parameters=True,  # they are customers'
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # ours to begin, not the driver's
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA cache_size = -65536")
        if write:
            cursor.execute("PRAGMA busy_timeout = 0")  # the turnstile waits
        cursor.close()

    return engine
