"""From a shop's tables to the event log, by a mapping; all of it as SQL in DuckDB."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from features.catalog import SCHEMA as CATALOG_SCHEMA
from features.catalog import Catalog
from features.columns import Columns as C
from features.errors import InputError
from features.events import engine, quarantine, reading, reasons, rules, tables
from features.events.identifiers import BY_NAME, Reader
from features.events.log import AppendResult, EventLog
from features.events.mapping import Mapping, Produces, Table, paths
from features.events.schema import schema
from features.events.transaction import Transaction, count

_READER = Reader()

Progress = Callable[[str, int], None]
"""Called with the name of a stage that has ended and the rows it yielded."""

LINES_AT_ONCE = 5_000_000
"""Lines gathered into their orders at a time; a list per order is held in memory."""


@dataclass(frozen=True)
class ImportSummary:
    """What an import did.

    accepted: new events by type. duplicates: events that the log, or these tables, had already.
    products: size of the catalogue afterwards. quarantined: rows by table, column and reason.
    absent: optional tables without files. seconds: how long it took. erased: events of people
    who were erased, which were left out.
    """

    accepted: dict[str, int]
    duplicates: int
    products: int
    quarantined: dict[tuple[str, str, str], int]
    absent: tuple[str, ...]
    seconds: float
    erased: int = 0


def import_tables(
    mapping: Mapping,
    source: Path,
    log: EventLog,
    *,
    now: int,
    reader: Reader = _READER,
    progress: Progress | None = None,
) -> ImportSummary:
    """Bring the tables in `source` into the log; doing it again adds nothing.

    Arguments:
        mapping: which tables there are, and one SELECT for each.
        source: the folder that the mapping's files are relative to.
        log: where events, products and rejected rows go.
        now: rows after this instant (int64 ms UTC) are rejected.
        reader: makes identifiers of addresses, numbers and cards.
        progress: told each stage and its rows.

    Raises:
        InputError: a file is missing, unreadable or without rows.
        MappingError: a SELECT reads or yields a column that does not exist.
        StorageError: the disk is full, or another process is writing. The log is as it was.
    """
    started = time.perf_counter()
    with log.transaction() as changes:
        changes.declare(mapping.name, mapping.legal_basis, mapping.currency)
        changes.connection.create_function(
            reading.IDENTIFIER_OF,
            lambda name, value: reader.one(BY_NAME[name], value) or "",
            ["VARCHAR", "VARCHAR"],
            "VARCHAR",
        )
        run = _Import(mapping, Path(source), changes, now, progress or (lambda _stage, _rows: None))
        run.read_tables()
        run.take_products()
        quarantined = run.keep_rejected()
        appended = run.append()
        products = len(changes.catalog)
    return ImportSummary(
        accepted=appended.by_name,
        duplicates=appended.duplicates,
        products=products,
        quarantined=quarantined,
        absent=tuple(run.absent),
        seconds=time.perf_counter() - started,
        erased=appended.erased,
    )


class _Import:
    """One import: the mapping's tables in a transaction's scratch database.

    A table that produces something becomes `_t_<name>`, typed and with its faults; a step
    becomes a table under its own name. Names of ours start with an underscore, a mapping's
    with a letter.
    """

    def __init__(
        self, mapping: Mapping, source: Path, changes: Transaction, now: int, progress: Progress
    ) -> None:
        self.absent: list[str] = []
        self._mapping = mapping
        self._source = source
        self._changes = changes
        self._con = changes.connection
        self._now = now
        self._progress = progress
        self._columns: dict[str, list[str]] = {}

    def read_tables(self) -> None:
        """Run every table's SELECT, in order."""
        self._con.execute(f"SET TimeZone = {engine.quoted(self._mapping.time_zone)}")
        self._con.register("_event_types", _event_types())
        for name, table in self._mapping.tables.items():
            found = paths(self._source, name, table)
            if table.files and not found:
                self.absent.append(name)
                continue
            if found:
                tables.open_files(self._con, name, found)
            self._stage(name, table)
            self._progress(f"read {name}", self._count(f'"_t_{name}"'))

    def take_products(self) -> None:
        """Update the catalogue by the products tables."""
        for name in self._producing("products"):
            self._con.register("_catalogue", _numbered(self._changes.catalog))
            merged = self._con.sql(_merged(name, self._columns[name])).to_arrow_table()
            self._con.unregister("_catalogue")
            self._changes.save_catalog(Catalog(merged, before=self._changes.catalog))
            self._progress("products", merged.num_rows)

    def keep_rejected(self) -> dict[tuple[str, str, str], int]:
        """Put the rows with faults into quarantine; how many by table, column and reason."""
        queries = [self._rejected(name) for name in self._columns]
        queries += [self._orphans(name) for name in self._producing("lines")]
        if not queries:
            return {}
        self._con.execute(f"CREATE TEMP TABLE _rejected AS {' UNION ALL '.join(queries)}")
        self._changes.reject("SELECT * FROM _rejected")
        counted = self._con.execute(
            """SELECT "table", "column", reason, count(*) FROM _rejected
            GROUP BY ALL ORDER BY ALL"""
        ).fetchall()
        self._progress("quarantine", self._count("_rejected"))
        return {(table, column, reason): rows for table, column, reason, rows in counted}

    def append(self) -> AppendResult:
        """Append the good rows, lines gathered into their orders."""
        self._gather_lines()
        queries = [self._orders(name) for name in self._producing("orders")]
        queries += [self._events(name) for name in self._producing("events")]
        if not queries:
            return AppendResult(0, 0)
        self._con.execute(f"CREATE TEMP VIEW _good AS {' UNION ALL '.join(queries)}")
        appended = self._changes.append("_good")
        self._progress("append", appended.accepted)
        return appended

    def _stage(self, name: str, table: Table) -> None:
        """Run a table's SELECT."""
        types = tables.types(self._con, name, table, self._mapping)
        query = table.select
        if table.produces is not None:
            tables.check_columns(name, table.produces, list(types))
            self._columns[name] = list(types)
            currency = self._mapping.currency
            query = reading.staged(
                table.select, table.produces, types, currency=currency, now=self._now
            )
        try:
            self._con.execute(f'CREATE TEMP TABLE "_t_{name}" AS {query}')
        except duckdb.Error as error:
            if engine.is_full(error):
                raise
            raise InputError(
                f"tables.{name}: reading stopped: {engine.first_line(error)}. A damaged file "
                "must be exported again; a value that the SELECT cannot convert needs TRY_CAST"
            ) from error
        self._con.execute(f"DROP VIEW IF EXISTS {engine.name(name)}")
        if table.produces is None:
            step = f'CREATE TEMP VIEW {engine.name(name)} AS SELECT * FROM "_t_{name}"'
            self._con.execute(step)

    def _producing(self, produces: Produces) -> list[str]:
        return [name for name in self._columns if self._mapping.tables[name].produces == produces]

    def _count(self, relation: str) -> int:
        return count(self._con, f"SELECT count(*) FROM {relation}")

    def _gather_lines(self) -> None:
        """The table `_order_lines`: the good lines of each order as a list, in their order."""
        self._con.execute(
            """CREATE TEMP TABLE _order_lines (order_id VARCHAR, products STRUCT(
                product_id VARCHAR, quantity DOUBLE, price DOUBLE)[])"""
        )
        for name in self._producing("lines"):
            have = self._columns[name]
            place = f"{rules.LINE}, rowid" if rules.LINE in have else "rowid"
            line = (
                f"{{'product_id': product_id, 'quantity': "
                f"{'coalesce(quantity, 1.0)' if C.QUANTITY in have else '1.0'}, "
                f"'price': {'price' if C.PRICE in have else 'CAST(NULL AS DOUBLE)'}}}"
            )
            parts = self._count(f'"_t_{name}"') // LINES_AT_ONCE + 1
            for part in range(parts):
                self._con.execute(
                    f"""INSERT INTO _order_lines
                    SELECT order_id, list({line} ORDER BY {place}) FROM "_t_{name}"
                    WHERE fault IS NULL AND hash(order_id) % {parts} = {part}
                    GROUP BY order_id"""
                )

    def _orders(self, name: str) -> str:
        """SQL of the events that a table's good orders are."""
        present = [*self._columns[name], C.PRODUCTS]
        columns = reading.log_columns(
            present, self._mapping.name, self._mapping.currency, self._mapping.arrival_lag_ms
        )
        return f"""SELECT {columns} FROM (
            SELECT ordered.*, products, NULL AS event_id,
                   {schema().code(rules.ORDER_EVENT)} AS code,
                   {engine.quoted(rules.ORDER_EVENT)} AS known_name, NULL AS event,
                   CAST(NULL AS VARCHAR) AS own_channel
            FROM "_t_{name}" AS ordered LEFT JOIN _order_lines USING (order_id)
            WHERE fault IS NULL
        )"""

    def _events(self, name: str) -> str:
        """SQL of the events that a table's good events are."""
        columns = reading.log_columns(
            self._columns[name],
            self._mapping.name,
            self._mapping.currency,
            self._mapping.arrival_lag_ms,
        )
        return f'SELECT {columns} FROM "_t_{name}" WHERE fault IS NULL'

    def _rejected(self, name: str) -> str:
        """SQL of a table's rows with faults, in the columns of the quarantine."""
        return f"""SELECT {self._quarantined(name)}, fault."column" AS "column",
            fault.value AS value, fault.reason AS reason
            FROM "_t_{name}" WHERE fault IS NOT NULL"""

    def _orphans(self, name: str) -> str:
        """SQL of good lines without a good order."""
        faults = [f'SELECT order_id, fault FROM "_t_{o}"' for o in self._producing("orders")]
        orders = " UNION ALL ".join(faults) or "SELECT NULL AS order_id, NULL AS fault"
        return f"""SELECT {self._quarantined(name)}, 'order_id' AS "column", order_id AS value,
            CASE WHEN order_id IN (SELECT order_id FROM ({orders}) WHERE order_id IS NOT NULL)
                 THEN {engine.quoted(reasons.ORDER_REJECTED)}
                 ELSE {engine.quoted(reasons.NO_ORDER)} END AS reason
            FROM "_t_{name}" WHERE fault IS NULL AND NOT EXISTS (
                SELECT 1 FROM ({orders}) AS o
                WHERE o.order_id = "_t_{name}".order_id AND o.fault IS NULL)"""

    def _quarantined(self, name: str) -> str:
        ids = ", ".join(
            f"left({column}, {quarantine.ID_CHARACTERS}) AS {column}"
            if column in self._columns[name]
            else f"CAST(NULL AS VARCHAR) AS {column}"
            for column in quarantine.IDS
        )
        return (
            f'{engine.quoted(self._mapping.name)} AS source, {engine.quoted(name)} AS "table", '
            f'rowid + 1 AS "row", {ids}'
        )


