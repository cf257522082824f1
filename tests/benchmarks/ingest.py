"""Acknowledged events over HTTP, beside raw inserts of the same rows with the same durability.

The same rows are all that the store inserts for a batch: events, timelines, people, products, into
its own tables, in a transaction of their own. `ratio_to_event_rows_alone` leaves out all but the
events, which is less than the service does.
"""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import orjson
import psycopg
import typer
from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from features.consents import ConsentRules
from features.events.erasures import Erasures
from features.events.identifiers import Rules
from features.events.validation import parse
from features.instants import instant
from serving.store import Incoming
from serving.store import schema as t
from serving.store.database import OnConflict, insert_sql
from serving.store.revisions import ensure
from serving.store.sql import SqlStore
from serving.store.sqlite import SqliteDatabase
from tests import postgres
from tests.benchmarks.load import Load, Loader, post
from tests.benchmarks.messages import messages
from tests.benchmarks.results import peak_mb, report
from tests.benchmarks.service import ServiceProcess

CONNECTIONS = 16
"""Clients that send at the same time, each its next batch when the last is acknowledged."""

ROUNDS = 3
"""Inserting and sending take turns this often, on new tables and new events; medians are
reported, so that a drift of the machine meets both."""

PROBES = 300
"""Events whose visibility is waited for."""

PROBE_SECONDS = 10.0


