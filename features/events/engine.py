"""DuckDB as the importer, the log and the timelines use it: bounded memory, clear errors."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from features.errors import RegularsError, StorageError

MEMORY = "2GB"
"""What DuckDB may hold before it spills to disk; a laptop has this to spare."""

_FULL = ("no space left", "file too large", "disk quota", "out of memory", "failed to offload")
_FULL_CODES = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


@contextmanager
def connection(
    spill: Path, *, memory: str = MEMORY, threads: int = 2
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private in-memory database that spills into `spill` (created by the caller)."""
    con = duckdb.connect(
        config={
            "memory_limit": memory,
            "temp_directory": str(spill),
            "threads": threads,
            "TimeZone": "UTC",
            # Nothing may be fetched while a shop's tables are read.
            "autoinstall_known_extensions": False,
        }
    )
    try:
        yield con
    finally:
        con.close()


@contextmanager
def full_disk_said(path: Path) -> Iterator[None]:
    """Turn "disk full", from DuckDB, Arrow or the system, into a StorageError.

    Raises:
        StorageError: no room was left, or no memory to work in.
    """
    try:
        yield
    except RegularsError:
        raise
    except (duckdb.Error, OSError, MemoryError) as error:
        if not is_full(error):
            raise
        raise StorageError(
            f"no room left while writing below {path}: {first_line(error)}. "
            "Nothing of this run was kept. Free some space, or point REGULARS_DATA at a larger "
            "disk, and run the same command again."
        ) from error


def force(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_full(error: BaseException) -> bool:
    """Whether an error says that disk or memory ran out, whoever raised it."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno in _FULL_CODES:
        return True
    return any(sign in str(error).lower() for sign in _FULL)


def first_line(error: BaseException) -> str:
    """The first line of an error's text, without full stop; DuckDB adds the query below it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def quoted(text: str) -> str:
    """Text as an SQL literal.

    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def name(column: str) -> str:
    """A name as an SQL identifier.

    >>> name("order")
    '"order"'
    """
    return '"' + column.replace('"', '""') + '"'


def files(paths: list[Path]) -> str:
    """Paths as an SQL list, in this order."""
    return "[" + ", ".join(quoted(str(path)) for path in paths) + "]"
