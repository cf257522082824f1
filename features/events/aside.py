"""Records beside the event log, in Parquet files that are only added.

    <folder>/<name>.parquet    rows of one schema; no name is used twice

A file appears when it is complete. Of rows with the same key the first counts, so that the same
rows may come again. Whoever was erased is in no answer from then on; compaction takes them out of
the files, each at once.
"""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.columns import Columns as C
from features.events import engine
from features.events.erasures import Erasures
from features.events.lock import held
from features.instants import DAY_MS

_STAGING = ".staging"


class Aside:
    """The rows in a folder, which need not exist yet: then there are none.

    Arguments:
        folder: the folder.
        erasures: who was erased.
        threads: for reading and sorting.
    """

    name: ClassVar[str]
    """The folder's name, beside the log's."""

    schema: ClassVar[pa.Schema]

    customer: ClassVar[str] = C.CUSTOMER_ID
    """The column that says of whom a row is, as the log may name them; null: of nobody."""

    instant: ClassVar[str] = C.INSTANT
    """SQL of the column that says when."""

    key: ClassVar[tuple[str, ...]]
    """SQL of what tells one row from another; rows that share it are of one UTC day."""

    first: ClassVar[tuple[str, ...]]
    """SQL of the order in which the first of them is found."""

    order: ClassVar[tuple[str, ...]]
    """SQL of the order in which rows are given."""

    def __init__(self, folder: Path, erasures: Erasures, *, threads: int = 2) -> None:
        self.folder = Path(folder)
        self.erasures = erasures
        self._threads = threads

    @classmethod
    def beside(cls, log: Path, erasures: Erasures, *, threads: int = 2) -> Self:
        """What is kept beside the log in a folder."""
        return cls(Path(log).parent / cls.name, erasures, threads=threads)

    @property
    def files(self) -> list[Path]:
        """The Parquet files, in no particular order of time."""
        return sorted(self.folder.glob("*.parquet"))

    def has(self, name: str) -> bool:
        """Whether a file that `append` once wrote is here: if not, this is another folder."""
        return bool(name) and (self.folder / name).exists()

    def append(self, rows: pa.Table) -> tuple[int, str]:
        """Add the rows (of `schema`) that are new; how many, and the file they are in.

        Raises:
            StorageError: the disk is full, or another process is writing; nothing was added.
        """
        with self._writing() as (con, staging):
            con.register("_given", rows)
            con.execute(f"CREATE TEMP TABLE _batch AS {self._first('_given')}")
            [(begin, end)] = con.execute(
                f"SELECT min({self.instant}), max({self.instant}) FROM _batch"
            ).fetchall()
            query = f"SELECT * FROM {self._kept(con, '_batch')}"
            if self.files and begin is not None:
                begin, end = begin - begin % DAY_MS, end - end % DAY_MS + DAY_MS
                query = f"""SELECT * FROM ({query}) AS new WHERE ({", ".join(self.key)}) NOT IN (
                    SELECT ({", ".join(self.key)}) FROM {self._relation}
                    WHERE {self.instant} >= {begin} AND {self.instant} < {end})"""
            name = f"{uuid.uuid4().hex}.parquet"
            count = self._write(con, query, staging / name)
            (staging / name).replace(self.folder / name)
            engine.force(self.folder)
        return count, name

    def extent(self) -> tuple[int, int] | None:
        """The first and the last instant of any row; None when there is none."""
        if not self.files:
            return None
        with self._reading() as con:
            [(begin, end)] = con.execute(
                f"SELECT min({self.instant}), max({self.instant}) FROM {self._relation}"
            ).fetchall()
        return None if begin is None else (begin, end)

    def between(self, begin: int, end: int) -> pa.Table:
        """The rows from an instant on and before another, of nobody who was erased; ordered."""
        if not self.files:
            return self.schema.empty_table()
        with self._reading() as con:
            con.execute(
                f"""CREATE TEMP TABLE _part AS
                SELECT * FROM {self._relation}
                WHERE {self.instant} >= {begin} AND {self.instant} < {end}"""
            )
            kept = self._kept(con, "_part")
            query = f"SELECT * FROM ({self._first(kept)}) ORDER BY {', '.join(self.order)}"
            return con.sql(query).to_arrow_table().cast(self.schema)

    def compact(self, before: int | None = None) -> int:
        """Take rows of erased people, and those of before an instant, out; how many they were.

        Raises:
            StorageError: the disk is full, or another process is writing; what was done stays.
        """
        gone = 0
        if not self.files:
            return gone
        with self._writing() as (con, staging):
            for path in self.files:
                held_now = pq.ParquetFile(path).metadata.num_rows
                con.execute(
                    f"""CREATE OR REPLACE TEMP TABLE _file AS
                    SELECT * FROM read_parquet({engine.quoted(str(path))})"""
                )
                aged = "" if before is None else f" WHERE {self.instant} >= {before}"
                query = f"SELECT * FROM {self._kept(con, '_file')}{aged}"
                left = con.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]
                if left < held_now:
                    self._write(con, query, staging / path.name)
                    (staging / path.name).replace(path)
                    gone += held_now - left
            engine.force(self.folder)
        return gone

    @property
    def _relation(self) -> str:
        return f"read_parquet({engine.files(self.files)})"

    def _first(self, relation: str) -> str:
        """SQL of a relation's rows, of those with the same key the first."""
        return f"""SELECT * EXCLUDE (place) FROM (
            SELECT {", ".join(map(engine.name, self.schema.names))}, row_number() OVER (
                PARTITION BY {", ".join(self.key)} ORDER BY {", ".join(self.first)}
            ) AS place FROM {relation}
        ) WHERE place = 1"""

    def _kept(self, con: duckdb.DuckDBPyConnection, table: str) -> str:
        """SQL of a table's rows without those of erased people."""
        until = self.erasures.until()
        if not until:
            return table
        names = con.execute(
            f"SELECT DISTINCT {self.customer} FROM {table} WHERE {self.customer} IS NOT NULL"
        ).fetchall()
        found = [
            (name, last)
            for (name,) in names
            if (last := until.get(self.erasures.hash(name))) is not None
        ]
        erased = pa.table(
            [[name for name, _ in found], [last for _, last in found]],
            schema=pa.schema([("name", pa.string()), ("until", pa.int64())]),
        )
        con.register("_erased_names", erased)
        con.execute("CREATE OR REPLACE TEMP TABLE _erased AS SELECT * FROM _erased_names")
        con.unregister("_erased_names")
        # what was acknowledged in the instant of the erasure was looked at in the next one
        return f"""(SELECT * FROM {table} AS one WHERE NOT EXISTS (
            SELECT 1 FROM _erased WHERE _erased.name = one.{self.customer}
            AND one.{self.instant} - 1 <= _erased.until))"""

    def _write(self, con: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
        table = con.sql(
            f"SELECT * FROM ({query}) ORDER BY {', '.join(self.order)}"
        ).to_arrow_table()
        pq.write_table(table.cast(self.schema), path, compression="zstd")
        engine.force(path)
        return int(table.num_rows)

    @contextmanager
    def _writing(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
        """A scratch database and a scratch folder, alone; what a killed run left there goes."""
        with engine.full_disk_said(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with held(self.folder):
                staging = self.folder / _STAGING
                shutil.rmtree(staging, ignore_errors=True)
                staging.mkdir()
                try:
                    with engine.connection(staging, threads=self._threads) as con:
                        yield con, staging
                finally:
                    shutil.rmtree(staging, ignore_errors=True)

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with (
            engine.full_disk_said(self.folder),
            tempfile.TemporaryDirectory(prefix="regulars-") as spill,
            engine.connection(Path(spill), threads=self._threads) as con,
        ):
            yield con
