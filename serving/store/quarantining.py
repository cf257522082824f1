"""Putting rejected messages aside, each once for each of its faults."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, update

from serving.store import rows
from serving.store import schema as t
from serving.store.database import Database
from serving.store.numbering import rows_among
from serving.store.records import Rejected

_KNOWN = """\
SELECT sequence, message_id, "column", reason FROM quarantine WHERE message_id {among}"""

_CAME_AGAIN = (
    update(t.quarantine)
    .where(t.quarantine.c.sequence == bindparam("of"))
    .values(received_at=bindparam("last"))
)


def put_aside(database: Database, connection: Connection, rejected: Sequence[Rejected]) -> None:
    """Keep rejected messages; one that comes again with the same fault only changes when it came.

    Those without a message id cannot be told apart, and are all kept.
    """
    if not rejected:
        return
    new = [rows.rejected_row(message) for message in rejected]
    ids = {row["message_id"] for row in new if row["message_id"]}
    known = {
        (message_id, column, reason): sequence
        for sequence, message_id, column, reason in rows_among(database, connection, _KNOWN, ids)
    }
    again: dict[int, int] = {}
    fresh: dict[object, dict[str, object]] = {}
    for place, row in enumerate(new):
        fault = (row["message_id"], row["column"], row["reason"])
        if fault in known:
            again[known[fault]] = row["received_at"]
        else:
            fresh[fault if row["message_id"] else place] = row
    database.insert(connection, t.quarantine, list(fresh.values()))
    if again:
        told = [{"of": sequence, "last": last} for sequence, last in sorted(again.items())]
        connection.execute(_CAME_AGAIN, told)
