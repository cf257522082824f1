"""A shop with three kinds of customers, so that the right personas are known."""

from functools import cache

import numpy as np
import numpy.typing as npt

from features.compute import matrix
from features.definitions import FEATURES
from features.events.schema import schema
from features.instants import DAY_MS
from features.reference import Reference
from features.timeline import ROW, Timeline, Timelines
from tests.models.shop import catalog, day

NAMES = tuple(feature.name for feature in FEATURES)
PRODUCTS = 12
DAYS = 390

# days between orders, products of an order, price of one, share of it that is discounted
HABITS = {
    "regular": (15.0, 2, 10.0, 0.0),
    "feast": (90.0, 10, 40.0, 0.0),
    "bargain": (45.0, 3, 12.0, 0.4),
}
KINDS = tuple(HABITS)


@cache
def people(customers: int = 450, seed: int = 3) -> Timelines:
    """Customer i is of kind i modulo three; each orders from some day on to the end."""
    drawn = np.random.default_rng(seed)
    return Timelines.of([(f"c{i:04d}", _orders(drawn, KINDS[i % 3])) for i in range(customers)])


def features(at: float, seed: int = 3) -> npt.NDArray[np.float32]:
    """All features of everybody on a day of the shop, shape (customers, FEATURES)."""
    timelines, products = people(seed=seed), catalog(PRODUCTS)
    everyone = np.arange(len(timelines))
    facts = Reference.as_of(timelines, products, day(at))
    return matrix(timelines, everyone, np.full(len(everyone), day(at)), products, facts)


def kinds(customers: int = 450) -> npt.NDArray[np.int64]:
    """The kind of each customer, a place in KINDS."""
    return np.arange(customers) % 3


def _orders(drawn: np.random.Generator, kind: str) -> Timeline:
    gap, pieces, price, discount = HABITS[kind]
    order, line = schema().code("Order Completed"), schema().code("Order Line")
    rows = []
    now = drawn.uniform(0, 60)
    while now < DAYS:
        at = day(now)
        count = max(1, drawn.poisson(pieces))
        each = price * drawn.lognormal(0, 0.2)
        total = each * count * (1 - discount)
        rows.append((at, at, total, count, each * count * discount, -1, order, 1))
        bought = drawn.integers(PRODUCTS, size=count)
        rows += [(at, at, each, 1.0, each, product, line, 1) for product in bought]
        now += gap * drawn.gamma(4, 1 / 4) + 1 / DAY_MS
    return Timeline.of(np.array(rows, ROW))
