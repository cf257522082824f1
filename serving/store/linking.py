"""Who is one person, kept as `people.owner` for the hot path and settled anew where it may change.

What is settled is the group of identifiers that the new links or rulings reach. A group does not
reach through an identifier that is known to join nobody: a store's tablet with ten thousand users
is looked at until it has too many, and not again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, update

from features.events.identifiers import Rules
from features.identity import BLOCKED, SHARED, Link, Ruling, link_key, resolve
from serving.store import schema as t
from serving.store.database import Database
from serving.store.numbering import rows_among, slices


def linked(links: Iterable[Link], rulings: Iterable[Ruling] = ()) -> set[str]:
    """The identifiers of links and rulings: both sides of each."""
    return {end for link in links for end in (link.stronger, link.weaker)} | {
        end for ruling in rulings for end in (ruling.into, ruling.other)
    }


def add_links(
    database: Database,
    connection: Connection,
    links: Sequence[Link],
    rulings: Sequence[Ruling],
    rules: Rules,
) -> None:
    """Keep links, each with its first instant, and rulings, and settle anew whom they touch.

    Arguments:
        database: where to.
        connection: in a transaction that has locked the people of the links and rulings.
        links: what to keep; their people are numbered.
        rulings: likewise.
        rules: the shop's limits.
    """
    known = _links(database, connection, {link.stronger for link in links}, ("stronger",))
    since = {link_key(link): link.linked_at for link in known}
    new: dict[tuple[str, str, int], Link] = {}
    for link in links:
        key = link_key(link)
        if link.linked_at < since.get(key, link.linked_at + 1):
            since[key] = link.linked_at
            new[key] = link
    told = [vars_of(link) for link in new.values()]
    database.insert(connection, t.links, told, "replace")
    database.insert(connection, t.rulings, [r._asdict() for r in rulings], "skip")
    touched = linked(new.values(), rulings)
    # an identifier that was erased with one person, and that another goes on to use, is new again
    fresh = rows_among(database, connection, _FRESH, {link.weaker for link in links} - touched)
    touched |= {identifier for (identifier,) in fresh}
    settle(database, connection, touched, rules)


_FRESH = """\
SELECT customer_id FROM people WHERE version = 0 AND owner = number AND customer_id {among}"""


def vars_of(link: Link) -> dict[str, object]:
    """A link as a row."""
    return {**link._asdict(), "day": link_key(link)[2]}


def settle(
    database: Database,
    connection: Connection,
    touched: Collection[str],
    rules: Rules,
    now: int | None = None,
) -> None:
    """Say anew who leads whom in the groups of these identifiers.

    Arguments:
        database: where.
        connection: in a transaction.
        touched: whose groups.
        rules: the shop's limits.
        now: the instant that decides what has expired; that of the group's last news when None.
    """
    if not touched:
        return
    group = _group(database, connection, touched)
    while True:  # whoever changed the group meanwhile is waited for, and seen
        database.lock_people(connection, [row.number for row in group.people.values()])
        again = _group(database, connection, touched)
        if again.people.keys() <= group.people.keys():
            break
        group = again
    links, rulings = again.links, again.rulings
    refused = resolve(links, rulings, rules).refused
    ended = {each for each, why in refused.items() if why.startswith(_FINAL)}
    # what joins nobody any more must not tell since when others are joined: who comes later, when
    # it is closed, does not see it
    links = {k for k in links if k.stronger not in ended and k.weaker not in ended}
    news = [link.linked_at for link in links] + [ruling.at for ruling in rulings]
    found = resolve(links, rulings, rules)
    present = found.at(max(news, default=0) if now is None else now)
    changed = []
    for identifier, row in again.people.items():
        span = present.get(identifier)
        owner, since = row.number, None
        if span is not None and span.owner != identifier and span.owner in again.people:
            owner, since = again.people[span.owner].number, span.since
        why = refused[identifier] if identifier in ended else found.refused.get(identifier)
        if (row.owner, row.linked_at, row.refused) != (owner, since, why):
            changed.append({"of": row.number, "its_owner": owner, "since": since, "reason": why})
    if changed:
        connection.execute(_SETTLE, changed)
        touch(database, connection, {row.number for row in again.people.values()})


_SETTLE = (
    update(t.people)
    .where(t.people.c.number == bindparam("of"))
    .values(owner=bindparam("its_owner"), linked_at=bindparam("since"), refused=bindparam("reason"))
)


def touch(database: Database, connection: Connection, numbers: Iterable[int]) -> None:
    """Raise the version of these people: something about them changed."""
    for part in slices(sorted(numbers)):
        one_of, parameters = database.among(part)
        connection.exec_driver_sql(
            f"UPDATE people SET version = version + 1 WHERE number {one_of}", parameters
        )


@dataclass(frozen=True)
class _Group:
    """Identifiers that reach one another, and all that was said of them."""

    people: dict[str, Any]
    links: set[Link]
    rulings: set[Ruling]


def _group(database: Database, connection: Connection, touched: Collection[str]) -> _Group:
    """What these reach; nobody is reached through what is known to join nobody."""
    people: dict[str, Any] = {}
    links: set[Link] = set()
    rulings: set[Ruling] = set()
    closed: set[str] = set()
    seen: set[str] = set()
    new = set(touched)
    while new:
        seen |= new
        rows = _people(database, connection, new)
        closed |= {i for i, row in rows.items() if (row.refused or "").startswith(_FINAL)}
        new -= closed
        people |= {each: rows[each] for each in new if each in rows}  # not who was erased
        said = _rulings(database, connection, new)
        found = _links(database, connection, new)
        links.update(found)
        rulings.update(said)
        new = linked(found, said) - seen
    open_ = {k for k in links if k.stronger not in closed and k.weaker not in closed}
    return _Group(people, open_, rulings)


_FINAL = (SHARED, BLOCKED)


def _links(
    database: Database,
    connection: Connection,
    identifiers: Collection[str],
    sides: Sequence[str] = ("stronger", "weaker"),
) -> list[Link]:
    sql = "SELECT stronger, weaker, linked_at FROM links WHERE {} {{among}}"
    return [
        Link(*row)
        for side in sides
        for row in rows_among(database, connection, sql.format(side), identifiers)
    ]


def _rulings(
    database: Database, connection: Connection, identifiers: Collection[str]
) -> list[Ruling]:
    sql = 'SELECT at, "into", other, same FROM rulings WHERE {} {{among}}'
    return [
        Ruling(row.at, row.into, row.other, bool(row.same))
        for side in ('"into"', "other")
        for row in rows_among(database, connection, sql.format(side), identifiers)
    ]


def _people(
    database: Database, connection: Connection, identifiers: Collection[str]
) -> Mapping[str, Any]:
    sql = (
        "SELECT customer_id, number, owner, linked_at, refused FROM people "
        "WHERE customer_id {among}"
    )
    return {row.customer_id: row for row in rows_among(database, connection, sql, identifiers)}
