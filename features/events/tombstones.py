"""Events of erased people in tables and files: found by their hashes, and left out.

An event is its leading id's: the user's, or the visitor's where no user is known. What another
customer did on a device that an erased person also used stays. A ruling, that two people are one or
are not, names both, and goes with either.
"""

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from features.columns import Columns as C
from features.events.erasures import Erasures
from features.events.schema import schema

TABLE = "_erased"
"""The temporary table of erased ids: `customer_id`, and `until` when as int64 ms."""

SCHEMA = pa.schema([pa.field("customer_id", pa.string()), pa.field("until", pa.int64())])

LEADING = f"""coalesce(
    {C.USER_ID},
    CASE WHEN NOT starts_with({C.IDENTIFIERS}[1], 'push:') THEN {C.IDENTIFIERS}[1] END,
    'anonymous:' || {C.ANONYMOUS_ID},
    {C.IDENTIFIERS}[1]
)"""
"""SQL of what an event is stored under: `Event.customer_id`."""

RULINGS = ("Customers Merged", "Customers Separated")
"""The events that name two people; identity, which says the same, builds on this package."""

RULED = f"{C.TYPE} IN ({', '.join(str(schema().code(name)) for name in RULINGS)})"
"""SQL that is true of a ruling."""

OTHER = f"(CASE WHEN {RULED} THEN json_extract_string({C.PROPERTIES}, '$.other_id') END)"
"""SQL of whom else a ruling names; null of other events."""

_IDS_AT_ONCE = 100_000


def find(con: duckdb.DuckDBPyConnection, relation: str, erasures: Erasures) -> int:
    """Make `TABLE` of the erased ids that events of a relation name; how many they are.

    Raises:
        StorageError: somebody was erased, and the key or the list cannot be read.
    """
    until = erasures.until()
    names: list[str] = []
    instants: list[int] = []
    if until:
        ids = con.sql(
            f"""SELECT {LEADING} AS customer_id FROM {relation} UNION
            SELECT {OTHER} FROM {relation} WHERE {RULED}"""
        )
        for batch in ids.to_arrow_reader(_IDS_AT_ONCE):
            for name in batch.column(0).to_pylist():
                found = None if name is None else until.get(erasures.hash(name))
                if found is not None:
                    names.append(name)
                    instants.append(found)
    made = pa.table([names, instants], schema=SCHEMA)
    con.register("_found", made)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT * FROM _found")
    con.unregister("_found")
    return len(names)


def gone(timestamp: str, received_at: str) -> str:
    """SQL that is true of an event that `TABLE` leaves out.

    Arguments:
        timestamp: SQL of when it happened, int64 ms.
        received_at: SQL of when it arrived, int64 ms.
    """

    def names(whom: str) -> str:
        return f"""EXISTS (
            SELECT 1 FROM {TABLE} WHERE {TABLE}.customer_id = {whom}
            AND least({timestamp}, {received_at}) <= {TABLE}.until)"""

    return f"({names(LEADING)} OR {names(OTHER)})"  # one by one, so that each is a hash join


_GONE = gone(f"epoch_ms({C.TIMESTAMP})", f"epoch_ms({C.RECEIVED_AT})")


def kept(con: duckdb.DuckDBPyConnection, relation: str, erasures: Erasures, *, clean: bool) -> str:
    """SQL of a log's events (columns of `LOG_SCHEMA`) without those that are left out.

    Arguments:
        con: where the query will run.
        relation: the events.
        erasures: who was erased.
        clean: nobody on the list is in the relation any more.
    """
    if clean or not find(con, relation, erasures):
        return relation
    return f"(SELECT * FROM {relation} WHERE NOT {_GONE})"


def filter_of(con: duckdb.DuckDBPyConnection, relation: str) -> ds.Expression | None:
    """What `kept` says, for Arrow; None when nothing is left out.

    Arguments:
        con: has the `TABLE` that `find` made.
        relation: the events.
    """
    erased = con.sql(f"SELECT * FROM {TABLE}").to_arrow_table()
    rulings = con.sql(f"SELECT {C.EVENT_ID} FROM {relation} WHERE {RULED} AND {_GONE}")
    by_until: dict[int, list[str]] = {}
    for row in erased.to_pylist():
        by_until.setdefault(row["until"], []).append(row["customer_id"])
    found: ds.Expression | None = None
    ruled = [event_id for (event_id,) in rulings.fetchall()]
    if ruled:  # Arrow reads no JSON
        found = ds.field(C.EVENT_ID).isin(ruled)
    first = pc.list_element(ds.field(C.IDENTIFIERS), pc.scalar(0))  # a list is null or has one
    unpushed = pc.if_else(
        pc.starts_with(first, pattern="push:"), pa.scalar(None, pa.string()), first
    )
    visited = pc.binary_join_element_wise(
        pc.scalar("anonymous:"), ds.field(C.ANONYMOUS_ID), pc.scalar("")
    )
    leading = pc.coalesce(ds.field(C.USER_ID), unpushed, visited, first)
    for until, names in by_until.items():
        theirs = leading.isin(names)
        # not "is null" as well: an event without ids is nobody's
        moment = pa.scalar(until, pa.timestamp("ms", tz="UTC"))
        early = (ds.field(C.TIMESTAMP) <= moment) | (ds.field(C.RECEIVED_AT) <= moment)
        out = theirs & early
        found = out if found is None else found | out
    return None if found is None else ~found


def rejected_gone(con: duckdb.DuckDBPyConnection, relation: str, erasures: Erasures) -> str:
    """SQL of rejected rows (`quarantine.SCHEMA`) without those that name an erased id.

    They tell no instant that could be trusted, so all of that id go.
    """
    until = erasures.until()
    names: list[str] = []
    if until:
        ids = con.sql(
            f"""SELECT DISTINCT customer_id FROM (
                SELECT {C.USER_ID} AS customer_id FROM {relation} UNION ALL
                SELECT 'anonymous:' || {C.ANONYMOUS_ID} FROM {relation})
            WHERE customer_id IS NOT NULL"""
        )
        for batch in ids.to_arrow_reader(_IDS_AT_ONCE):
            names += [n for n in batch.column(0).to_pylist() if erasures.hash(n) in until]
    if not names:
        return relation
    con.register("_named", pa.table([names], names=["customer_id"]))
    con.execute("CREATE OR REPLACE TEMP TABLE _erased_names AS SELECT * FROM _named")
    con.unregister("_named")
    return f"""(SELECT * FROM {relation} WHERE
        coalesce({C.USER_ID}, '') NOT IN (SELECT customer_id FROM _erased_names)
        AND coalesce('anonymous:' || {C.ANONYMOUS_ID}, '')
            NOT IN (SELECT customer_id FROM _erased_names))"""
