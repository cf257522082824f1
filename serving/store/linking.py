"""Which anonymous ids belong to which users, kept as `people.owner` for the hot path."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from features.columns import Columns as C
from features.identity import Link, customer_id, people, table_of
from serving.store import schema as t
from serving.store.numbering import number_people, slices


def add_links(connection: Connection, links: Sequence[Link]) -> None:
    """Keep links, each with its first instant, and settle anew whose the anonymous ids are."""
    known = set(_of(connection, {link.anonymous_id for link in links}))
    since = {(link.user_id, link.anonymous_id): link.linked_at for link in known}
    new = [
        link
        for link in links
        if link.linked_at < since.get((link.user_id, link.anonymous_id), link.linked_at + 1)
    ]
    if not new:
        return
    statement = upsert(t.links)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["anonymous_id", "user_id"],
            set_={"linked_at": func.min(t.links.c.linked_at, statement.excluded.linked_at)},
        ),
        [vars(link) for link in new],
    )
    _settle(connection, dict.fromkeys(link.anonymous_id for link in new))


def touch(connection: Connection, numbers: Iterable[int]) -> None:
    """Raise the version of these people: something about them changed."""
    changed = [{"of": number} for number in numbers]
    if changed:
        connection.execute(
            update(t.people)
            .where(t.people.c.number == bindparam("of"))
            .values(version=t.people.c.version + 1),
            changed,
        )


def _settle(connection: Connection, visitors: Iterable[str]) -> None:
    links = _of(connection, visitors)
    belongs = {row[C.ANONYMOUS_ID]: row for row in people(table_of(links)).to_pylist()}
    numbers = number_people(
        connection,
        [
            *(link.user_id for link in links),
            *(customer_id(None, visitor) for visitor in visitors),
        ],
    )
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
    touch(connection, numbers.values())


def _of(connection: Connection, visitors: Iterable[str]) -> list[Link]:
    links = t.links.c
    found: list[Link] = []
    for part in slices(sorted(visitors)):
        rows = connection.execute(
            select(links.user_id, links.anonymous_id, links.linked_at).where(
                links.anonymous_id.in_(part)
            )
        )
        found += [Link(*row) for row in rows]
    return found
