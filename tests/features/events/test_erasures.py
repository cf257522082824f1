"""Who was erased is in no answer of the log, and after compaction in no file of it."""

import json
import multiprocessing
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features import frame
from features.errors import StorageError
from features.events import tombstones
from features.events.compaction import compact
from features.events.erasures import Erasure, Erasures
from features.events.event import Event, events_of
from features.events.importer import ImportSummary, import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
from features.events.retention import Retention
from features.events.schema import schema
from features.identity import RULINGS
from features.instants import DAY_MS
from features.links import told_by
from features.timeline_build import timelines_of
from tests.features.events.test_log import ORDER, append, view

ERASED_AT = 100 * DAY_MS


def seen(number: int, user: str | None = None, visitor: str | None = None, **more: object) -> Event:
    event = replace(view(number), event_id=f"{user}-{visitor}-{number}", user_id=user)
    return replace(event, anonymous_id=visitor, **more)


def erase(log: EventLog, *customer_ids: str, until: int = ERASED_AT) -> None:
    log.erasures.make_key()
    hashes = tuple(log.erasures.hash(name).hex() for name in customer_ids)
    log.erasures.add([Erasure(f"era_{hashes}", until, until, "dpo", "asked", hashes)])


def people(log: EventLog) -> list[str]:
    return timelines_of(log).ids()


def in_dataset(log: EventLog) -> set[str]:
    return {event.event_id for event in events_of(log.dataset.to_table())}


def holds(folder: Path, text: str) -> list[Path]:
    """The files in which a text stands, Parquet or not; no hash may spell it by chance."""
    found = []
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            if text in str(pq.read_table(path).to_pylist()):
                found.append(path)
        elif path.is_file() and text.encode() in path.read_bytes():
            found.append(path)
    return found


@pytest.fixture
def two(log: EventLog) -> EventLog:
    """Anna in two segments, ben in one of them and after."""
    append(log, seen(1, "anna"), seen(2, "ben"), seen(3, visitor="v"))
    append(log, seen(4, "anna", "v"), seen(5, "anna"))
    append(log, seen(6, "ben"))
    return log


def test_an_erased_person_is_in_no_timeline_and_no_scan_at_once(two: EventLog) -> None:
    before = two.fingerprint
    assert people(two) == ["anna", "anonymous:v", "ben"]
    erase(two, "anna", "anonymous:v")
    assert people(two) == ["ben"]
    assert in_dataset(two) == {"ben-None-2", "ben-None-6"}
    assert two.fingerprint != before


def test_a_feature_frame_does_not_list_the_erased(two: EventLog) -> None:
    erase(two, "anna", "anonymous:v")
    found = frame(two, at="1971-01-01")
    assert found.index.get_level_values(0).tolist() == ["ben"]


def test_compaction_takes_the_erased_out_of_every_file_and_the_next_has_nothing_to_do(
    two: EventLog,
) -> None:
    timelines_of(two)
    assert holds(two.path, "anna")
    erase(two, "anna", "anonymous:v")
    done = compact(two)
    assert (done.segments, done.erased) == (2, 4)
    assert holds(two.path, "anna") == []
    assert sorted(path.name for path in two.path.glob("segments/*")) == [
        path.name for path in sorted(two.segments)
    ]
    assert two.clean
    assert people(two) == ["ben"]
    assert len(two) == 2
    again = compact(two)
    assert (again.segments, again.erased) == (0, 0)


def test_compaction_deletes_what_killed_jobs_built_of_the_erased(two: EventLog) -> None:
    timelines_of(two)
    for folder in ("timelines/.building", "loading"):
        (two.path / folder).mkdir()
        (two.path / folder / "customers.npy").write_bytes(b"anna")
    erase(two, "anna", "anonymous:v")
    timelines_of(two)
    compact(two)
    (two.path / "loading" / "rows.npy").write_bytes(b"anna")
    compact(two)
    assert holds(two.path, "anna") == []


def test_compaction_keeps_the_timelines_that_are_still_right(two: EventLog) -> None:
    built = timelines_of(two)
    compact(two)
    assert [path.is_dir() for path in (two.path / "timelines").glob("[!.]*")] == [True]
    assert timelines_of(two).ids() == built.ids()


