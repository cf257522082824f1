"""The shop's tables of orders and of their lines."""

import numpy as np
import pyarrow as pa

from training.simulation.arrays import Flags
from training.simulation.arrival import lateness
from training.simulation.orders import Orders, checkout
from training.simulation.people import STORE, WEB, People
from training.simulation.table import TIMESTAMP, Words, ids, words
from training.simulation.world import World

ORDERS = pa.schema(
    [
        pa.field("order_id", pa.string(), nullable=False),
        pa.field("user_id", pa.string()),
        pa.field("anonymous_id", pa.string()),
        pa.field("checkout_id", pa.string()),
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("received_at", TIMESTAMP, nullable=False),
        pa.field("total", pa.float64()),
        pa.field("discount", pa.float64()),
        pa.field("coupon", pa.string()),
        pa.field("currency", pa.string()),
        pa.field("channel", pa.string()),
    ]
)
"""One row per order. total: what was paid, the lines less the discount; discount: coupon and
points. Guests have an anonymous_id only; orders in stores have no checkout_id, and the tills send
some of them at night."""

LINES = pa.schema(
    [
        pa.field("order_id", pa.string(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("quantity", pa.float64()),
        pa.field("price", pa.float64()),
    ]
)
"""One row per product in an order; price is that of one piece, before any discount."""


def sales(
    world: World, people: People, orders: Orders, words_of: Words, rng: np.random.Generator
) -> tuple[pa.Table, pa.Table]:
    """The orders of a block that the shop knows of at the end, by customer and time; their lines.

    Arguments:
        world: the shop, whose period is kept.
        people: the block.
        orders: all its orders.
        words_of: what `table.dictionaries` gives.
        rng: decides how late the tills are.
    """
    at = np.floor(orders.at)
    in_store = orders.channel == STORE
    received = at + np.floor(lateness(np.where(in_store, STORE, WEB), at, rng))
    known = np.flatnonzero(received < world.end_at)
    person, channel = orders.person[known], orders.channel[known]
    number, customer = people.number[person], people.customer[person]
    orders_table = pa.table(
        [
            ids("o", orders.number[known]),
            ids("c", np.where(customer, number, -1)),
            ids("a", np.where(customer, -1, people.device(person, channel))),
            ids("k", np.where(in_store, -1, checkout(orders.number))[known]),
            pa.array(at[known].astype(np.int64)).cast(TIMESTAMP),
            pa.array(received[known].astype(np.int64)).cast(TIMESTAMP),
            pa.array(orders.total[known] / 100),
            pa.array(orders.discount[known] / 100),
            words(words_of["coupon"], orders.coupon[known]),
            words(words_of["currency"], np.zeros(len(known), np.int64)),
            words(words_of["channel"], channel),
        ],
        schema=ORDERS,
    )
    return orders_table, _lines(world, people, orders, words_of, received < world.end_at)


def _lines(world: World, people: People, orders: Orders, words_of: Words, known: Flags) -> pa.Table:
    lines = orders.lines
    row = np.flatnonzero(known[lines.order])
    order = lines.order[row]
    product = world.variant(lines.style[row], people.size[orders.person[order]])
    return pa.table(
        [
            ids("o", orders.number[order]),
            pa.array(np.arange(len(order)) - np.searchsorted(order, order), pa.int32()),
            words(words_of["product_id"], product),
            pa.array(lines.quantity[row], pa.float64()),
            pa.array(lines.price[row] / 100),
        ],
        schema=LINES,
    )
