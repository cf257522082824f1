"""PostgreSQL, for several replicas of the service.

Transactions run side by side. Each takes its locks in one order, so that none waits in a circle:
the dictionary of products (only for a new product), the people it is about by their numbers, and
last, for as long as the commit takes, the log.
"""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    Table,
    any_,
    create_engine,
    func,
    literal,
    select,
)

from serving.store import schema as t
from serving.store.database import Database, Lock, OnConflict, insert_sql
from serving.store.errors import UnavailableError

T = TypeVar("T")

_LOCKS = 0x7265_6775
"""The first half of our advisory locks' keys ("regu"), so that other programs' differ."""

_PAUSE_SECONDS = 1.0
"""For so long after the server was not reached nobody tries to connect again: a request must
not wait for what the one before it just failed to get."""


class PostgresqlDatabase(Database):
    """One database of a server.

    Arguments:
        address: where, and as whom, as libpq has it: `postgresql://user:password@host/name`.
        busy_seconds: the longest a writing statement takes, waiting for others included.
        answer_seconds: the longest a reading statement takes.
    """

    embedded = False

    def __init__(
        self, address: str, *, busy_seconds: float = 5.0, answer_seconds: float = 1.0
    ) -> None:
        pause = _Pause()
        super().__init__(
            reads=_engine(_Connecting(address, answer_seconds, pause), "AUTOCOMMIT"),
            # a write must not meet a connection that a restart has closed: it is not repeated
            writes=_engine(_Connecting(address, busy_seconds, pause), "READ COMMITTED", ping=True),
        )

    def read(self, doing: str, work: Callable[[Connection], T]) -> T:
        """What `work` reads; once more, when the server had closed the connection meanwhile."""
        try:
            return super().read(doing, work)
        except UnavailableError as error:
            if not error.lost:
                raise
            try:
                return super().read(doing, work)
            except UnavailableError:
                raise error from None  # it says more

    def _insert(
        self,
        connection: Connection,
        table: Table,
        names: tuple[str, ...],
        columns: Sequence[list[Any]],
        conflict: OnConflict,
    ) -> None:
        """Add rows with one statement in which a column is an array.

        A statement for each row, or one with a parameter for each value, costs twice as much.
        """
        types = [table.c[name].type.compile(connection.dialect) for name in names]
        arrays = f"SELECT * FROM unnest({', '.join(f'%b::{type_}[]' for type_ in types)})"
        connection.exec_driver_sql(
            insert_sql(connection.dialect, table, names, arrays, conflict),
            tuple(
                _array(table.c[name], column) for name, column in zip(names, columns, strict=True)
            ),
        )

    def among(self, values: Collection[Any]) -> tuple[str, tuple[Any, ...]]:
        """One parameter that is an array."""
        return "= ANY(%s)", (list(values),)

    def lock(self, connection: Connection, what: Lock, *, shared: bool = False) -> None:
        """Wait for an advisory lock; the end of the transaction lets go of it."""
        take = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        connection.execute(select(take(_LOCKS, int(what))))

    def lock_people(self, connection: Connection, numbers: Collection[int]) -> None:
        """Lock the people's rows, by rising number."""
        if numbers:
            these = literal(list(numbers), ARRAY(BigInteger))
            connection.execute(
                select(t.people.c.number)
                .where(t.people.c.number == any_(these))
                .order_by(t.people.c.number)
                .with_for_update()
            )

    def people_numbers(self, connection: Connection, count: int) -> list[int]:
        """The next numbers of a sequence: those of a failed transaction are left out."""
        numbers = select(t.people_numbers.next_value()).select_from(
            func.generate_series(1, count).alias()
        )
        return list(connection.scalars(numbers))


class _Pause:
    """Remembers that the server was not reached a moment ago."""

    def __init__(self) -> None:
        self._until = 0.0

    def check(self) -> None:
        if time.monotonic() < self._until:
            raise psycopg.OperationalError("the server was not reached a moment ago")

    def begin(self) -> None:
        self._until = time.monotonic() + _PAUSE_SECONDS


class _Patient(psycopg.Connection[Any]):
    """A connection that gives up when nothing comes back at all, as from a server that hangs.

    The server ends a slow statement by itself (`statement_timeout`); this is for when it cannot.
    """

    patience: float | None = None
    pause = _Pause()

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:
            self.pause.begin()
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"no answer from the server within {self.patience:g} s"
            ) from None


class _Connecting:
    """Makes connections whose statements take `seconds` at most."""

    def __init__(self, address: str, seconds: float, pause: _Pause) -> None:
        self._address = address
        self.seconds = seconds
        self._pause = pause

    def __call__(self) -> psycopg.Connection[Any]:
        self._pause.check()
        milliseconds = int(self.seconds * 1000)
        try:
            connection = _Patient.connect(
                self._address,
                connect_timeout=max(2, int(self.seconds)),  # libpq's shortest is two
                tcp_user_timeout=milliseconds,
                application_name="regulars",
                options=f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} "
                f"-c idle_in_transaction_session_timeout={4 * milliseconds} "
                # a plan made while the tables were small reads them whole when they are large
                "-c plan_cache_mode=force_custom_plan",
            )
        except psycopg.OperationalError:
            self._pause.begin()
            raise
        connection.patience = self.seconds + 1
        connection.pause = self._pause
        return connection


def _array(column: Column[Any], values: list[Any]) -> list[Any]:
    """Values of one type, as the driver wants a list's."""
    if isinstance(column.type, Double):
        return [None if value is None else float(value) for value in values]
    return values


def _engine(connecting: _Connecting, isolation: Any, *, ping: bool = False) -> Engine:
    return create_engine(
        "postgresql+psycopg://",
        creator=connecting,
        isolation_level=isolation,
        pool_pre_ping=ping,
        pool_timeout=connecting.seconds,
        hide_parameters=True,  # they are customers'
    )
