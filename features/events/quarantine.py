"""Rejected rows: kept aside with the reason, so that nothing is silently dropped."""

import pyarrow as pa

from features.columns import Columns as C

IDS = (C.EVENT_ID, C.ORDER_ID, C.PRODUCT_ID, C.USER_ID, C.ANONYMOUS_ID)

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field(C.SOURCE, pa.string(), nullable=False),
        pa.field("table", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        *(pa.field(column, pa.string()) for column in IDS),
        pa.field("column", pa.string(), nullable=False),
        pa.field(C.VALUE, pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""One row per rejected row: the mapping and its table, the row's number in what the table's
SELECT yields (from 1), its ids where it had them (cut to 255 characters), the column at fault,
the value in it (cut to 200 characters) and the reason. The key is made of what was rejected and
why, and of a count among equal ones, so that importing again finds the same keys."""

ID_CHARACTERS = 255
VALUE_CHARACTERS = 200


def keyed(rejected: str) -> str:
    """SQL that adds the key to a query of the other columns of `SCHEMA`."""
    told = ", ".join(
        f"coalesce({column}, '')"
        for column in (C.SOURCE, '"table"', *IDS, '"column"', C.VALUE, "reason")
    )
    columns = ", ".join(f'"{name}"' for name in SCHEMA.names)
    return f"""
        WITH rejected AS ({rejected}),
             hashed AS (SELECT *, md5(concat_ws(chr(31), {told})) AS h FROM rejected)
        SELECT {columns} FROM (
            SELECT *, h || '-' || row_number() OVER (PARTITION BY h ORDER BY "row") AS key
            FROM hashed
        )"""
