"""Changes to an event log that happen together or not at all.

Everything is first written into `.staging`. At the end the files are forced to the disk and
moved into place, which needs no more room, and last the manifest is replaced. What a killed run
left behind is deleted by the next one.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalog import SCHEMA as CATALOG_SCHEMA
from features.catalog import Catalog
from features.columns import Columns as C
from features.errors import InputError, MappingError, shown
from features.events import engine, quarantine, tombstones
from features.events.erasures import Erasures
from features.events.event import LOG_SCHEMA
from features.events.lock import held
from features.events.manifest import FILE, Manifest, Segment

STAGING = ".staging"
BATCH_ROWS = 100_000
"""Rows held as Arrow at a time while a segment is written; some tens of megabytes."""


@dataclass(frozen=True)
class AppendResult:
    """How many events were new, and how many the log (or this batch) had already."""

    accepted: int
    duplicates: int
    by_name: dict[str, int] = field(default_factory=dict)
    """The new events by their type's name."""
    erased: int = 0
    """Events of erased people, which are not taken again."""


class Transaction:
    """What will be added to a log; `connection` is a scratch database for preparing it."""

    def __init__(
        self,
        folder: Path,
        staging: Path,
        connection: duckdb.DuckDBPyConnection,
        erasures: Erasures,
    ) -> None:
        self.connection = connection
        self.erasures = erasures
        self._folder = folder
        self._staging = staging
        self._manifest = Manifest.load(folder)
        self._staged: dict[str, Path] = {}
        self._catalog: Catalog | None = None

    @property
    def catalog(self) -> Catalog:
        """The catalogue as it will be."""
        if self._catalog is None:
            file = self._manifest.catalog
            self._catalog = Catalog.empty() if file is None else Catalog.load(self._path(file))
        return self._catalog

    def save_catalog(self, catalog: Catalog) -> None:
        """Replace the catalogue by one that extends it.

        Raises:
            InputError: a product is missing or has moved; events would mean other products.
        """
        present = self.catalog.ids
        for place, product_id in enumerate(present):
            if catalog.ids[place : place + 1] != [product_id]:
                raise InputError(
                    f"the new catalogue does not have product {shown(product_id)} at place "
                    f"{place}; extend the log's catalogue instead of making a new one"
                )
        self._catalog = catalog
        content = self._content_of(catalog)
        if content == self._manifest.catalog_content:
            return
        file = _following(self._manifest.catalog, "catalog-")
        catalog.save(self._stage(file))
        self._manifest = replace(self._manifest, catalog=file, catalog_content=content)

    def append(self, relation: str) -> AppendResult:
        """Add the events of a table or view of `connection` whose ids are new.

        Of several events with one id the earliest counts. Instants may be timestamps with zone
        or int64 ms. Products that the catalogue lacks are added to it, by their ids. Events of
        erased people are left out.
        """
        con = self.connection
        con.execute(f"CREATE TEMP TABLE _batch AS {_in_log_columns(con, relation)}")
        erased = self._leave_out_erased("_batch")
        total = count(con, "SELECT count(*) FROM _batch")
        file = self._next_segment()
        accepted = self._write(file, self._fresh(), LOG_SCHEMA)
        con.execute("DROP TABLE _batch")
        by_name = self._add_segment(file) if accepted else {}
        return AppendResult(accepted, total - accepted, by_name, erased)

    def declare(self, source: str, legal_basis: str, currency: str) -> None:
        """Record on what ground a source's personal data are processed, and the log's currency.

        Raises:
            MappingError: the log's money is in another currency.
        """
        held = self._manifest.currency
        if held not in (None, currency):
            raise MappingError(
                f"the log's money is in {held}, {source} says {currency}: one log has one "
                "currency; convert in the SELECT, or import into another log"
            )
        bases = dict(self._manifest.legal_bases) | {source: legal_basis}
        self._manifest = replace(self._manifest, legal_bases=bases, currency=currency)

    def reject(self, rejected: str) -> None:
        """Keep aside the rows of a query that yields `quarantine.SCHEMA` without the key."""
        con = self.connection
        con.execute(f"CREATE OR REPLACE TEMP VIEW _keyed AS {quarantine.keyed(rejected)}")
        query = f"SELECT * FROM {tombstones.rejected_gone(con, '_keyed', self.erasures)}"
        known = [self._path(file) for file in self._manifest.quarantine]
        if known:
            query += f" WHERE key NOT IN (SELECT key FROM read_parquet({engine.files(known)}))"
        file = _following(max(self._manifest.quarantine, default=None), "quarantine/")
        if self._write(file, f"{query} ORDER BY key", quarantine.SCHEMA):
            files = (*self._manifest.quarantine, file)
            self._manifest = replace(self._manifest, quarantine=files)

    def rewrite(self, segment: Segment, query: str) -> int:
        """Put what a query yields of a segment's events in its place; how many events are left.

        Arguments:
            segment: as the manifest names it.
            query: in the columns of `LOG_SCHEMA`.
        """
        file = self._next_segment()
        events = self._write(file, query, LOG_SCHEMA)
        staged = f"read_parquet({engine.quoted(str(self._path(file)))})"
        [(last_at, content)] = self.connection.execute(
            f"SELECT max(epoch_ms(timestamp)), bit_xor(hash({_EVERYTHING})) FROM {staged}"
        ).fetchall()
        fresh = Segment(file, events, last_at or 0, content or 0, segment.origin)
        segments = (fresh if held == segment else held for held in self._manifest.segments)
        self._manifest = replace(self._manifest, segments=tuple(segments))
        return events

    def clean_quarantine(self) -> int:
        """Take rejected rows of erased people out of the files; how many they were."""
        removed, files = 0, list(self._manifest.quarantine)
        last: str | None = max(files, default=None)
        for place, file in enumerate(files):
            rows = f"read_parquet({engine.quoted(str(self._path(file)))})"
            kept = tombstones.rejected_gone(self.connection, rows, self.erasures)
            if kept == rows:
                continue
            last = files[place] = _following(last, "quarantine/")
            before = count(self.connection, f"SELECT count(*) FROM {rows}")
            removed += before - self._write(
                last, f"SELECT * FROM {kept} ORDER BY key", quarantine.SCHEMA
            )
        self._manifest = replace(self._manifest, quarantine=tuple(files))
        return removed

    def cleaned(self, digest: str) -> None:
        """Record that nobody of the list with this digest is in the files any more."""
        self._manifest = replace(self._manifest, cleaned=digest)

    def commit(self) -> None:
        """Make the changes part of the log; without changes nothing is touched."""
        if self._manifest == Manifest.load(self._folder):
            return
        staged = {f: p for f, p in self._staged.items() if f in self._manifest.files}
        manifest = self._stage(FILE)
        manifest.write_text(self._manifest.to_json(), "utf-8")
        for path in (*staged.values(), manifest):
            engine.force(path)
        for file, path in staged.items():
            target = self._folder / file
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
            engine.force(target.parent)
        manifest.replace(self._folder / FILE)
        engine.force(self._folder)

    def _next_segment(self) -> str:
        """A name that no segment has; compaction puts later files into earlier places."""
        files = [segment.file for segment in self._manifest.segments]
        return _following(max(files, default=None), "segments/")

    def _leave_out_erased(self, table: str) -> int:
        """Delete a table's events of erased people; how many they were."""
        con = self.connection
        if not tombstones.find(con, table, self.erasures):
            return 0
        before = count(con, f"SELECT count(*) FROM {table}")
        con.execute(f"DELETE FROM {table} WHERE {tombstones.gone('timestamp', 'received_at')}")
        return before - count(con, f"SELECT count(*) FROM {table}")

    def _fresh(self) -> str:
        """SQL of the batch's events that the log does not have, each once."""
        con = self.connection
        segments = [self._path(segment.file) for segment in self._manifest.segments]
        con.execute("CREATE OR REPLACE TEMP TABLE _known (event_id VARCHAR)")
        if segments:
            con.execute(
                f"INSERT INTO _known SELECT event_id FROM read_parquet({engine.files(segments)}) "
                "SEMI JOIN _batch USING (event_id)"
            )
        con.execute(
            "CREATE OR REPLACE TEMP TABLE _repeated AS "
            "SELECT event_id FROM _batch GROUP BY event_id HAVING count(*) > 1"
        )
        fresh = "SELECT * FROM _batch ANTI JOIN _known USING (event_id)"
        if not count(con, "SELECT count(*) FROM _repeated"):
            return fresh
        return f"""
            WITH fresh AS ({fresh})
            SELECT * FROM fresh ANTI JOIN _repeated USING (event_id)
            UNION ALL
            SELECT * EXCLUDE (place) FROM (
                SELECT *, row_number() OVER (
                    PARTITION BY event_id ORDER BY timestamp, received_at, hash({_EVERYTHING})
                ) AS place
                FROM fresh SEMI JOIN _repeated USING (event_id)
            ) WHERE place = 1"""

    def _add_segment(self, file: str) -> dict[str, int]:
        """Enter a staged segment into the manifest, and its products into the catalogue."""
        con = self.connection
        staged = f"read_parquet({engine.quoted(str(self._path(file)))})"
        [(last_at, content)] = con.execute(
            f"SELECT max(epoch_ms(timestamp)), bit_xor(hash({_EVERYTHING})) FROM {staged}"
        ).fetchall()
        counted = con.execute(f"SELECT name, count(*) FROM {staged} GROUP BY name ORDER BY name")
        by_name = dict(counted.fetchall())
        segment = Segment(file, events=sum(by_name.values()), last_at=last_at, content=content)
        self._manifest = replace(self._manifest, segments=(*self._manifest.segments, segment))
        con.register("_listed", self.catalog.table.select([C.PRODUCT_ID]))
        unlisted = con.sql(
            f"""SELECT product_id, epoch_ms(min(timestamp)) AS first_seen_at, true AS available
            FROM (
                SELECT product_id, timestamp FROM {staged} WHERE product_id IS NOT NULL
                UNION ALL
                SELECT unnest(products).product_id, timestamp FROM {staged}
            ) ANTI JOIN _listed USING (product_id)
            GROUP BY product_id ORDER BY product_id"""
        ).to_arrow_table()
        con.unregister("_listed")
        if unlisted.num_rows:
            self.save_catalog(Catalog(extended(self.catalog.table, unlisted), before=self.catalog))
        return by_name

    def _content_of(self, catalog: Catalog) -> int:
        """A hash of a catalogue's products in their order."""
        columns = ", ".join(CATALOG_SCHEMA.names)
        numbered = catalog.table.append_column("place", pa.array(range(len(catalog))))
        self.connection.register("_catalogue", numbered)
        content = count(self.connection, f"SELECT bit_xor(hash(place, {columns})) FROM _catalogue")
        self.connection.unregister("_catalogue")
        return content

    def _write(self, file: str, query: str, schema: pa.Schema) -> int:
        """Stream a query into a staged Parquet file; the number of rows."""
        rows = 0
        reader = self.connection.sql(query).to_arrow_reader(BATCH_ROWS)
        with pq.ParquetWriter(
            self._stage(file), schema, compression="zstd", compression_level=1
        ) as writer:
            for batch in reader:
                arrays = [batch.column(part.name).cast(part.type) for part in schema]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
                rows += batch.num_rows
        return rows

    def _stage(self, file: str) -> Path:
        """Where a file of the log is prepared."""
        self._staged[file] = self._staging / file.replace("/", "-")
        return self._staged[file]

    def _path(self, file: str) -> Path:
        """Where a file of the log is now."""
        return self._staged.get(file, self._folder / file)


