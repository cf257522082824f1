"""Transactions of any shop as the log's events."""

import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa

from features.columns import Columns as C
from features.events import engine
from features.events.event import LOG_SCHEMA
from features.events.schema import schema


def events_of(transactions: Path) -> pa.Table:
    """Orders and returns of a Parquet file, an order's lines together.

    Columns: customer_id, timestamp, value and, if there, order_id, product_id, quantity; a
    negative quantity or value is a return. Without order_id a day's lines are one order.
    """
    with tempfile.TemporaryDirectory() as spill, engine.connection(Path(spill)) as con:
        return _read(con, transactions)


def _read(con: duckdb.DuckDBPyConnection, transactions: Path) -> pa.Table:
    con.execute(f"CREATE VIEW told AS FROM read_parquet({engine.quoted(str(transactions))})")
    columns = con.sql("FROM told").columns
    by = "order_id" if "order_id" in columns else "CAST(timestamp AS DATE)"
    order = f"customer_id || '-' || CAST({by} AS VARCHAR)"
    quantity = "quantity" if "quantity" in columns else "1"
    lines = "NULL"
    if "product_id" in columns:
        pieces = f"abs({quantity})"
        lines = (
            f"list({{'product_id': product_id, 'quantity': CAST({pieces} AS DOUBLE), "
            f"'price': abs(value) / nullif({pieces}, 0)}})"
        )
    bought, returned = (schema().code(name) for name in ("Order Completed", "Order Refunded"))
    found = con.sql(
        f"""SELECT
            CASE WHEN back THEN 'return:' ELSE 'order:' END || order_key AS {C.EVENT_ID},
            CAST(CASE WHEN back THEN {returned} ELSE {bought} END AS SMALLINT) AS {C.TYPE},
            CASE WHEN back THEN 'Order Refunded' ELSE 'Order Completed' END AS {C.NAME},
            CAST(min(timestamp) AS TIMESTAMPTZ) AS {C.TIMESTAMP},
            CAST(min(timestamp) AS TIMESTAMPTZ) AS {C.RECEIVED_AT},
            CAST(customer_id AS VARCHAR) AS {C.USER_ID}, 'web' AS {C.CHANNEL},
            order_key AS {C.ORDER_ID}, abs(sum(value)) AS {C.VALUE},
            'EUR' AS {C.CURRENCY}, {lines} AS {C.PRODUCTS}, 'benchmark' AS {C.SOURCE}
        FROM (SELECT *, {order} AS order_key, value < 0 OR {quantity} < 0 AS back FROM told)
        GROUP BY customer_id, order_key, back"""
    ).to_arrow_table()
    for field in LOG_SCHEMA:
        if field.name not in found.column_names:
            found = found.append_column(field, pa.nulls(len(found), field.type))
    return found.select(LOG_SCHEMA.names).cast(LOG_SCHEMA)
