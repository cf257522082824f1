"""Which person stands behind an identifier: a pure function of the set of links.

A *link* says that an anonymous id was seen together with a user id. The order in which links
arrive, and how often, does not matter.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from features.columns import Columns as C
from features.events.event import ANONYMOUS_PREFIX

LINKED_AT = "linked_at"
SHARED_AT = "shared_at"

LINKS = pa.schema(
    [
        pa.field(C.USER_ID, pa.string(), nullable=False),
        pa.field(C.ANONYMOUS_ID, pa.string(), nullable=False),
        pa.field(LINKED_AT, pa.int64(), nullable=False),
    ]
)
"""Links as a table; `linked_at` is the instant since when the link is known."""


@dataclass(frozen=True, order=True)
class Link:
    """An anonymous id seen with a user id, known since `linked_at` (instant)."""

    user_id: str
    anonymous_id: str
    linked_at: int


@dataclass(frozen=True)
class Owner:
    """The user an anonymous id belongs to, and since when that is known (instant)."""

    user_id: str
    linked_at: int


def table_of(links: Iterable[Link]) -> pa.Table:
    """Links as a table of schema `LINKS`."""
    return pa.Table.from_pylist([vars(link) for link in links], schema=LINKS)


def ownerships(links: pa.Table) -> pa.Table:
    """Whose each anonymous id was, and from when until when: LINKS with `SHARED_AT`, sorted by id.

    It belongs to the first user it is linked with, until it is linked with a second one; then
    to neither. `SHARED_AT` is null where that never happened. Of two users linked at the same
    instant it belongs to none.
    """
    first = links.group_by([C.ANONYMOUS_ID, C.USER_ID], use_threads=False).aggregate(
        [(LINKED_AT, "min")]
    )
    seen: dict[str, list[tuple[int, str]]] = {}
    for row in first.to_pylist():
        of = seen.setdefault(row[C.ANONYMOUS_ID], [])
        of.append((row[f"{LINKED_AT}_min"], row[C.USER_ID]))
    rows = []
    for anonymous_id, users in sorted(seen.items()):
        (linked_at, user_id), *others = sorted(users)
        shared_at = others[0][0] if others else None
        if shared_at != linked_at:
            rows.append(
                {
                    C.USER_ID: user_id,
                    C.ANONYMOUS_ID: anonymous_id,
                    LINKED_AT: linked_at,
                    SHARED_AT: shared_at,
                }
            )
    return pa.Table.from_pylist(rows, schema=LINKS.append(pa.field(SHARED_AT, pa.int64())))


def people(links: pa.Table) -> pa.Table:
    """Who the anonymous ids belong to by all links: schema `LINKS`, sorted by anonymous id.

    An anonymous id linked with exactly one user id belongs to that user since the first link.
    One that is linked with several (a shared tablet) belongs to none of them.
    """
    grouped = links.group_by(C.ANONYMOUS_ID, use_threads=False).aggregate(
        [(C.USER_ID, "count_distinct"), (C.USER_ID, "min"), (LINKED_AT, "min")]
    )
    single = grouped.filter(pc.equal(grouped[f"{C.USER_ID}_count_distinct"], 1))
    owned = pa.Table.from_arrays(
        [single[f"{C.USER_ID}_min"], single[C.ANONYMOUS_ID], single[f"{LINKED_AT}_min"]],
        schema=LINKS,
    )
    return owned.sort_by(C.ANONYMOUS_ID)


def owner(links: Iterable[Link], anonymous_id: str) -> Owner | None:
    """The user an anonymous id belongs to by these links; None when it is a person of its own."""
    owned = people(table_of(link for link in links if link.anonymous_id == anonymous_id))
    if not owned.num_rows:
        return None
    return Owner(owned[C.USER_ID][0].as_py(), owned[LINKED_AT][0].as_py())


def customer_id(user_id: str | None, anonymous_id: str | None) -> str:
    """The customer id of an event's person, before links are looked at.

    >>> customer_id(None, "basket-7")
    'anonymous:basket-7'
    """
    return user_id if user_id is not None else f"{ANONYMOUS_PREFIX}{anonymous_id}"
