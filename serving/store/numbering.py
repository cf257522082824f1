"""Numbers for strings: append-only dictionaries of products and people.

All functions need the writer's lock: the next number is the one after the highest.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Column, Connection, func, insert, select

from serving.store import schema as t

T = TypeVar("T")

_IN_LIMIT = 500
"""Values looked up with one statement, below every database's limit of parameters."""


def number_products(connection: Connection, products: Mapping[str, int | None]) -> dict[str, int]:
    """Numbers of products; new ones are added to the dictionary.

    Arguments:
        connection: in a transaction that holds the write lock.
        products: when each was first seen, by product id.
    """
    found = _found(connection, t.products.c.product_id, t.products.c.number, products)
    missing = [product_id for product_id in products if product_id not in found]
    if missing:
        start = _next_number(connection, t.products.c.number)
        found.update(zip(missing, range(start, start + len(missing)), strict=True))
        connection.execute(
            insert(t.products),
            [{"number": found[i], "product_id": i, "first_seen_at": products[i]} for i in missing],
        )
    return found


def number_people(connection: Connection, customer_ids: Iterable[str]) -> dict[str, int]:
    """Numbers of these customers; new ones are added, each their own owner."""
    wanted = dict.fromkeys(customer_ids)
    found = _found(connection, t.people.c.customer_id, t.people.c.number, wanted)
    missing = [customer_id for customer_id in wanted if customer_id not in found]
    if missing:
        start = _next_number(connection, t.people.c.number)
        found.update(zip(missing, range(start, start + len(missing)), strict=True))
        connection.execute(
            insert(t.people),
            [{"number": found[i], "customer_id": i, "owner": found[i]} for i in missing],
        )
    return found


def slices(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in runs short enough for one statement's list of parameters."""
    for start in range(0, len(values), _IN_LIMIT):
        yield values[start : start + _IN_LIMIT]


def _found(
    connection: Connection, name: Column[str], number: Column[int], names: Collection[str]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in slices(list(names)):
        rows = connection.execute(select(name, number).where(name.in_(part)))
        found.update(rows.all())
    return found


def _next_number(connection: Connection, number: Column[int]) -> int:
    highest = connection.scalar(select(func.max(number)))
    return 0 if highest is None else int(highest) + 1
