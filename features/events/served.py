"""What was served, beside the event log: each score once, in Parquet files that are only added.

    served/<name>.parquet    scores, schema `SCHEMA`; no name is used twice

A file appears when it is complete. Of a customer, a version and a UTC day the first score counts,
so that the same scores may come again. Whoever was erased is in no answer from then on; compaction
takes them out of the files, each at once.
"""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.columns import Columns as C
from features.events import engine
from features.events.erasures import Erasures
from features.events.lock import held
from features.instants import DAY_MS

FOLDER: Final = "served"
"""The folder's name, beside the log's."""

SCHEMA: Final = pa.schema(
    [
        pa.field(C.CUSTOMER_ID, pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field(C.INSTANT, pa.int64(), nullable=False),
        pa.field("horizon_days", pa.int32(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
    ]
)
"""customer_id: whom it was served of, as the log may name them. version: of the model. instant:
nothing from it on was looked at, and the horizon begins with it. probability: P(no order in the
horizon)."""

_STAGING = ".staging"


class Served:
    """The scores in a folder, which need not exist yet: then there are none.

    Arguments:
        folder: the folder.
        erasures: who was erased.
        threads: for reading and sorting.
    """

    def __init__(self, folder: Path, erasures: Erasures, *, threads: int = 2) -> None:
        self.folder = Path(folder)
        self.erasures = erasures
        self._threads = threads

    @classmethod
    def beside(cls, log: Path, erasures: Erasures, *, threads: int = 2) -> "Served":
        """What was served to the customers of the log in a folder."""
        return cls(Path(log).parent / FOLDER, erasures, threads=threads)

    @property
    def files(self) -> list[Path]:
        """The Parquet files, in no particular order of time."""
        return sorted(self.folder.glob("*.parquet"))

    def has(self, name: str) -> bool:
        """Whether a file that `append` once wrote is here: if not, this is another folder."""
        return bool(name) and (self.folder / name).exists()

    def append(self, scores: pa.Table) -> tuple[int, str]:
        """Add the scores (schema `SCHEMA`) that are new; how many, and the file they are in.

        Raises:
            StorageError: the disk is full, or another process is writing; nothing was added.
        """
        with self._writing() as (con, staging):
            con.register("_given", scores)
            con.execute(f"CREATE TEMP TABLE _batch AS {_first('_given')}")
            [(begin, end)] = con.execute(
                f"SELECT min({C.INSTANT}), max({C.INSTANT}) FROM _batch"
            ).fetchall()
            query = f"SELECT * FROM {self._kept(con, '_batch')}"
            if self.files and begin is not None:
                begin, end = begin - begin % DAY_MS, end - end % DAY_MS + DAY_MS
                days = f"{C.INSTANT} >= {begin} AND {C.INSTANT} < {end}"
                query = f"""SELECT * FROM ({query}) AS new WHERE NOT EXISTS (
                    SELECT 1 FROM (SELECT * FROM {self._relation} WHERE {days}) AS known
                    WHERE {" AND ".join(f"known.{key} = new.{key}" for key in _KEYS)}
                    AND known.{C.INSTANT} // {DAY_MS} = new.{C.INSTANT} // {DAY_MS})"""
            name = f"{uuid.uuid4().hex}.parquet"
            count = self._write(con, query, staging / name)
            (staging / name).replace(self.folder / name)
            engine.force(self.folder)
        return count, name

    def extent(self) -> tuple[int, int] | None:
        """The first and the last instant at which was served; None when nothing was."""
        if not self.files:
            return None
        with self._reading() as con:
            [(begin, end)] = con.execute(
                f"SELECT min({C.INSTANT}), max({C.INSTANT}) FROM {self._relation}"
            ).fetchall()
        return None if begin is None else (begin, end)

    def between(self, begin: int, end: int) -> pa.Table:
        """What was served from an instant on and before another, of nobody who was erased.

        Ordered by version, instant, customer.
        """
        if not self.files:
            return SCHEMA.empty_table()
        with self._reading() as con:
            con.execute(
                f"""CREATE TEMP TABLE _part AS
                SELECT * FROM {self._relation}
                WHERE {C.INSTANT} >= {begin} AND {C.INSTANT} < {end}"""
            )
            kept = self._kept(con, "_part")
            query = f"SELECT * FROM ({_first(kept)}) ORDER BY version, {C.INSTANT}, {C.CUSTOMER_ID}"
            return con.sql(query).to_arrow_table().cast(SCHEMA)

    def compact(self, before: int | None = None) -> int:
        """Take scores of erased people, and those of before an instant, out; how many they were.

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
                aged = "" if before is None else f" WHERE {C.INSTANT} >= {before}"
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

    def _kept(self, con: duckdb.DuckDBPyConnection, table: str) -> str:
        """SQL of a table's scores without those of erased people."""
        until = self.erasures.until()
        if not until:
            return table
        names = con.execute(f"SELECT DISTINCT {C.CUSTOMER_ID} FROM {table}").fetchall()
        found = [
            (name, last)
            for (name,) in names
            if (last := until.get(self.erasures.hash(name))) is not None
        ]
        erased = pa.table(
            [[name for name, _ in found], [last for _, last in found]],
            schema=pa.schema([(C.CUSTOMER_ID, pa.string()), ("until", pa.int64())]),
        )
        con.register("_erased_names", erased)
        con.execute("CREATE OR REPLACE TEMP TABLE _erased AS SELECT * FROM _erased_names")
        con.unregister("_erased_names")
        # what was acknowledged in the instant of the erasure was looked at in the next one
        return f"""(SELECT * FROM {table} AS one WHERE NOT EXISTS (
            SELECT 1 FROM _erased WHERE _erased.{C.CUSTOMER_ID} = one.{C.CUSTOMER_ID}
            AND one.{C.INSTANT} - 1 <= _erased.until))"""

    def _write(self, con: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
        table = con.sql(
            f"SELECT * FROM ({query}) ORDER BY {C.INSTANT}, {C.CUSTOMER_ID}"
        ).to_arrow_table()
        pq.write_table(table.cast(SCHEMA), path, compression="zstd")
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


_KEYS = (C.CUSTOMER_ID, "version")


def _first(relation: str) -> str:
    """SQL of a relation's scores, of each customer, version and day the first."""
    return f"""SELECT * EXCLUDE (place) FROM (
        SELECT {", ".join(SCHEMA.names)}, row_number() OVER (
            PARTITION BY {", ".join(_KEYS)}, {C.INSTANT} // {DAY_MS}
            ORDER BY {C.INSTANT}, probability
        ) AS place FROM {relation}
    ) WHERE place = 1"""
