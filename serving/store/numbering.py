"""Numbers for strings: append-only dictionaries of products and people."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, func, select

from serving.store import schema as t
from serving.store.database import Database, Lock

T = TypeVar("T")

_LIST_LIMIT = 10_000
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
    found = _numbers(database, connection, t.products.c.product_id, products)
    if len(found) == len(products):
        return found
    database.lock(connection, Lock.PRODUCTS)
    others = [product_id for product_id in products if product_id not in found]
    found |= _numbers(database, connection, t.products.c.product_id, others)
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
    found = _numbers(database, connection, t.people.c.customer_id, wanted)
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
        found |= _numbers(database, connection, t.people.c.customer_id, missing)
    return found


def slices(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in runs short enough for one statement's list of parameters."""
    for start in range(0, len(values), _LIST_LIMIT):
        yield values[start : start + _LIST_LIMIT]


def rows_among(
    database: Database, connection: Connection, sql: str, values: Collection[Any]
) -> Iterator[Any]:
    """The rows of a SELECT that says where `{among}` stands for "is one of the values"."""
    for part in slices(list(values)):
        one_of, parameters = database.among(part)
        yield from connection.exec_driver_sql(sql.format(among=one_of), parameters)


def _numbers(
    database: Database, connection: Connection, name: Column[str], names: Collection[str]
) -> dict[str, int]:
    sql = f"SELECT {name.name}, number FROM {name.table.name} WHERE {name.name} {{among}}"
    return dict(rows_among(database, connection, sql, names))