def run(
    events: Annotated[int, typer.Option(help="Simulated events of one round.")] = 50_000,
    batch: Annotated[int, typer.Option(help="Events in a request.")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """Events over HTTP into SQLite and PostgreSQL, beside raw inserts into each."""
    report(
        f"{events:,} events by batches of {batch:,}, {ROUNDS} rounds",
        measured(events, batch, seed),
        json,
    )


def measured(events: int, batch: int, seed: int) -> dict[str, float]:
    """All figures; PostgreSQL's are left out where its programs are not installed."""
    began = time.perf_counter()
    with Loader() as loader, tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        figures = _side_by_side(
            "sqlite",
            lambda number: _sqlite(Path(folder) / f"raw-{number}.db"),
            {"REGULARS_DATA": folder, "REGULARS_STORE": ""},
            Path(folder),
            loader,
            (events, batch, seed),
        )
        if postgres.missing() is None:
            # with its own defaults, so that what is acknowledged outlives the machine
            server = opened.enter_context(postgres.Postgres({}))
            figures |= _side_by_side(
                "postgres",
                lambda _: _postgres(server.database()),
                {"REGULARS_DATA": f"{folder}/with-postgres", "REGULARS_STORE": server.database()},
                Path(folder),
                loader,
                (events, batch, seed),
            )
        figures["visibility_p99_ms"] = figures["sqlite.visibility_p99_ms"]
        figures["seconds"] = time.perf_counter() - began
        figures["peak_mb"] = peak_mb()
        return figures


@dataclass(frozen=True)
class Rows:
    """Rows that one statement of the store inserted."""

    table: Table
    names: tuple[str, ...]
    values: Sequence[tuple[Any, ...]]
    conflict: OnConflict


Insert = Callable[[Sequence[Rows]], None]
"""Inserts rows in one durable transaction."""


def _side_by_side(
    name: str,
    raw: Callable[[int], AbstractContextManager[Insert]],
    settings: dict[str, str],
    folder: Path,
    loader: Loader,
    sizes: tuple[int, int, int],
) -> dict[str, float]:
    """One store's figures, keys `<name>.<metric>`; both sides wait for the same disk."""
    events, batch, seed = sizes
    inserted: list[float] = []
    envelopes: list[float] = []
    sent: list[Load] = []
    with ServiceProcess(settings, folder / f"{name}.log") as service:
        _warm_up(service, loader)
        busy = 0.0
        for number in range(ROUNDS):
            batches = messages(events, batch, seed + number)
            requests = [post("/v1/batch", orjson.dumps({"batch": some})) for some in batches]
            written = _written(batches)
            inserted.append(events / _seconds(raw(2 * number), written))
            alone = [[rows for rows in some if rows.table is t.events] for some in written]
            envelopes.append(events / _seconds(raw(2 * number + 1), alone))
            began = service.cpu_seconds()
            sent.append(loader.run(service.port, requests, connections=CONNECTIONS))
            busy += service.cpu_seconds() - began
            _check(service, batches, sent[-1])
        worker_mb = service.memory_mb()
        rates = [load.per_second * batch for load in sent]
        with ServiceProcess(settings, folder / f"{name}-2.log") as replica:
            waited = _waited_ms(
                service, replica, loader, statistics.median(rates) / 2, batch, seed + ROUNDS
            )
    return {
        f"{name}.events_per_second": statistics.median(rates),
        f"{name}.raw_events_per_second": statistics.median(inserted),
        f"{name}.ratio": statistics.median(a / b for a, b in zip(rates, inserted, strict=True)),
        f"{name}.ratio_to_event_rows_alone": statistics.median(
            a / b for a, b in zip(rates, envelopes, strict=True)
        ),
        f"{name}.cpu_us_per_event": busy / (events * ROUNDS) * 1e6,
        f"{name}.p50_ms": statistics.median(load.quantile_ms(0.5) for load in sent),
        f"{name}.p99_ms": statistics.median(load.quantile_ms(0.99) for load in sent),
        f"{name}.visibility_p50_ms": float(np.quantile(waited, 0.5)),
        f"{name}.visibility_p99_ms": float(np.quantile(waited, 0.99)),
        f"{name}.errors": sum(load.errors for load in sent),
        f"{name}.worker_mb": worker_mb,
    }


class _Recording(SqliteDatabase):
    """Keeps what is inserted, transaction by transaction."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.inserted: list[Rows] = []

    def _insert(self, connection: Any, table: Any, names: Any, columns: Any, conflict: Any) -> None:
        self.inserted.append(Rows(table, names, list(zip(*columns, strict=True)), conflict))
        super()._insert(connection, table, names, columns, conflict)


def _written(batches: Sequence[Sequence[dict[str, Any]]]) -> list[list[Rows]]:
    """The rows that the store writes for each batch: events, timelines, people, products."""
    out = []
    with tempfile.TemporaryDirectory() as folder:
        database = _Recording(Path(folder) / "store.db")
        ensure(database)
        erasures = Erasures(Path(folder) / "erasures")
        erasures.make_key()
        store = SqlStore(database, Rules(), erasures, ConsentRules())
        database.inserted = []
        for some in batches:
            store.append([Incoming(parse(message, instant("2026-06-30"))) for message in some])
            out.append(database.inserted)
            database.inserted = []
        store.close()
    return out


def _seconds(raw: AbstractContextManager[Insert], written: Sequence[Sequence[Rows]]) -> float:
    with raw as insert:
        began = time.perf_counter()
        for rows in written:
            insert(rows)
        return time.perf_counter() - began


@contextmanager
def _sqlite(path: Path) -> Iterator[Insert]:
    """Raw inserts into the store's own tables as SQLite's driver does them, as durable."""
    database = SqliteDatabase(path)
    ensure(database)
    database.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")

    def insert(written: Sequence[Rows]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for rows in written:
            connection.executemany(_statement(sqlite.dialect(), "?", rows), rows.values)
        connection.execute("COMMIT")

    yield insert
    connection.close()


@contextmanager
def _postgres(address: str) -> Iterator[Insert]:
    """Raw inserts into the store's own tables as psycopg does them: prepared, pipelined."""
    with psycopg.connect(address) as connection:

        def insert(written: Sequence[Rows]) -> None:
            with connection.cursor() as cursor:
                for rows in written:
                    statement = _statement(postgresql.dialect(), "%s", rows)
                    cursor.executemany(statement, rows.values)
            connection.commit()

        yield insert


def _statement(dialect: Dialect, parameter: str, rows: Rows) -> str:
    values = f"VALUES ({', '.join([parameter] * len(rows.names))})"
    return insert_sql(dialect, rows.table, rows.names, values, rows.conflict)


def _warm_up(service: ServiceProcess, loader: Loader) -> None:
    some = messages(400, 20, seed=10**6)
    requests = [post("/v1/batch", orjson.dumps({"batch": few})) for few in some]
    loader.run(service.port, requests, connections=CONNECTIONS)


def _check(
    service: ServiceProcess, batches: Sequence[Sequence[dict[str, Any]]], sent: Load
) -> None:
    """Nothing is measured that was not done: all acknowledged, and the last one is known."""
    if sent.errors or sent.done != len(batches):
        raise RuntimeError(f"{sent.errors} of {len(batches)} batches were not acknowledged")
    customer = batches[-1][-1]["userId"]
    if service.get(f"/v1/customers/{customer}")[0] != 200:
        raise RuntimeError(f"an acknowledged event of {customer} is not known")


def _waited_ms(
    service: ServiceProcess,
    replica: ServiceProcess,
    loader: Loader,
    rate: float,
    batch: int,
    seed: int,
) -> npt.NDArray[np.float64]:
    """How long events took to be visible, beside a load of `rate` events per second."""
    others = messages(max(batch, int(rate * PROBE_SECONDS)), batch, seed)
    background = loader.start(
        service.port,
        [post("/v1/batch", orjson.dumps({"batch": some})) for some in others],
        connections=CONNECTIONS,
        seconds=PROBE_SECONDS,
        rate=rate / batch,
    )
    waited = [_visible_ms(service, replica, number) for number in range(PROBES)]
    background.result()
    return np.array(waited)


def _visible_ms(service: ServiceProcess, replica: ServiceProcess, number: int) -> float:
    """Time from the acknowledgement by one process to the answer of another that knows it."""
    customer = f"probe-{service.port}-{number}"
    event = {"event": "Product Viewed", "messageId": customer, "userId": customer}
    status, body = service.post("/v1/track", {**event, "properties": {"product_id": "p00001"}})
    if status != 200:
        raise RuntimeError(f"the service answers {status} {body[:500]!r}")
    acknowledged = time.perf_counter()
    while replica.get(f"/v1/customers/{customer}")[0] != 200:
        pass
    return (time.perf_counter() - acknowledged) * 1000
