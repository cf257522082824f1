"""The ledger that an event log holds, and its imports' legal basis."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from features.columns import Columns as C
from features.consents.reading import CONSENT_EVENTS, consents_of, purpose_of
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

_CODES = ", ".join(str(schema().code(name)) for name in CONSENT_EVENTS)
_COLUMNS = ", ".join(LOG_SCHEMA.names)
_CARRYING = f"""contains(properties, '"{PREFERENCES}"')"""
_PURPOSE = "json_extract_string(properties, '$.purpose')"
_CATEGORIES = f"CAST(json_extract(properties, '$.{PREFERENCES}') AS VARCHAR)"


@dataclass(frozen=True)
class Said:
    """One line of the ledger, and since when it is known (instant)."""

    consent: Consent
    """With the id it was made under."""
    known_at: int


@dataclass(frozen=True)
class Dissent:
    """Who ever said the contrary of what holds where nothing is said."""

    customer_ids: frozenset[str]
    """Ids under which they said it."""
    known_at: int
    """When the last statement of anybody arrived (instant); 0 where nobody said anything."""


def dissent(log: EventLog, folder: Path, rules: ConsentRules, purposes: Collection[str]) -> Dissent:
    """Who said of one of the purposes what does not hold unsaid: few, where millions said yes.

    People say few different things. Each is read once, of one of the events that say it.

    Arguments:
        log: the events.
        folder: exists; for what does not fit in memory.
        rules: what a banner's categories mean, and what holds unsaid.
        purposes: which of them are asked about.
    """
    if not log.segments:
        return Dissent(frozenset(), 0)
    with _people(log, folder) as con:
        con.execute(
            f"""CREATE TEMP TABLE said AS SELECT event_id, who, received_at,
                {{'type': type, 'channel': channel, 'bot': bot,
                'own': CASE WHEN type IN ({_CODES}) THEN json_extract_string(
                    properties, ['$.purpose', '$.consent_channel', '$.status']) END,
                'categories': CASE WHEN {_CARRYING} THEN {_CATEGORIES} END}} AS kind
            FROM events WHERE type IN ({_CODES}) OR {_CARRYING}"""
        )
        one_of_each = con.sql(
            f"""SELECT {_COLUMNS} FROM events
            WHERE event_id IN (SELECT min(event_id) FROM said GROUP BY kind)"""
        ).to_arrow_table()
        contrary = [
            event.event_id
            for event in events_of(one_of_each.cast(LOG_SCHEMA))
            for consent in consents_of(event, rules)
            if consent.purpose in purposes
            and (consent.status == "granted") != rules.unsaid(consent.purpose)
        ]
        con.register("contrary", pa.table({C.EVENT_ID: pa.array(contrary, pa.string())}))
        people = con.sql(
            """SELECT DISTINCT who FROM said WHERE kind IN (
                SELECT kind FROM said JOIN contrary USING (event_id))"""
        ).fetchall()
        [(known_at,)] = con.sql("SELECT max(epoch_ms(received_at)) FROM said").fetchall()
        found = {who for (who,) in people}
        required = [said for said in _required(con, log) if said.consent.purpose in purposes]
        known_at = max(known_at or 0, *(said.known_at for said in required), 0)
        found |= {
            said.consent.customer_id for said in required if rules.unsaid(said.consent.purpose)
        }
        return Dissent(frozenset(found), known_at)


def statements(
    log: EventLog,
    folder: Path,
    rules: ConsentRules,
    *,
    customer_ids: Collection[str] | None = None,
    purposes: Collection[str] | None = None,
) -> Iterator[Said]:
    """What people said by a log's events, oldest first, then what its imports rest on.

    Of the categories that one id's events carried, those are taken that differ from the ones
    before, and the last. Bots say nothing. Where a source's legal basis is consent, everybody
    in it has two lines that personalising and profiling need one.

    Arguments:
        log: the events.
        folder: exists; for what does not fit in memory.
        rules: what a banner's categories mean.
        customer_ids: only what was said under these; under any when None.
        purposes: only what was said of these; of any when None.
    """
    if not log.segments:
        return
    with _people(log, folder, customer_ids) as con:
        for event in events_of(_telling(con, purposes)):
            who = event.customer_id
            for consent in consents_of(event, rules):
                if purposes is None or consent.purpose in purposes:
                    yield Said(replace(consent, customer_id=who), event.received_at)
        for said in _required(con, log):
            if purposes is None or said.consent.purpose in purposes:
                yield said


@contextmanager
def _people(
    log: EventLog, folder: Path, customer_ids: Collection[str] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
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
            ) {_whose(con, customer_ids)}"""
        )
        yield con


def _whose(con: duckdb.DuckDBPyConnection, customer_ids: Collection[str] | None) -> str:
    if customer_ids is None:
        return "WHERE who IS NOT NULL"
    con.register("asked", pa.table({"who": pa.array(list(customer_ids), pa.string())}))
    return "SEMI JOIN asked USING (who)"


def _telling(con: duckdb.DuckDBPyConnection, purposes: Collection[str] | None) -> pa.Table:
    """The events that say something, schema `LOG_SCHEMA`, oldest first.

    Most are about one purpose, which they name; those of others need not be read.
    """
    own = f"type IN ({_CODES})"
    if purposes is not None:
        named = con.sql(f"SELECT DISTINCT {_PURPOSE} FROM events WHERE {own}").fetchall()
        others = [p for (p,) in named if p is not None and purpose_of(p) not in purposes]
        con.register("others", pa.table({"named": pa.array(others, pa.string())}))
        own += f" AND coalesce({_PURPOSE}, '') NOT IN (SELECT named FROM others)"
    theirs = "(PARTITION BY who ORDER BY timestamp, event_id)"
    table = con.sql(
        f"""WITH carrying AS (
            SELECT *, {_CATEGORIES} AS categories FROM events
            WHERE NOT bot AND {_CARRYING} AND categories IS NOT NULL
        ), news AS (
            SELECT event_id FROM carrying QUALIFY
                lag(categories || channel) OVER {theirs} IS DISTINCT FROM categories || channel
                OR lead(categories) OVER {theirs} IS NULL
        )
        SELECT {_COLUMNS} FROM events
        WHERE ({own}) OR event_id IN (SELECT event_id FROM news)
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
