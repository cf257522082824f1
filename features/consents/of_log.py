"""The ledger that an event log holds, and its imports' legal basis."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from features.columns import Columns as C
from features.consents.reading import CONSENT_EVENTS, consents_of
from features.consents.rules import ConsentRules
from features.consents.statement import (
    ALL_CHANNELS,
    PERSONALISATION,
    PROFILING,
    REQUIRED,
    Consent,
)
from features.events import engine
from features.events.event import BOT, LOG_SCHEMA, events_of
from features.events.log import EventLog
from features.events.preferences import PREFERENCES
from features.events.schema import schema
from features.events.tombstones import LEADING

BASIS_EVENT = "basis:"
"""Begins the event id of a line that an import's legal basis wrote."""


@dataclass(frozen=True)
class Said:
    """One line of the ledger, and since when it is known (instant)."""

    consent: Consent
    """With the id it was made under."""
    known_at: int


def statements(log: EventLog, folder: Path, rules: ConsentRules) -> Iterator[Said]:
    """What people said by a log's events, oldest first, then what its imports rest on.

    Of the categories that one id's events carried, those are taken that differ from the ones
    before, and the last. Bots say nothing. Where a source's legal basis is consent, everybody
    in it has two lines that personalising and profiling need one.

    Arguments:
        log: the events.
        folder: exists; for what does not fit in memory.
        rules: what a banner's categories mean.
    """
    if not log.segments:
        return
    with _people(log, folder) as con:
        for event in events_of(_telling(con)):
            who = event.customer_id
            for consent in consents_of(event, rules):
                yield Said(replace(consent, customer_id=who), event.received_at)
        yield from _required(con, log)


@contextmanager
def _people(log: EventLog, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database whose view `events` has what was done under any identifier, bots included."""
    with engine.connection(folder, memory=log.memory, threads=log.threads) as con:
        con.register("no_events", LOG_SCHEMA.empty_table())
        read = f"read_parquet({engine.files(log.segments)}, union_by_name = true)"
        source = log.kept(con, f"(SELECT * FROM {read} UNION ALL BY NAME SELECT * FROM no_events)")
        con.execute(
            f"""CREATE TEMP VIEW events AS SELECT * FROM (
                SELECT *, {LEADING} AS who,
                    coalesce(list_contains(marks, {engine.quoted(BOT)}), false) AS bot
                FROM {source}
            ) WHERE who IS NOT NULL"""
        )
        yield con


def _telling(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The events that say something, schema `LOG_SCHEMA`, oldest first."""
    codes = ", ".join(str(schema().code(name)) for name in CONSENT_EVENTS)
    columns = ", ".join(LOG_SCHEMA.names)
    theirs = "(PARTITION BY who ORDER BY timestamp, event_id)"
    table = con.sql(
        f"""WITH carrying AS (
            SELECT *, CAST(json_extract(properties, '$.{PREFERENCES}') AS VARCHAR) AS categories
            FROM events
            WHERE NOT bot AND contains(properties, '"{PREFERENCES}"') AND categories IS NOT NULL
        ), news AS (
            SELECT event_id FROM carrying QUALIFY
                lag(categories || channel) OVER {theirs} IS DISTINCT FROM categories || channel
                OR lead(categories) OVER {theirs} IS NULL
        )
        SELECT {columns} FROM events
        WHERE type IN ({codes}) OR event_id IN (SELECT event_id FROM news)
        ORDER BY timestamp, event_id"""
    ).to_arrow_table()
    return table.cast(LOG_SCHEMA)


def _required(con: duckdb.DuckDBPyConnection, log: EventLog) -> Iterator[Said]:
    bases = log.manifest.legal_bases
    resting = [source for source, basis in sorted(bases.items()) if basis == "consent"]
    if not resting:
        return
    sources = ", ".join(engine.quoted(source) for source in resting)
    found = con.execute(
        f"""SELECT who, source, epoch_ms(min(timestamp)), epoch_ms(min({C.RECEIVED_AT}))
        FROM events WHERE NOT bot AND source IN ({sources}) GROUP BY ALL ORDER BY ALL"""
    )
    while rows := found.fetchmany(10_000):
        for who, source, at, known_at in rows:
            for purpose in (PERSONALISATION, PROFILING):
                line = Consent(
                    purpose,
                    ALL_CHANNELS,
                    REQUIRED,
                    at,
                    f"{BASIS_EVENT}{source}:{who}",
                    source,
                    customer_id=who,
                )
                yield Said(line, known_at)
