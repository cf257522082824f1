"""Which anonymous ids belong to which users, kept as `people.owner` for the hot path."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, update

from features.columns import Columns as C
from features.identity import Link, customer_id, people, table_of
from serving.store import schema as t
from serving.store.database import Database
from serving.store.numbering import rows_among, slices


def linked(links: Iterable[Link]) -> set[str]:
    """The customer ids of links: both sides of each."""
    return {link.user_id for link in links} | {
        customer_id(None, link.anonymous_id) for link in links
    }


def add_links(
    database: Database, connection: Connection, links: Sequence[Link], numbers: Mapping[str, int]
) -> None:
    """Keep links, each with its first instant, and settle anew whose the anonymous ids are.

    Arguments:
        database: where to.
        connection: in a transaction that has locked the people of the links.
        links: what to keep.
        numbers: of the people of the links, by customer id.
    """
    since = {
        (link.user_id, link.anonymous_id): link.linked_at
        for link in _of(database, connection, {link.anonymous_id for link in links})
    }
    new: dict[tuple[str, str], Link] = {}
    for link in links:
        pair = (link.user_id, link.anonymous_id)
        if link.linked_at < since.get(pair, link.linked_at + 1):
            since[pair] = link.linked_at
            new[pair] = link
    if not new:
        return
    database.insert(connection, t.links, [vars(link) for link in new.values()], "replace")
    _settle(database, connection, {link.anonymous_id for link in new.values()}, numbers)
    touch(database, connection, {numbers[person] for person in linked(new.values())})


def touch(database: Database, connection: Connection, numbers: Iterable[int]) -> None:
    """Raise the version of these people: something about them changed."""
    for part in slices(sorted(numbers)):
        one_of, parameters = database.among(part)
        connection.exec_driver_sql(
            f"UPDATE people SET version = version + 1 WHERE number {one_of}", parameters
        )


def _settle(
    database: Database,
    connection: Connection,
    visitors: Collection[str],
    numbers: Mapping[str, int],
) -> None:
    told = table_of(_of(database, connection, visitors))
    belongs = {row[C.ANONYMOUS_ID]: row for row in people(told).to_pylist()}
    settled = []
    for visitor in visitors:
        person = numbers[customer_id(None, visitor)]
        owned = belongs.get(visitor)
        settled.append(
            {
                "of": person,
                "its_owner": person if owned is None else numbers[owned[C.USER_ID]],
                "since": None if owned is None else owned["linked_at"],
            }
        )
    connection.execute(
        update(t.people)
        .where(t.people.c.number == bindparam("of"))
        .values(owner=bindparam("its_owner"), linked_at=bindparam("since")),
        settled,
    )


def _of(database: Database, connection: Connection, visitors: Collection[str]) -> list[Link]:
    sql = "SELECT user_id, anonymous_id, linked_at FROM links WHERE anonymous_id {among}"
    return [Link(*row) for row in rows_among(database, connection, sql, visitors)]
