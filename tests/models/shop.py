"""Small shops whose right answers can be seen."""

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.events.schema import schema
from features.instants import DAY_MS
from features.timeline import ROW, Timeline, Timelines
from models.next_product import Candidates
from models.next_product.history import Histories

Baskets = list[tuple[float, list[int]]]
"""The day of each order, and its products."""

START = 20_000 * DAY_MS


def day(number: float) -> int:
    """The instant of a day of the shop."""
    return START + int(number * DAY_MS)


def timeline(baskets: Baskets, viewed: Baskets = [], price: float = 10.0) -> Timeline:  # noqa: B006
    """One customer's orders, one piece of each product, and views."""
    rows = []
    for number, products in baskets:
        at = day(number)
        total = price * len(products)
        rows.append((at, at, total, len(products), 0.0, -1, schema().code("Order Completed"), 1))
        line = schema().code("Order Line")
        rows += [(at, at, price, 1.0, price, product, line, 1) for product in products]
    for number, products in viewed:
        at = day(number)
        view = schema().code("Product Viewed")
        rows += [(at, at, price, np.nan, np.nan, product, view, 1) for product in products]
    return Timeline.of(np.array(rows, ROW))


def catalog(products: int, **fields: object) -> Catalog:
    """Products p0, p1, … titled Product 0, Product 1, …"""
    return Catalog.of(
        Product(ProductId(f"p{i}"), title=f"Product {i}", price=10.0, **fields)  # type: ignore[arg-type]
        for i in range(products)
    )


def checkerboard(customers: int = 40, products: int = 10) -> Timelines:
    """Even customers look at and buy even products, odd ones odd products; each leaves one out."""
    people = []
    for c in range(customers):
        mine = [p for p in range(products) if p % 2 == c % 2]
        left_out = mine[(c // 2) % len(mine)]
        wanted = [p for p in mine if p != left_out]
        baskets = [(1.0, wanted[::2]), (2.0, wanted[1::2])]
        people.append((f"c{c:03d}", timeline(baskets, viewed=[(20, wanted)])))
    return Timelines.of(people)


def seeded_shop(customers: int = 300, products: int = 30, days: int = 360) -> Timelines:
    """Regulars who order every 20 days, others who leave after a while; tastes by parity."""
    drawn = np.random.default_rng(7)
    people = []
    for c in range(customers):
        stays = c % 2 == 0
        begin = drawn.uniform(0, 60 if stays else 250)
        end = days if stays else begin + drawn.exponential(25)
        baskets, now = [], begin
        while now < end:
            taste = np.arange(c % 3, products, 3)
            baskets.append((float(now), [int(p) for p in drawn.choice(taste, 3, replace=False)]))
            now += drawn.uniform(15, 25) if stays else drawn.uniform(5, 40)
        people.append((f"c{c:04d}", timeline(baskets)))
    return Timelines.of(people)


def scores(generator: Candidates, asked: Histories) -> npt.NDArray[np.float32]:
    """What a fitted generator thinks of all products, shape (customers, products)."""
    width = generator.n_products_
    everything = np.tile(np.arange(width, dtype=np.int32), len(asked))
    offsets = np.arange(len(asked) + 1) * width
    return generator.opinions(asked).of(offsets, everything).reshape(len(asked), width)