def _event_types() -> pa.Table:
    """Event types by every lower-case name they have."""
    rows = [
        {
            "key": name.lower(),
            "code": event.code,
            "known_name": event.name,
            "own_channel": event.channel,
            "internal": event.internal,
        }
        for event in schema().events
        for name in (event.name, *event.aliases)
    ]
    return pa.Table.from_pylist(rows)


def _numbered(catalog: Catalog) -> pa.Table:
    places = pa.array(range(len(catalog)), pa.int64())
    return catalog.table.append_column("place", places)


def _merged(name: str, present: list[str]) -> str:
    """SQL of the catalogue with a products table's good rows; new ones come last."""

    def newest(column: str) -> str:
        sources = [f"listed.{column}"] if column in present else []
        sources.append(f"known.{column}")
        if column == C.AVAILABLE:
            sources.append("true")
        return f"coalesce({', '.join(sources)}) AS {column}" if len(sources) > 1 else sources[0]

    columns = ", ".join(newest(column) for column in CATALOG_SCHEMA.names)
    return f"""SELECT {columns} FROM _catalogue AS known FULL JOIN (
            SELECT *, rowid AS place FROM "_t_{name}" WHERE fault IS NULL
        ) AS listed ON known.product_id = listed.product_id
        ORDER BY known.place NULLS LAST, listed.place"""