@contextmanager
def transaction(
    folder: Path, *, erasures: Erasures, memory: str, threads: int
) -> Iterator[Transaction]:
    """Several changes to the log in a folder; they happen when the block ends without an error.

    Raises:
        StorageError: the disk is full, or another process is writing; the log is as it was.
    """
    with engine.full_disk_said(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with held(folder):
            staging = folder / STAGING
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            try:
                with engine.connection(staging, memory=memory, threads=threads) as con:
                    changes = Transaction(folder, staging, con, erasures)
                    _drop_orphans(folder)
                    yield changes
                    changes.commit()
                    _drop_orphans(folder)
            finally:
                shutil.rmtree(staging, ignore_errors=True)


def extended(table: pa.Table, products: pa.Table) -> pa.Table:
    """A catalogue's table with further products, whose missing columns are empty."""
    return pa.concat_tables([table, products], promote_options="permissive").cast(CATALOG_SCHEMA)


def count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """The one whole number that a query yields; nothing is 0."""
    return int(con.execute(query).fetchall()[0][0] or 0)


_EVERYTHING = ", ".join(LOG_SCHEMA.names)


def _in_log_columns(con: duckdb.DuckDBPyConnection, relation: str) -> str:
    """SQL of a relation's events with instants as int64 ms; without marks none has any."""
    types = {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}
    columns = [
        f"epoch_ms({column}) AS {column}" if types.get(column, "").startswith("TIME") else column
        for column in LOG_SCHEMA.names
    ]
    for name in (C.MARKS, C.IDENTIFIERS):
        if name not in types:
            columns[columns.index(name)] = f"CAST(NULL AS VARCHAR[]) AS {name}"
    return f"SELECT {', '.join(columns)} FROM {relation}"


def _following(file: str | None, prefix: str) -> str:
    """The name after the last one of its kind: `segments/000002.parquet` after `…1.parquet`."""
    number = 0 if file is None else int(Path(file).stem.rpartition("-")[2])
    return f"{prefix}{number + 1:06d}.parquet"


def _drop_orphans(folder: Path) -> None:
    """Delete what the manifest does not name: what a killed run left, what was rewritten."""
    belonging = Manifest.load(folder).files
    for pattern in ("segments/*.parquet", "quarantine/*.parquet", "catalog-*.parquet"):
        for path in folder.glob(pattern):
            if str(path.relative_to(folder)) not in belonging:
                path.unlink()
