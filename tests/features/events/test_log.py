"""The log keeps every event once, and survives what may happen while it is written."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.errors import InputError, StorageError
from features.events.event import Event, Line, events_of, table_of
from features.events.log import LOG_SCHEMA, AppendResult, EventLog
from features.instants import DAY_MS


def view(number: int, product: str = "pot") -> Event:
    return Event(
        event_id=f"v{number}",
        type=7,
        name="Product Viewed",
        timestamp=DAY_MS * (1 + number),
        received_at=DAY_MS * (1 + number),
        channel="web",
        user_id="ada",
        product_id=product,
    )


ORDER = Event(
    event_id="order:o1",
    type=15,
    name="Order Completed",
    timestamp=DAY_MS,
    received_at=DAY_MS,
    channel="store",
    user_id="ada",
    order_id="o1",
    value=12.0,
    quantity=3.0,
    currency="EUR",
    products=(Line("pot", 1.0, 8.0), Line("seeds", 2.0, None)),
    properties='{"total": 12.0}',
)


def append(log: EventLog, *events: Event) -> AppendResult:
    return log.append(table_of(events))


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_events_come_back_as_they_were_appended(log: EventLog) -> None:
    append(log, ORDER, view(1))
    read = pq.read_table(log.segments[0])

    assert read.schema.equals(LOG_SCHEMA)
    assert set(events_of(read)) == {ORDER, view(1)}


def test_an_event_counts_once(log: EventLog) -> None:
    assert append(log, view(1), view(2), view(1)) == AppendResult(2, 1, {"Product Viewed": 2})
    assert append(log, view(2), view(3)) == AppendResult(1, 1, {"Product Viewed": 1})
    assert append(log, view(3)) == AppendResult(0, 1, {})
    assert (len(log), len(log.segments)) == (3, 2)


def test_of_two_events_with_one_id_the_earliest_counts(log: EventLog) -> None:
    later = Event(**{**vars(view(5)), "event_id": "v1"})
    append(log, later, view(1))

    assert list(events_of(pq.read_table(log.segments[0]))) == [view(1)]


def test_a_stream_of_batches_can_be_appended(log: EventLog) -> None:
    table = table_of(view(n) for n in range(10))
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=3))

    assert log.append(reader).accepted == 10


def test_the_fingerprint_is_of_the_content_not_of_the_portions(tmp_path: Path) -> None:
    whole, portions = EventLog(tmp_path / "whole"), EventLog(tmp_path / "portions")
    for log in (whole, portions):
        log.save_catalog(Catalog.of([Product(ProductId("pot"))]))
    append(whole, view(1), view(2), view(3))
    append(portions, view(3))
    before = portions.fingerprint
    append(portions, view(2), view(1))

    assert portions.fingerprint == whole.fingerprint != before


def test_the_catalogue_knows_every_product_of_every_event(log: EventLog) -> None:
    log.save_catalog(Catalog.of([Product(ProductId("lamp"))]))
    append(log, ORDER, view(1, product="apron"))

    assert log.catalog.ids == ["lamp", "apron", "pot", "seeds"]
    assert log.catalog.first_seen_at.tolist() == [0, 2 * DAY_MS, DAY_MS, DAY_MS]


def test_a_catalogue_that_moves_a_product_is_refused(log: EventLog) -> None:
    append(log, ORDER)
    with pytest.raises(InputError, match="product 'pot' at place 0; extend"):
        log.save_catalog(Catalog.of([Product(ProductId("seeds")), Product(ProductId("pot"))]))
    with pytest.raises(InputError, match="'seeds' at place 1"):
        log.save_catalog(Catalog.of([Product(ProductId("pot"))]))


def test_the_last_instant_is_the_latest_timestamp(log: EventLog) -> None:
    append(log, view(9), view(1))
    append(log, view(3))

    assert log.last_at == 10 * DAY_MS


def test_an_empty_log_is_empty(log: EventLog) -> None:
    assert (len(log), log.segments, len(log.catalog)) == (0, [], 0)
    assert log
    assert append(log) == AppendResult(0, 0, {})
    with pytest.raises(StorageError, match="is empty; run"):
        _ = log.last_at


def test_a_failed_transaction_leaves_the_log_as_it_was(log: EventLog) -> None:
    append(log, view(1))
    before, fingerprint = files(log.path), log.fingerprint

    def fail_after_appending() -> None:
        with log.transaction() as changes:
            changes.connection.register("more", table_of([view(2, product="new")]))
            changes.append("more")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_appending()
    assert (files(log.path), log.fingerprint) == (before, fingerprint)


def test_two_processes_cannot_write_at_once(log: EventLog) -> None:
    with log.transaction(), pytest.raises(StorageError, match="another process is writing"):
        append(log, view(1))


def test_a_damaged_manifest_is_named(log: EventLog) -> None:
    append(log, view(1))
    (log.path / "manifest.json").write_text('{"version": 1, "segm')
    with pytest.raises(StorageError, match=r"manifest\.json cannot be read"):
        len(log)
    (log.path / "manifest.json").write_text('{"version": 99}')
    with pytest.raises(StorageError, match="of version 99, this program reads 1"):
        len(log)


KILLED = """
import os, sys
from pathlib import Path
from tests.features.events.test_log import EventLog, table_of, view
log = EventLog(Path(sys.argv[1]))
when = sys.argv[2]
if when == "before the manifest":
    replace = Path.replace
    def die_at_the_manifest(self, target):
        if Path(target).name == "manifest.json":
            os._exit(9)
        return replace(self, target)
    Path.replace = die_at_the_manifest
with log.transaction() as changes:
    changes.connection.register("more", table_of([view(2, product="new")]))
    changes.append("more")
    if when == "while staging":
        os._exit(9)
"""

FULL = """
import resource, sys
from pathlib import Path
from features.errors import StorageError
from features.events.importer import import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
log = EventLog(Path(sys.argv[1]))
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    import_tables(Mapping.load("shop"), Path(sys.argv[2]), log, now=2_000_000_000_000)
except StorageError as error:
    print(error)
    sys.exit(3)
"""


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("when", ["while staging", "before the manifest"])
def test_a_killed_run_leaves_the_log_as_it_was(log: EventLog, when: str) -> None:
    append(log, view(1))
    before, fingerprint = files(log.path), log.fingerprint

    killed = run(KILLED, log.path, when)

    assert killed.returncode == 9, killed.stderr
    assert files(log.path) > before, "the killed run left something behind"
    assert (len(log), log.fingerprint) == (1, fingerprint)
    assert append(log, view(2, product="new")).accepted == 1
    assert {str(path.relative_to(log.path)) for path in log.segments} == {
        name for name in files(log.path) if name.startswith("segments")
    }
    assert not (log.path / ".staging").exists()


@pytest.mark.parametrize("limit", [600, 6_000])
def test_a_full_disk_keeps_nothing_and_says_what_to_do(
    write_shop: Callable[..., Path], log: EventLog, limit: int
) -> None:
    append(log, view(1))
    before, fingerprint = files(log.path), log.fingerprint
    folder = write_shop()

    full = run(FULL, log.path, folder, limit)

    assert full.returncode == 3, full.stderr
    assert "no room left" in full.stdout
    assert "Nothing of this run was kept. Free some space" in full.stdout
    assert (files(log.path), log.fingerprint) == (before, fingerprint)
