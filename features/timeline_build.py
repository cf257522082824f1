"""From the event log to `Timelines`: DuckDB sorts, so that the log need not fit in memory."""

import hashlib
import json
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import identity
from features.columns import Columns as C
from features.events import engine
from features.events.identifiers import BY_NAME, Rules
from features.events.lock import held
from features.events.log import EventLog
from features.events.row import LARGEST
from features.events.schema import schema
from features.links import links, open_events, rulings
from features.timeline import COLUMNS, FOREVER, LAYOUT, TIES, Timelines

FOLDER = "timelines"
BATCH_ROWS = 500_000
"""Sorted rows held as Arrow at a time; 500,000 are some 20 MB."""


def form(log: EventLog) -> str:
    """Names the layout and order of rows and the rules of identity: others are built anew."""
    kinds = [(k.name, k.joins, k.per_person, sorted(k.blocked)) for k in log.rules.kinds.values()]
    told = json.dumps([LAYOUT, TIES, kinds, log.rules.most])
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def timelines_of(log: EventLog) -> Timelines:
    """The timelines of a log, built once for each of its fingerprints and then memory-mapped.

    Raises:
        StorageError: the disk is full; nothing half-built is kept.
    """
    cache = log.path / FOLDER
    folder = cache / f"{log.fingerprint}-{form(log)}"
    if not folder.exists():
        with engine.full_disk_said(cache):
            cache.mkdir(parents=True, exist_ok=True)
            with held(cache, wait=True):
                if not folder.exists():
                    _rebuild(log, cache, folder)
    return Timelines.open(folder)


def build(
    log: EventLog, folder: Path, *, linked: bool = True, without: Path | None = None
) -> Timelines:
    """Sort a log's events by person and time into `folder`, and map the result.

    The order of rows is person, timestamp, then `TIES`; it does not depend on how the log is cut
    into segments.

    Arguments:
        log: the events.
        folder: where the arrays are written.
        linked: whether a visitor's rows go to the user they are linked with; if not, every
            row stays with the id it came under, known since it arrived.
        without: a Parquet file of event ids to leave out.

    Raises:
        StorageError: the disk is full.
    """
    with engine.full_disk_said(folder):
        folder.mkdir(parents=True, exist_ok=True)
        spill = folder / ".spill"
        spill.mkdir(exist_ok=True)
        try:
            with engine.connection(spill, memory=log.memory, threads=log.threads) as con:
                open_events(con, log, without)
                _open_codes(con, log)
                _number_people(con, log.rules if linked else None)
                _write(con, folder)
        finally:
            shutil.rmtree(spill, ignore_errors=True)
    return Timelines.open(folder)


