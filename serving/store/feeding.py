"""What product feeds say, numbered in the order in which they became visible."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from features.catalog import Product
from serving.store import schema as t
from serving.store import statements
from serving.store.database import Database, Lock
from serving.store.numbering import number_products
from serving.store.records import FedProduct, ProductChange


def feed(
    database: Database, connection: Connection, changes: Sequence[ProductChange], at: int
) -> None:
    """Keep what a feed says, inside a transaction; see `Store.feed`."""
    if not changes:
        return
    # held to the end, so that feeds become visible in the order of their numbers
    database.lock(connection, Lock.PRODUCTS)
    named = dict.fromkeys((change.product_id for change in changes), at)
    numbers = number_products(database, connection, named)
    feed_number = (connection.scalar(select(func.max(t.products.c.fed))) or 0) + 1
    # by rising number, as all who write several do, so that no two wait for one another
    ordered = sorted(changes, key=lambda change: numbers[change.product_id])
    connection.execute(
        statements.FEED,
        [{"of": numbers[c.product_id], "feed": feed_number, **_told(c)} for c in ordered],
    )


def fed(connection: Connection, after: int) -> list[FedProduct]:
    """The products of later feeds; see `Store.fed`."""
    found = []
    for row in connection.execute(statements.FED, {"after": after}).mappings():
        said = {name: value for name, value in row.items() if name != "fed"}
        said["attributes"] = json.loads(row["attributes"] or "{}")
        found.append(FedProduct(row["fed"], Product(**said)))
    return found


def _told(change: ProductChange) -> dict[str, Any]:
    attributes = change.attributes
    return {
        "its_parent_id": change.parent_id,
        "its_title": change.title,
        "its_category": change.category,
        "its_brand": change.brand,
        "its_price": change.price,
        "its_attributes": None if attributes is None else json.dumps(dict(attributes)),
        "its_available": change.available,
    }
