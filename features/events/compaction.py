"""Taking erased people and aged events out of the log's files: segment by segment, each at once.

A segment is written anew without them, and the manifest names the new file in place of the old
one, in one step. A run that is killed leaves a whole log, and the next one goes on.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

from features.columns import Columns as C
from features.errors import StorageError
from features.events import engine, tombstones
from features.events.event import LOG_SCHEMA
from features.events.impressions import Impressions
from features.events.lock import held
from features.events.log import EventLog
from features.events.manifest import Segment
from features.events.retention import IMPRESSIONS, SCORES, Retention
from features.events.schema import schema
from features.events.served import Served
from features.events.transaction import Transaction, count

TIMELINES = "timelines"
"""The folder of what was built from the log; it holds the old rows, and is built anew."""

BELONGING = ("segments", "quarantine")
"""Folders of the log itself; all others can be made again."""

Progress = Callable[[str, int, int], None]
"""Told a stage's name, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Compacted:
    """What a compaction did."""

    segments: int
    """Files that were written anew."""
    erased: int
    """Events of erased people that are gone."""
    aged: int
    """Events past their period that are gone, or have lost their properties."""
    rejected: int
    """Rejected rows of erased people that are gone."""
    scores: int
    """Of what was served to erased people or is past its period, and is gone."""
    impressions: int
    """Products in lists, likewise."""
    seconds: float


def compact(
    log: EventLog,
    *,
    retention: Retention | None = None,
    now: int = 0,
    progress: Progress = lambda *_: None,
) -> Compacted:
    """Take out of a log's files, and of what was served, what nobody may find there any more.

    A reader that is in the middle of a file that goes meets a missing file and must begin again,
    so do not train at the same time.

    Arguments:
        log: the log.
        retention: which events have aged; None lets none age.
        now: the instant by which they have.
        progress: told each segment.

    Raises:
        StorageError: the disk is full, or another process is writing; what was done stays done.
    """
    started = time.perf_counter()
    digest = log.erasures.digest  # who is erased meanwhile is the next compaction's
    aging = _Aging(retention or Retention(), now)
    segments = log.manifest.segments
    rewritten = erased = aged = 0
    for place, segment in enumerate(segments):
        with log.transaction() as changes:
            gone, changed = _compact(changes, log, segment, aging)
        rewritten += bool(gone or changed)
        erased, aged = erased + gone, aged + changed
        progress("segments", place + 1, len(segments))
    with log.transaction() as changes:
        rejected = changes.clean_quarantine()
        changes.cleaned(digest)
    _forget_built(log)
    retention = retention or Retention()
    served = Served.beside(log.path, log.erasures, threads=log.threads)
    scores = served.compact(retention.cutoff_of(SCORES, now))
    shown = Impressions.beside(log.path, log.erasures, threads=log.threads)
    impressions = shown.compact(retention.cutoff_of(IMPRESSIONS, now))
    seconds = time.perf_counter() - started
    return Compacted(rewritten, erased, aged, rejected, scores, impressions, seconds)


def _forget_built(log: EventLog) -> None:
    """Delete what was built from older files, and what a killed job left beside them."""
    for folder in log.path.iterdir():
        if not folder.is_dir() or folder.name in BELONGING or not any(folder.iterdir()):
            continue
        try:
            with held(folder, wait=folder.name == TIMELINES):
                for path in folder.iterdir():
                    if path.is_dir() and not path.name.startswith(log.fingerprint):
                        shutil.rmtree(path, ignore_errors=True)
                    elif path.is_file() and folder.name != TIMELINES:
                        path.unlink(missing_ok=True)
        except StorageError:  # a job is at work there, and cleans up when it ends
            continue


class _Aging:
    """SQL of which events have aged, and what is left of them."""

    def __init__(self, retention: Retention, now: int) -> None:
        cutoffs = retention.cutoffs(now)
        self.keep_numbers = retention.keep_numbers
        aged = " OR ".join(
            f"({C.TYPE} = {code} AND epoch_ms({C.TIMESTAMP}) < {before})"
            for code, before in cutoffs.items()
        )
        self.aged = f"({aged or 'false'})"
        # what has lost its properties already need not be written again
        self.changes = self.aged
        if self.keep_numbers:
            self.changes += f" AND ({C.PROPERTIES} IS NOT NULL OR {C.ORDER_ID} IS NOT NULL)"

    def left(self, relation: str) -> str:
        """SQL of a relation's events, aged ones as they may be kept."""
        if not self.keep_numbers:
            return f"SELECT * FROM {relation} WHERE NOT {self.aged}"
        emptied = ", ".join(
            f"CASE WHEN {self.aged} THEN NULL ELSE {column} END AS {column}"
            for column in (C.PROPERTIES, C.ORDER_ID)
        )
        # a number that stands for a text is no figure
        texts = f"{C.TYPE} IN ({', '.join(map(str, schema().measured_texts))})"
        measure = f"CASE WHEN {self.aged} AND {texts} THEN NULL ELSE {C.MEASURE} END"
        return f"SELECT * REPLACE ({emptied}, {measure} AS {C.MEASURE}) FROM {relation}"


def _compact(
    changes: Transaction, log: EventLog, segment: Segment, aging: _Aging
) -> tuple[int, int]:
    """Write a segment anew if it must be; how many events were erased, and how many aged."""
    con = changes.connection
    file = engine.files([log.path / segment.file])
    con.register("_no_events", LOG_SCHEMA.empty_table())
    con.execute(
        f"""CREATE OR REPLACE TEMP VIEW _segment AS
        SELECT * FROM read_parquet({file}) UNION ALL BY NAME SELECT * FROM _no_events"""
    )
    relation = tombstones.kept(con, "_segment", log.erasures, clean=log.clean)
    left = count(con, f"SELECT count(*) FROM {relation}")
    aged = count(con, f"SELECT count(*) FROM {relation} WHERE {aging.changes}")
    gone = segment.events - left
    if gone or aged:
        changes.rewrite(segment, aging.left(relation))
    return gone, aged