def _rebuild(log: EventLog, cache: Path, folder: Path) -> None:
    """Build `folder`, and delete what else is in the cache: older ones, a killed run's."""
    for older in cache.iterdir():
        if older.is_dir():
            shutil.rmtree(older, ignore_errors=True)
    fresh = cache / ".building"
    try:
        build(log, fresh)
        fresh.replace(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _open_codes(con: duckdb.DuckDBPyConnection, log: EventLog) -> None:
    """The tables `channels`, `line_types` and `products` to read from."""
    known = schema()
    con.register(
        "channels",
        pa.table(
            {
                "channel": list(known.channels),
                "channel_code": pa.array(known.channels.values(), pa.uint8()),
            }
        ),
    )
    lined = {event.code: known.code(event.lines) for event in known.events if event.lines}
    con.register(
        "line_types",
        pa.table(
            {
                "type": pa.array(lined.keys(), pa.int16()),
                "line_type": pa.array(lined.values(), pa.uint8()),
            }
        ),
    )
    ids = log.catalog.table.select([C.PRODUCT_ID])
    con.register("products", ids.append_column("product", pa.array(range(len(ids)), pa.int32())))


def _number_people(con: duckdb.DuckDBPyConnection, rules: Rules | None) -> None:
    """The view `owned`, each event with whose it was and when; the numbered table `persons`.

    An event under an identifier that ever belonged to another stands there once for each span
    [known_at, known_until) of that. Without rules every event stays under its identifier.
    """
    spans = [] if rules is None else identity.resolve(links(con), rulings(con), rules).spans
    con.register("spans", pa.Table.from_pylist([s._asdict() for s in spans], schema=_SPANS))
    internal = [event.code for event in schema().events if event.internal]
    ruled = f"type IN ({', '.join(map(str, internal))})"
    con.execute(
        f"""CREATE TEMP VIEW owned AS
        SELECT *, identifier AS customer_id, received_at AS known_at, {FOREVER} AS known_until
        FROM events ANTI JOIN spans USING (identifier) WHERE NOT ({ruled})
        UNION ALL
        SELECT events.*, owner, greatest(received_at, since), until
        FROM events JOIN spans USING (identifier) WHERE received_at < until AND NOT ({ruled})"""
    )
    unnamed = " OR ".join(
        f"starts_with(customer_id, {engine.quoted(BY_NAME[name].prefix)})" for name in NO_NAME
    )
    con.execute(
        f"""CREATE TEMP TABLE persons AS
        SELECT customer_id, NOT ({unnamed}) AS known,
            CAST(row_number() OVER (ORDER BY customer_id) - 1 AS INTEGER) AS person
        FROM (SELECT DISTINCT customer_id FROM owned)"""
    )


NO_NAME = (C.ANONYMOUS_ID, "push_token")
"""Kinds of identifiers that no known customer stands behind."""

_SPANS = pa.schema(
    [
        pa.field("identifier", pa.string()),
        pa.field("owner", pa.string()),
        pa.field("since", pa.int64()),
        pa.field("until", pa.int64()),
    ]
)


def _sorted_rows() -> str:
    """SQL of the timeline rows with their person's number, sorted."""
    event_columns = "person, moment, known_at, known_until, channel"
    return f"""
        WITH placed AS (
            SELECT owned.* EXCLUDE (channel), person, coalesce(channel_code, 0) AS channel
            FROM owned JOIN persons USING (customer_id) LEFT JOIN channels USING (channel)
        ), exploded AS (
            SELECT {event_columns}, type, product_id, value, quantity, measure
            FROM placed
            UNION ALL
            SELECT {event_columns}, line_type, line.product_id, line.quantity * line.price,
                   line.quantity, line.price
            FROM (
                SELECT {event_columns}, line_type, unnest(products) AS line
                FROM placed JOIN line_types USING (type)
            )
        )
        SELECT person, moment AS "at", known_at, known_until, {_slot("value")} AS value,
               {_slot("quantity")} AS quantity, {_slot("measure")} AS measure,
               CAST(coalesce(product, -1) AS INTEGER) AS product, CAST(type AS UTINYINT) AS type,
               CAST(channel AS UTINYINT) AS channel
        FROM exploded LEFT JOIN products USING (product_id)
        ORDER BY person, moment, {", ".join(TIES)}"""


def _slot(number: str) -> str:
    """SQL of a number as rows hold it; what is beyond `LARGEST` is absent, as in `packed`."""
    return f"CASE WHEN abs({number}) <= {LARGEST!r} THEN CAST({number} AS FLOAT) END"


def _write(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Stream the sorted rows into one .npy file per column, as `Timelines.open` reads them."""
    persons = con.sql("SELECT customer_id, known FROM persons ORDER BY person").to_arrow_table()
    [(rows,)] = con.execute(
        """SELECT count(*) + coalesce(sum(len(products)) FILTER (
               type IN (SELECT type FROM line_types)), 0)
           FROM owned"""
    ).fetchall()
    counts = np.zeros(len(persons), np.int64)
    with _Arrays(folder, int(rows)) as arrays:
        for batch in con.sql(_sorted_rows()).to_arrow_reader(BATCH_ROWS):
            arrays.write(batch)
            person = batch.column("person").to_numpy()
            counts += np.bincount(person, minlength=len(counts))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    ids = [customer_id.encode() for customer_id in persons["customer_id"].to_pylist()]
    np.save(folder / "customers.npy", np.array(ids, dtype=np.bytes_))
    np.save(folder / "known.npy", np.array(persons["known"].to_pylist(), dtype=np.bool_))
    np.save(folder / "offsets.npy", offsets)
    (folder / "timelines.json").write_text(json.dumps({"columns": LAYOUT}), "utf-8")


class _Arrays:
    """One .npy file per column, filled batch by batch; `rows` is known beforehand."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._files = {name: (folder / f"{name}.npy").open("wb") for name in COLUMNS}
        for name, file in self._files.items():
            header = {"descr": LAYOUT[name], "fortran_order": False, "shape": (rows,)}
            np.lib.format.write_array_header_1_0(file, header)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()

    def write(self, batch: pa.RecordBatch) -> None:
        for name, file in self._files.items():
            file.write(_numbers(batch.column(name), np.dtype(LAYOUT[name])).data)


def _numbers(column: pa.Array, dtype: np.dtype[np.generic]) -> npt.NDArray[np.generic]:
    """An Arrow column as an array of a column of `ROW`; null is NaN."""
    array = column.to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(array, dtype=dtype)
