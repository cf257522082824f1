"""A database under the store: its connections and locks, and what else differs by dialect."""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from operator import itemgetter
from typing import Any, ClassVar, Literal, TypeVar

from sqlalchemy import ColumnDefault, Connection, Dialect, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from serving.store.errors import ConflictError, storage_errors

T = TypeVar("T")

OnConflict = Literal["raise", "skip", "replace"]

_ATTEMPTS = 10
"""How often a transaction is run that meets others; each time all but one of them get through."""

_PAUSE_SECONDS = 0.005
"""Before it is run again, at most, doubled each time."""


class Lock(IntEnum):
    """What only one transaction at a time may add to, taken in this order, held to its end."""

    TABLES = 0
    """The tables themselves."""
    HISTORY = 1
    """The ids of loaded history; shared by whoever must not miss one that is added meanwhile."""
    PRODUCTS = 2
    """The dictionary of products: its numbers have no gaps and appear in order."""
    LOG = 3
    """The events: their sequences appear in order, so that a reader who follows misses none."""
    KEYS = 4
    """The keys: there is one first key."""
    SCORES = 5
    """What was served: its sequences appear in order, as the events' do."""
    IMPRESSIONS = 6
    """The lists that were shown, likewise."""
    RULES = 7
    """The rules of the shelf: of two that contradict each other the second is refused."""


class Database(ABC):
    """Connections to read with and to write with.

    Arguments:
        reads: every statement is a transaction of its own.
        writes: a transaction sees what was committed before each of its statements.
    """

    embedded: ClassVar[bool]
    """Whether it belongs to this program alone, which then makes its tables by itself."""

    def __init__(self, reads: Engine, writes: Engine) -> None:
        self._reads = reads
        self._writes = writes

    def read(self, doing: str, work: Callable[[Connection], T]) -> T:
        """What `work` reads. StorageError says `cannot <doing>: …`."""
        with storage_errors(doing), self._reads.connect() as connection:
            return work(connection)

    def write(self, doing: str, work: Callable[[Connection], T]) -> T:
        """Run `work` as one transaction; again, when another transaction was in its way."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with storage_errors(doing), self._transaction() as connection:
                    return work(connection)
            except ConflictError:
                if attempt == _ATTEMPTS:
                    raise
                # those that were in each other's way must not meet again at once
                time.sleep(random.uniform(0, _PAUSE_SECONDS * 2**attempt))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Let go of all connections."""
        self._reads.dispose()
        self._writes.dispose()

    def insert(
        self,
        connection: Connection,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        conflict: OnConflict = "raise",
    ) -> None:
        """Add rows, in their order; all have the same columns.

        Arguments:
            connection: in a transaction.
            table: where to.
            rows: by column name; what they leave out is the column's default.
            conflict: what becomes of a row whose key is taken. To `replace`, the key is the
                primary one, and no two rows may share it.
        """
        if not rows:
            return
        given = tuple(rows[0])
        defaults = {
            column.name: column.default.arg
            for column in table.columns
            if isinstance(column.default, ColumnDefault) and column.name not in given
        }
        columns = [list(map(itemgetter(name), rows)) for name in given]
        columns += [[default] * len(rows) for default in defaults.values()]
        self._insert(connection, table, (*given, *defaults), columns, conflict)

    @abstractmethod
    def _insert(
        self,
        connection: Connection,
        table: Table,
        names: tuple[str, ...],
        columns: Sequence[list[Any]],
        conflict: OnConflict,
    ) -> None:
        """Add rows, given column by column, by the driver.

        SQLAlchemy's own handling of parameters costs more than both.
        """

    @abstractmethod
    def among(self, values: Collection[Any]) -> tuple[str, tuple[Any, ...]]:
        """SQL for "is one of these" of the driver's, and its parameters.

        SQLAlchemy writes a list anew, value by value, in every statement.
        """

    @abstractmethod
    def lock(self, connection: Connection, what: Lock, *, shared: bool = False) -> None:
        """Wait until no other transaction holds this, or, `shared`, holds it alone."""

    @abstractmethod
    def lock_people(self, connection: Connection, numbers: Collection[int]) -> None:
        """Wait until no other transaction changes anything of these people."""

    @abstractmethod
    def people_numbers(self, connection: Connection, count: int) -> list[int]:
        """Numbers that no person has."""

    @contextmanager
    def overwriting(self, connection: Connection) -> Iterator[None]:  # noqa: ARG002
        """What is deleted within the block leaves no trace in free pages, where we have a say."""
        yield

    def flush(self) -> None:  # noqa: B027 - a server sees to it by itself
        """Let go of what the log of changes still holds of deleted rows, where we have a say."""

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._writes.begin() as connection:
            yield connection


@cache
def insert_sql(
    dialect: Dialect, table: Table, names: tuple[str, ...], source: str, conflict: OnConflict
) -> str:
    """An INSERT of these columns from a source (`VALUES …` or a SELECT)."""
    quoted = [dialect.identifier_preparer.quote(name) for name in names]
    sql = f"INSERT INTO {table.name} ({', '.join(quoted)}) {source}"
    if conflict == "skip":
        sql += " ON CONFLICT DO NOTHING"
    elif conflict == "replace":
        key = table.primary_key.columns.keys()
        told = [f"{name} = excluded.{name}" for name in quoted if name not in key]
        sql += f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(told)}"
    return sql


def upsert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An insert that may say what happens on a conflict."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
