"""Parquet files that appear when they are complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import InputError, StorageError


@contextmanager
def whole(out: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Write a file that stands at its place at the end; of a block that fails nothing is left.

    Raises:
        InputError: `out` is no place for a file.
        StorageError: the disk refused.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: name a file in a folder that exists")
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
            yield writer
        draft.replace(out)
    except OSError as error:
        raise StorageError(f"cannot write {out}: {error}; free some space and repeat") from error
    finally:
        draft.unlink(missing_ok=True)
