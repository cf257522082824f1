"""A shop's files as tables in DuckDB, with errors that say what to do about them."""

import re
from pathlib import Path

import duckdb

from features.errors import InputError, MappingError
from features.events import engine, reading, rules
from features.events.mapping import Mapping, Produces, Table

_CSV = re.compile(r"\.[ct]sv(\.gz|\.zst)?$")

_UNKNOWN_COLUMN = re.compile(
    r'Referenced column "([^"]+)" not found|does not have a column named "([^"]+)"'
)


def open_files(con: duckdb.DuckDBPyConnection, name: str, found: list[Path]) -> None:
    """Make a table's own name stand for its files.

    Raises:
        InputError: a file cannot be read, or all of them are without rows.
    """
    view = f"CREATE TEMP VIEW {engine.name(name)} AS SELECT * FROM {_scan(name, found)}"
    listed = ", ".join(str(path) for path in found[:3]) + (", …" if len(found) > 3 else "")
    try:
        con.execute(view)
        rows = con.execute(f"SELECT 1 FROM {engine.name(name)} LIMIT 1").fetchall()
    except duckdb.Error as error:
        if engine.is_full(error):
            raise
        raise InputError(
            f"table {name}: cannot read {listed}: {engine.first_line(error)}. "
            "Export the table again"
        ) from error
    if not rows:
        raise InputError(f"table {name} is empty: {listed} has no rows; export it again")


def types(
    con: duckdb.DuckDBPyConnection, name: str, table: Table, mapping: Mapping
) -> dict[str, reading.ColumnType]:
    """The columns that a table's SELECT yields, with their types.

    Raises:
        MappingError: it is not one SELECT, or reads what does not exist.
    """
    try:
        statements = con.extract_statements(table.select)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise MappingError(f"tables.{name}: `select` must be one SELECT and nothing else")
        return reading.types_of(con.sql(table.select))
    except duckdb.Error as error:
        raise MappingError(_said(con, name, mapping, error)) from error


def _said(con: duckdb.DuckDBPyConnection, name: str, mapping: Mapping, error: duckdb.Error) -> str:
    """What is wrong with a table's SELECT, and which columns it may read."""
    unknown = _UNKNOWN_COLUMN.search(str(error))
    if unknown is None:
        return f"tables.{name}: the SELECT does not run: {engine.first_line(error)}"
    readable = []
    for other in (name, *(step for step in mapping.tables if step != name)):
        try:
            columns = con.sql(f"SELECT * FROM {engine.name(other)}").columns
        except duckdb.Error:
            continue
        readable.append(f"{other} has {', '.join(columns)}")
    column = unknown[1] or unknown[2]
    return (
        f"tables.{name}: the SELECT reads the column {column}, which does not exist; "
        f"{'; '.join(readable)}"
    )


def _scan(name: str, found: list[Path]) -> str:
    """SQL that reads a table's files."""
    suffixes = {"csv" if _CSV.search(path.name.lower()) else path.suffix.lower() for path in found}
    listed = engine.files(found)
    if suffixes == {".parquet"}:
        return f"read_parquet({listed}, union_by_name = true)"
    if suffixes == {"csv"}:
        # Text, since a guessed type would make the id 00123 the number 123.
        return f"read_csv({listed}, union_by_name = true, all_varchar = true, header = true)"
    raise InputError(
        f"table {name}: {', '.join(sorted(suffixes))} cannot be read together or at all; "
        "files must be all .parquet, or all .csv, .tsv, .csv.gz"
    )


def check_columns(name: str, produces: Produces, yielded: list[str]) -> None:
    """Compare what a SELECT yields with what it may and must.

    Raises:
        MappingError: a column is unknown or missing; the message names those allowed.
    """
    allowed = rules.columns(produces)
    unknown = [column for column in yielded if column not in allowed]
    if unknown:
        raise MappingError(
            f"tables.{name}: the SELECT yields the column {unknown[0]}, which {produces} do not "
            f"have; allowed are: {', '.join(allowed)}"
        )
    missing = [column for column in rules.REQUIRED[produces] if column not in yielded]
    if missing:
        raise MappingError(
            f"tables.{name}: the SELECT does not yield {' or '.join(missing)}, which {produces} "
            f"need; it yields {', '.join(yielded)}"
        )
