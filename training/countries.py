"""Which country customers are from, as far as was known at an instant."""

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.events import engine
from features.events.log import EventLog
from features.events.schema import schema
from features.links import open_events, owners
from features.timeline import Timelines

NOT_KNOWN = ""
"""The country of whom none is known."""


def countries(log: EventLog, timelines: Timelines, at: int) -> npt.NDArray[np.str_]:
    """The latest country that was told of each customer before an instant.

    What was told under another identifier counts for whomever that belonged to at the instant.

    Arguments:
        log: the events, whose properties keep it.
        timelines: of the log.
        at: int64 ms UTC.

    Returns:
        Shape (customers,), as it was told; `NOT_KNOWN` where nobody said.

    Raises:
        StorageError: the disk is full.
    """
    out = np.full(len(timelines), NOT_KNOWN, object)
    told = _told(log, at)
    if told and len(timelines):
        owned = owners(log, at)
        # the later one wins where several identifiers are one person's
        found = {owned.get(who, who): country for who, country, _ in sorted(told, key=_moment)}
        places = timelines.find(found)
        there = places >= 0
        out[places[there]] = np.array(list(found.values()), object)[there]
    return out.astype(np.str_)


def _told(log: EventLog, at: int) -> list[tuple[str, str, int]]:
    """Identifier, country, and when it was last told."""
    kinds = [str(event.code) for event in schema().events if "country" in event.optional]
    with (
        engine.full_disk_said(log.path),
        tempfile.TemporaryDirectory(prefix="regulars-") as spill,
        engine.connection(Path(spill), memory=log.memory, threads=log.threads) as con,
    ):
        open_events(con, log)
        found = con.execute(
            f"""SELECT identifier, arg_max(country, moment), max(moment) FROM (
                SELECT identifier, moment, nullif(trim(properties ->> '$.country'), '') AS country
                FROM events
                WHERE type IN ({", ".join(kinds)}) AND moment < ? AND received_at <= ?
            ) WHERE country IS NOT NULL AND identifier IS NOT NULL GROUP BY identifier""",
            [at, at],
        ).fetchall()
    return [(str(who), str(country), int(moment)) for who, country, moment in found]


def _moment(told: tuple[str, str, int]) -> int:
    return told[2]