def test_what_happens_after_the_erasure_is_a_new_persons(two: EventLog) -> None:
    erase(two, "anna", "anonymous:v")
    appended = append(two, seen(50, "anna"), seen(150, "anna"))
    assert (appended.accepted, appended.erased) == (1, 1)
    assert timelines_of(two).customer(0).at.tolist() == [151 * DAY_MS]
    compact(two)
    assert people(two) == ["anna", "ben"]
    assert timelines_of(two).customer(0).at.tolist() == [151 * DAY_MS]


def test_an_event_that_arrived_before_does_not_come_back_by_claiming_a_later_time(
    two: EventLog,
) -> None:
    erase(two, "anna")
    early = seen(150, "anna", received_at=ERASED_AT)
    assert append(two, early).erased == 1


def test_what_others_did_on_the_same_device_stays(log: EventLog) -> None:
    append(log, seen(1, "anna", "tablet"), seen(2, "ben", "tablet"), seen(3, visitor="tablet"))
    erase(log, "anna", "anonymous:tablet")
    assert in_dataset(log) == {"ben-tablet-2"}


@pytest.mark.parametrize("name", ["ben", 'it\'s "ben"\\', "🦊 Zoë"])
def test_what_was_ruled_of_an_erased_person_goes_with_them(log: EventLog, name: str) -> None:
    rulings = [
        seen(
            number,
            "anna",
            type=schema().code(ruling),
            name=ruling,
            properties=json.dumps({"other_id": other, "why": f"called about {other}"}),
        )
        for number, (ruling, other) in enumerate(
            [*((ruling, name) for ruling in RULINGS), (RULINGS[0], "cleo")], 1
        )
    ]
    like = seen(9, "anna", properties=json.dumps({"other_id": name}))
    append(log, seen(7, name), like, *rulings)
    assert tombstones.RULINGS == RULINGS
    erase(log, name)
    left = {"anna-None-3", "anna-None-9"}
    assert in_dataset(log) == left
    assert len(told_by(log)[1]) == 1
    assert compact(log).erased == 3
    assert log.clean
    assert in_dataset(log) == left
    assert append(log, replace(rulings[0], event_id="again")).erased == 1


def test_importing_the_tables_again_brings_nobody_back(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "orders.csv").write_text(
        "order_id,user_id,timestamp,total\n1,anna,2020-01-01,5\n2,ben,2020-01-02,6\n"
        "3,anna,2020-01-03,-6\n"
    )
    (shop / "lines.csv").write_text("order_id,product_id,quantity,price\n1,a,1,5\n2,a,1,6\n")
    log = EventLog(tmp_path / "log")
    summary = import_shop(shop, log)
    assert people(log) == ["anna", "ben"]
    assert summary.quarantined
    assert holds(log.path / "quarantine", "anna")
    erase(log, "anna", until=2_000_000_000_000)
    compact(log)
    assert holds(log.path, "anna") == []
    assert import_shop(shop, log).erased == 1
    assert holds(log.path, "anna") == []
    assert people(log) == ["ben"]


def import_shop(shop: Path, log: EventLog) -> ImportSummary:
    return import_tables(Mapping.load("shop"), shop, log, now=2_000_000_000_000)


def test_an_older_copy_of_the_log_is_clean_when_it_is_read(two: EventLog, tmp_path: Path) -> None:
    shutil.copytree(two.path, tmp_path / "backup")
    erase(two, "anna", "anonymous:v")
    compact(two)
    shutil.rmtree(two.path)
    shutil.move(tmp_path / "backup", two.path)
    assert people(two) == ["ben"]
    assert compact(two).erased == 4
    assert holds(two.path, "anna") == []


@pytest.mark.parametrize("name", ["🦊 Zoë", "عائشة‏", "x" * 255, 'it\'s "quoted"\\', " "])
def test_any_id_can_be_erased(log: EventLog, name: str) -> None:
    append(log, seen(1, name), seen(2, "ben"), seen(3, visitor=name))
    erase(log, name, f"anonymous:{name}")
    assert people(log) == ["ben"]
    assert in_dataset(log) == {"ben-None-2"}
    assert compact(log).erased == 2


