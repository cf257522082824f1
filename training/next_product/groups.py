"""Kinds of customers and of purchases that figures are told apart for."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.instants import DAY_MS
from features.timeline import Timelines
from training.dataset import Orders
from training.metrics import Floats
from training.next_product.scores import Truth

COLD_DAYS: Final = 30
"""A product first seen within so many days is new: it has hardly been bought by anybody."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Group:
    """Customers with something in common, or purchases of certain products."""

    key: str
    """In the names of figures."""
    name: str
    """In words."""
    customers: Flags
    """Who counts, shape (customers,)."""
    products: Flags | None = None
    """Which purchases count, shape (purchases,); all of these customers' when None."""

    def truth(self, truth: Truth) -> Truth:
        """What of the truth counts."""
        return truth if self.products is None else truth.only(self.products)

    def only(self, values: Floats) -> Floats:
        """A figure of each customer, NaN where one does not count."""
        return np.where(self.customers, values, np.nan)


def groups(
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    at: int,
    truth: Truth,
    first_seen_at: npt.NDArray[np.int64],
) -> list[Group]:
    """Thirds of the customers by number of orders, those with one order, and new products.

    Thirds are as equal as equal numbers of orders allow; empty ones are left out.

    Arguments:
        timelines: all customers.
        customers: places in the timelines.
        at: int64 ms UTC; orders before it count.
        truth: what these customers bought afterwards.
        first_seen_at: of each product; see `first_seen`.
    """
    orders = Orders.of(timelines)
    count = np.bincount(orders.customer[orders.before(at)], minlength=len(timelines))[customers]
    low, high = (int(edge) for edge in np.quantile(count, [1 / 3, 2 / 3], method="lower"))
    new = (first_seen_at >= at - COLD_DAYS * DAY_MS) & (first_seen_at < at)
    everyone = np.ones(len(customers), np.bool_)
    out = [
        Group("few_orders", _words("up to", low), count <= low),
        Group("some_orders", _between(low + 1, high), (count > low) & (count <= high)),
        Group("many_orders", f"more than {high:,} orders", count > high),
        Group("one_order", "one order so far", count == 1),
        Group(
            "new_products",
            f"new products ({COLD_DAYS} days)",
            everyone,
            new[truth.products],
        ),
    ]
    return [g for g in out if g.customers.any() and (g.products is None or g.products.any())]


def first_seen(timelines: Timelines, catalog: Catalog) -> npt.NDArray[np.int64]:
    """When each parent was first seen: what the catalogue says, else its first event.

    What neither knows of counts as never.
    """
    never = np.iinfo(np.int64).max
    out = np.full(len(catalog), never)
    rows = timelines.rows
    some = rows.product >= 0
    np.minimum.at(out, catalog.parent[rows.product[some]], rows.at[some])
    told = np.full(len(catalog), never)
    known = catalog.first_seen_at > 0
    np.minimum.at(told, catalog.parent[known], catalog.first_seen_at[known])
    return np.where(told < never, told, out)


def _words(before: str, orders: int) -> str:
    return f"{before} {orders:,} order{'s' if orders != 1 else ''}"


def _between(low: int, high: int) -> str:
    return f"{low:,} orders" if low >= high else f"{low:,} to {high:,} orders"
