"""What an event log says of who belongs together."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from features.columns import Columns as C
from features.events import engine
from features.events.event import BOT, LOG_SCHEMA
from features.events.identifiers import customer_ids
from features.events.log import EventLog
from features.events.schema import schema
from features.events.tombstones import LEADING
from features.identity import RULINGS, Link, Ruling, links_of, resolve
from features.instants import DAY_MS


def open_events(con: duckdb.DuckDBPyConnection, log: EventLog, without: Path | None = None) -> None:
    """The view `events` of a log, without bots; `identifier` is what each is stored under.

    Arguments:
        con: where to.
        log: the events.
        without: a Parquet file of event ids to leave out.
    """
    con.register("no_events", LOG_SCHEMA.empty_table())
    segments = log.segments
    source = "no_events"
    if segments:  # older segments have no marks
        read = f"read_parquet({engine.files(segments)}, union_by_name = true)"
        source = f"(SELECT * FROM {read} UNION ALL BY NAME SELECT * FROM no_events)"
        source = log.kept(con, source)
    if without is not None:
        left_out = f"read_parquet({engine.quoted(str(without))})"
        source = f"(SELECT * FROM {source} ANTI JOIN {left_out} USING ({C.EVENT_ID}))"
    con.execute(
        f"""CREATE TEMP VIEW events AS SELECT
            event_id, type, epoch_ms(timestamp) AS moment, epoch_ms(received_at) AS received_at,
            user_id, anonymous_id, identifiers, properties,
            {LEADING} AS identifier,
            channel, product_id, value, quantity, measure, products
        FROM {source} WHERE NOT coalesce(list_contains(marks, {engine.quoted(BOT)}), false)"""
    )


def links(con: duckdb.DuckDBPyConnection) -> Iterator[Link]:
    """The links that the view `events` tells of, each with the first instant it was known."""
    devices = con.sql(
        """SELECT user_id, 'anonymous:' || anonymous_id, min(received_at) FROM events
        WHERE user_id IS NOT NULL AND anonymous_id IS NOT NULL AND identifiers IS NULL
        GROUP BY ALL"""
    )
    yield from map(Link._make, devices.fetchall())
    # by day, since some kinds expire
    several = con.sql(
        f"""SELECT user_id, anonymous_id, identifiers, min(received_at) FROM events
        WHERE identifiers IS NOT NULL
        GROUP BY user_id, anonymous_id, identifiers, received_at // {DAY_MS}"""
    )
    for user_id, anonymous_id, others, at in several.fetchall():
        yield from links_of(customer_ids(user_id, anonymous_id, others), at)


def rulings(con: duckdb.DuckDBPyConnection) -> Iterator[Ruling]:
    """What the view `events` tells of decisions that people are one, or are not."""
    merged, separated = (schema().code(name) for name in RULINGS)
    told = con.sql(
        f"""SELECT received_at, identifier, json_extract_string(properties, '$.other_id'),
            type = {merged} FROM events WHERE type IN ({merged}, {separated})"""
    )
    yield from map(Ruling._make, told.fetchall())


def told_by(log: EventLog) -> tuple[list[Link], list[Ruling]]:
    """The links and rulings of a log.

    Raises:
        StorageError: the disk is full.
    """
    with engine.full_disk_said(log.path), engine.connection(log.path) as con:
        open_events(con, log)
        return list(links(con)), list(rulings(con))


def owners(log: EventLog, at: int) -> dict[str, str]:
    """Whose each identifier of a log was at an instant, where that was another's.

    Raises:
        StorageError: the disk is full.
    """
    spans = resolve(*told_by(log), log.rules).at(at)
    return {name: span.owner for name, span in spans.items() if span.owner != name}
