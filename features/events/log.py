"""The event log: every event once, in Parquet segments that are only ever added.

    manifest.json            what belongs to the log; other files in the folder do not count
    segments/000001.parquet  events, schema `LOG_SCHEMA`
    catalog-000001.parquet   the product catalogue
    quarantine/000001.parquet rejected rows with their reasons
    timelines/               built from the log; may be deleted

Whoever was erased (`erasures.py`) is in no answer of the log from then on; compaction
(`compaction.py`) takes them out of the files.

The manifest is replaced in one step, after all that it names is safely on the disk. A run that
is killed, or finds the disk full, therefore leaves the log as it was.
"""

import copy
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from features.catalog import Catalog
from features.columns import Columns as C
from features.errors import StorageError
from features.events import engine, tombstones
from features.events.erasures import Erasures
from features.events.event import LOG_SCHEMA
from features.events.identifiers import Rules
from features.events.manifest import Manifest
from features.events.transaction import AppendResult, Transaction, transaction

__all__ = ["LOG_SCHEMA", "AppendResult", "EventLog"]


_RULES = Rules()


class EventLog:
    """The log in a folder, which need not exist yet: then it is empty.

    Arguments:
        path: the folder.
        erasures: the folder of the list of erased people; the one beside the log's folder.
        memory: what DuckDB may use before it spills to disk, as DuckDB writes it.
        threads: threads for reading, sorting and writing.
        rules: who is one person in it.
    """

    def __init__(
        self,
        path: Path,
        *,
        erasures: Path | None = None,
        memory: str = engine.MEMORY,
        threads: int = 2,
        rules: Rules = _RULES,
    ) -> None:
        self.path = Path(path)
        self.erasures = Erasures(erasures or self.path.parent / "erasures")
        self.rules = rules
        self.memory = memory
        self.threads = threads
        self._pinned: tuple[Manifest, Catalog] | None = None

    def __len__(self) -> int:
        """Events in the files; the erased are counted until they are compacted."""
        return sum(segment.events for segment in self.manifest.segments)

    def __bool__(self) -> bool:
        return True

    @property
    def manifest(self) -> Manifest:
        """What belongs to the log now; read afresh, since another process may append."""
        return Manifest.load(self.path) if self._pinned is None else self._pinned[0]

    def pinned(self) -> Self:
        """This log as it is now, for reading: what is appended later is not in it."""
        manifest = self.manifest
        out = copy.copy(self)
        out._pinned = (manifest, self._catalog_of(manifest))
        return out

    @property
    def segments(self) -> list[Path]:
        """The Parquet files of events, oldest first; read them with `kept` or `dataset`."""
        return [self.path / segment.file for segment in self.manifest.segments]

    @property
    def dataset(self) -> ds.Dataset:
        """The events, to be scanned with a filter or batch by batch; columns of `LOG_SCHEMA`."""
        segments = [str(path) for path in self.segments]
        found = ds.dataset(segments, schema=LOG_SCHEMA, format="parquet")
        if self.clean or not segments:
            return found
        with (
            tempfile.TemporaryDirectory(prefix="regulars-") as spill,
            engine.connection(Path(spill), memory=self.memory, threads=self.threads) as con,
        ):
            relation = f"read_parquet({engine.files(self.segments)})"
            tombstones.find(con, relation, self.erasures)
            kept = tombstones.filter_of(con, relation)
        return found if kept is None else found.filter(kept)

    @property
    def clean(self) -> bool:
        """Whether nobody who was erased is in the files."""
        return self.erasures.digest in ("", self.manifest.cleaned)

    def kept(self, con: duckdb.DuckDBPyConnection, relation: str) -> str:
        """SQL of the log's events without the erased; `relation` is of all in the files."""
        return tombstones.kept(con, relation, self.erasures, clean=self.clean)

    @property
    def quarantine(self) -> list[Path]:
        """The Parquet files of rejected rows (`quarantine.SCHEMA`), oldest first."""
        return [self.path / file for file in self.manifest.quarantine]

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when an event or the catalogue does.

        The order in which events were appended, and in what portions, does not matter. An erasure
        changes them at once, and its compaction again.
        """
        return self.manifest.fingerprint_with("" if self.clean else self.erasures.digest)

    @property
    def last_at(self) -> int:
        """The latest timestamp of all events (instant).

        Raises:
            StorageError: the log is empty.
        """
        found: list[int] = []
        if self.clean:
            found = [segment.last_at for segment in self.manifest.segments if segment.events]
        elif self.segments:  # the last one may be an erased person's
            for batch in self.dataset.scanner(columns=[C.TIMESTAMP]).to_batches():
                if len(batch):
                    found.append(pc.max(batch.column(0).cast(pa.int64())).as_py())
        if not found:
            raise StorageError(
                f"the event log {self.path} is empty; run `python -m training import` first"
            )
        return max(found)

    @property
    def catalog(self) -> Catalog:
        """The product catalogue; every product of every event is in it."""
        return self._catalog_of(self.manifest) if self._pinned is None else self._pinned[1]

    def save_catalog(self, catalog: Catalog) -> None:
        """Replace the catalogue by one that lists the present products first, in their order.

        Raises:
            InputError: a product is missing or has moved.
            StorageError: the disk is full, or another process is writing.
        """
        with self.transaction() as changes:
            changes.save_catalog(catalog)

    def append(self, events: pa.Table | pa.RecordBatchReader) -> AppendResult:
        """Add the events (schema `LOG_SCHEMA`) whose ids are new.

        Products that the catalogue lacks are added to it, by their ids.

        Raises:
            StorageError: the disk is full, or another process is writing; the log is as it was.
        """
        with self.transaction() as changes:
            changes.connection.register("appended", events)
            return changes.append("appended")

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Several changes that happen together when the block ends without an error.

        Raises:
            StorageError: the disk is full, or another process is writing; the log is as it was.
        """
        return transaction(
            self.path, erasures=self.erasures, memory=self.memory, threads=self.threads
        )

    def _catalog_of(self, manifest: Manifest) -> Catalog:
        file = manifest.catalog
        return Catalog.empty() if file is None else Catalog.load(self.path / file)
