"""Numbers for strings: append-only dictionaries of products and people."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Column, Connection, func, select

from serving.store import schema as t
from serving.store.database import Database, Lock

T = TypeVar("T")

_IN_LIMIT = 500
"""Values looked up with one statement, below every database's limit of parameters."""


def number_products(
    database: Database, connection: Connection, products: Mapping[str, int | None]
) -> dict[str, int]:
    """Numbers of products; new ones are added to the dictionary, after the highest.

    Arguments:
        database: whose dictionary.
        connection: in a transaction.
        products: when each was first seen, by product id.
    """
    found = _found(connection, t.products.c.product_id, t.products.c.number, products)
    if len(found) == len(products):
        return found
    database.lock(connection, Lock.PRODUCTS)
    others = [product_id for product_id in products if product_id not in found]
    found |= _found(connection, t.products.c.product_id, t.products.c.number, others)
    missing = [product_id for product_id in others if product_id not in found]
    if missing:
        highest = connection.scalar(select(func.max(t.products.c.number)))
        start = 0 if highest is None else int(highest) + 1
        found.update(zip(missing, range(start, start + len(missing)), strict=True))
        database.insert(
            connection,
            t.products,
            [{"number": found[i], "product_id": i, "first_seen_at": products[i]} for i in missing],
        )
    return found


def number_people(
    database: Database, connection: Connection, customer_ids: Iterable[str]
) -> dict[str, int]:
    """Numbers of these customers; new ones are added, each their own owner.

    They are added in the order of their ids: two transactions that add the same customers wait
    for one another, never in a circle.
    """
    wanted = set(customer_ids)
    found = _found(connection, t.people.c.customer_id, t.people.c.number, wanted)
    missing = sorted(wanted - found.keys())
    if missing:
        numbers = database.people_numbers(connection, len(missing))
        database.insert(
            connection,
            t.people,
            [
                {"number": number, "customer_id": customer_id, "owner": number}
                for number, customer_id in zip(numbers, missing, strict=True)
            ],
            "skip",
        )
        found |= _found(connection, t.people.c.customer_id, t.people.c.number, missing)
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
