"""Opening a SQLite file so that what was committed stays, and readers never wait for writers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from features.errors import StorageError
from serving.store import schema


def open_engine(path: Path, *, busy_seconds: float, begin: str | None) -> Engine:
    """Connections to one file in WAL mode, with `synchronous=FULL`.

    Arguments:
        path: the file; made when missing, its folder must exist.
        busy_seconds: how long a statement waits for another process's lock.
        begin: what opens a transaction; `BEGIN IMMEDIATE` takes the write lock at once, so
            that two writers queue instead of failing half-way; None leaves every statement
            a transaction of its own.
    """
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": busy_seconds}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # ours to begin, not the driver's
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA cache_size = -65536")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if begin is not None:
            connection.exec_driver_sql(begin)

    return engine


def create_tables(writes: Engine) -> None:
    """Make the tables of an empty file, or check that they are this version's.

    Raises:
        StorageError: the file was written by another version.
    """
    with writes.begin() as connection:
        schema.metadata.create_all(connection)
        version = connection.scalar(select(schema.store_version.c.version))
        if version is None:
            connection.execute(insert(schema.store_version).values(version=schema.VERSION))
        elif version != schema.VERSION:
            raise StorageError(
                f"the store is of version {version}, this program of version {schema.VERSION}; "
                "run the program that wrote it, or load the history into a new store"
            )


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn what the database says into StorageError: `cannot <doing>: …`."""
    try:
        yield
    except DBAPIError as error:
        raise StorageError(f"cannot {doing}: {error.orig}") from error
    except SQLAlchemyError as error:
        raise StorageError(f"cannot {doing}: {type(error).__name__}") from error