KILLED = """
import os, sys
from pathlib import Path
from features.events.compaction import compact
from features.events.log import EventLog
log, steps = EventLog(Path(sys.argv[1])), int(sys.argv[2])
replace, unlink = Path.replace, Path.unlink
left = steps
def step(work):
    def stepped(self, *arguments, **options):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return work(self, *arguments, **options)
    return stepped
Path.replace, Path.unlink = step(replace), step(unlink)
compact(log)
"""


@pytest.mark.parametrize("steps", range(7))
def test_a_compaction_that_is_killed_leaves_a_whole_log_and_the_next_ends_it(
    two: EventLog, steps: int
) -> None:
    erase(two, "anna", "anonymous:v")
    done = subprocess.run([sys.executable, "-c", KILLED, str(two.path), str(steps)], check=False)
    assert done.returncode == 9
    assert in_dataset(two) == {"ben-None-2", "ben-None-6"}
    assert people(two) == ["ben"]
    compact(two)
    assert holds(two.path, "anna") == []
    assert in_dataset(two) == {"ben-None-2", "ben-None-6"}
    assert append(two, seen(7, "ben"), seen(6, "ben")).accepted == 1


def test_nobody_can_be_told_from_the_list(two: EventLog) -> None:
    erase(two, "anna")
    assert holds(two.erasures.folder, "anna") == []
    assert stat.S_IMODE((two.erasures.folder / "key").stat().st_mode) == 0o600


def test_two_keys_give_two_hashes(tmp_path: Path) -> None:
    lists = [Erasures(tmp_path / name) for name in ("one", "two")]
    for each in lists:
        each.make_key()
    assert lists[0].hash("anna") != lists[1].hash("anna")
    assert lists[0].hash("anna") == Erasures(tmp_path / "one").hash("anna")


def make_key(folder: Path) -> str:
    erasures = Erasures(folder)
    erasures.make_key()
    return erasures.key_id


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(make_key, [tmp_path] * 8))) == 1


def test_without_its_key_a_log_of_erased_people_is_not_read(two: EventLog) -> None:
    erase(two, "anna")
    (two.erasures.folder / "key").unlink()
    with pytest.raises(StorageError, match="nobody can tell who was erased; restore it"):
        timelines_of(EventLog(two.path))


def test_a_line_that_a_killed_writer_left_is_dropped(two: EventLog) -> None:
    erase(two, "anna")
    with (two.erasures.folder / "erasures.jsonl").open("a") as file:
        file.write('{"erasure_id": "era_half", "at"')
    assert len(two.erasures.all()) == 1
    erase(two, "ben")
    assert len(two.erasures.all()) == 2


def test_a_damaged_line_is_named_and_nothing_is_read(two: EventLog) -> None:
    erase(two, "anna")
    path = two.erasures.folder / "erasures.jsonl"
    path.write_text("nonsense\n" + path.read_text())
    with pytest.raises(StorageError, match="line 1 is damaged: 'nonsense'; restore the file"):
        _ = two.dataset


@pytest.mark.parametrize("kept", [True, False])
def test_aged_events_lose_what_they_say_or_go_at_compaction(log: EventLog, kept: bool) -> None:
    old = replace(view(1), properties='{"price": 3}', order_id="o")
    append(log, old, replace(view(50), properties='{"price": 4}'), ORDER)
    retention = Retention({"Product Viewed": 30}, keep_numbers=kept)
    done = compact(log, retention=retention, now=60 * DAY_MS)
    assert (done.segments, done.aged) == (1, 1)
    left = {event.event_id: event for event in events_of(log.dataset.to_table())}
    if kept:
        assert left.pop("v1") == replace(old, properties=None, order_id=None)
    assert left == {"v50": replace(view(50), properties='{"price": 4}'), ORDER.event_id: ORDER}
    assert compact(log, retention=retention, now=60 * DAY_MS).segments == 0


def test_a_log_whose_events_are_all_gone_is_read_as_empty(log: EventLog) -> None:
    append(log, seen(1, "anna"))
    erase(log, "anna")
    compact(log)
    assert log.dataset.to_table().num_rows == 0
    assert people(log) == []
    with pytest.raises(StorageError, match="is empty; run"):
        _ = log.last_at


def test_the_last_instant_is_not_an_erased_persons(two: EventLog) -> None:
    append(two, seen(60, "anna"))
    erase(two, "anna")
    assert two.last_at == 7 * DAY_MS
    compact(two)
    assert two.last_at == 7 * DAY_MS
