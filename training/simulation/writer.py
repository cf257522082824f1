"""Tables as Parquet part files, written as they come."""

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 100_000
"""Rows collected before they are written: big enough to compress and to read well, small
enough to hold."""


class Parts:
    """Several tables, each a folder of `part-00000.parquet` and so on."""

    def __init__(self, folder: Path, schemas: dict[str, pa.Schema]) -> None:
        self.rows = dict.fromkeys(schemas, 0)
        """Rows added to each table."""
        self._folder = folder
        self._schemas = schemas
        self._part = 0
        self._waiting: dict[str, list[pa.Table]] = {name: [] for name in schemas}
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._end_part()
        else:
            for writer in self._writers.values():
                writer.close()

    def add(self, tables: dict[str, pa.Table], *, ends: bool) -> None:
        """Append to each table; `ends` closes the part files after these rows."""
        for name, table in tables.items():
            self.rows[name] += table.num_rows
            self._waiting[name].append(table)
            if sum(t.num_rows for t in self._waiting[name]) >= ROW_GROUP:
                self._flush(name)
        if ends:
            self._end_part()

    def _flush(self, name: str) -> None:
        if not self._waiting[name]:
            return
        if name not in self._writers:
            path = self._folder / name / f"part-{self._part:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writers[name] = pq.ParquetWriter(path, self._schemas[name], compression="zstd")
        self._writers[name].write_table(pa.concat_tables(self._waiting[name]))
        self._waiting[name] = []

    def _end_part(self) -> None:
        for name in self._schemas:
            self._flush(name)
        for writer in self._writers.values():
            writer.close()
        self._writers = {}
        self._part += 1


def write(table: pa.Table, path: Path) -> None:
    """One table as one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")
