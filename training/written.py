"""Parquet files that appear when they are complete."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import InputError, StorageError


@contextmanager
def whole(out: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """What writes tables of a file that stands at its place at the end; of a failure none is left.

    Raises:
        InputError: `out` is no place for a file.
        StorageError: the disk refused.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: name a file in a folder that exists")
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with _told(out):
            writer = pq.ParquetWriter(draft, schema, compression="zstd")
        try:

            def write(table: pa.Table) -> None:
                with _told(out):
                    writer.write_table(table)

            yield write
        finally:
            with _told(out):
                writer.close()
        with _told(out):
            draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _told(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {out}: {error}; free some space and repeat") from error
