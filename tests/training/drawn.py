"""Shops drawn at random whose customers order at rates of their own until they leave."""

import csv
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from features.timeline import Timelines
from models.churn import ChurnModel
from tests.models.shop import Baskets, catalog, day, timeline
from training.dataset import ChurnRows, churn_rows
from training.fit import train_churn
from training.recipe import ChurnRecipe

RECIPE = ChurnRecipe(horizon_days=30, instants=4, trees=30, min_rows=20)
"""Trains in a second."""

People = list[Baskets]
"""Of each customer, in the order of their numbers."""


def people(
    customers: int,
    days: float = 400,
    *,
    gap: float = 20,
    life: float = 250,
    closed: tuple[float, float] = (0, 0),
    seed: int = 0,
) -> People:
    """Customers who come for the first time in the first half of the days.

    Arguments:
        customers: how many.
        days: the day on which the shop's history ends.
        gap: usual days between two orders.
        life: mean days until a customer leaves unseen.
        closed: the days from which and until which nobody can order.
        seed: of all chance.
    """
    rng, out = np.random.default_rng(seed), []
    for _ in range(customers):
        now = rng.uniform(0, days / 2)
        end, own = min(days, now + rng.exponential(life)), gap * rng.gamma(4, 1 / 4)
        baskets: Baskets = [(float(now), [0])]
        while (now := now + rng.exponential(own)) < end:
            baskets.append((float(now), [int(rng.integers(5))]))
        out.append([order for order in baskets if not closed[0] <= order[0] < closed[1]])
    return [baskets for baskets in out if baskets]


def punctual(customers: int, every: float, days: float) -> People:
    """Customers who order every so many days, not all on the same day."""
    first = np.arange(customers) / customers * every
    return [[(float(now), [0]) for now in np.arange(begin, days, every)] for begin in first]


def shop(customers: People, price: float = 30.0) -> Timelines:
    """The timelines of customers, under names that keep their order."""
    return Timelines.of([(f"c{i:04d}", timeline(b, price=price)) for i, b in enumerate(customers)])


def tables(folder: Path, customers: People, copies: Iterable[str] = ("",), times: int = 1) -> Path:
    """A shop's tables as the mapping `shop` reads them.

    Arguments:
        folder: a new folder.
        customers: whose orders are written.
        copies: what is added to the order ids; an order is written once under each.
        times: how often each row of an order stands in the tables.
    """
    folder.mkdir()
    orders, lines = [], []
    for number, baskets in enumerate(customers):
        for place, (now, products) in enumerate(baskets):
            when = (datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=now)).isoformat()
            for copy in copies:
                order = f"o{number}-{place}{copy}"
                orders += [(order, when, f"c{number:04d}")] * times
                lines += [(order, f"p{p}", i, 30) for i, p in enumerate(products)]
    for name, header, rows in (
        ("products", ("product_id", "title"), [(f"p{i}", f"Product {i}") for i in range(5)]),
        ("orders", ("order_id", "timestamp", "user_id"), orders),
        ("lines", ("order_id", "product_id", "line", "price"), lines),
    ):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    return folder


def trained(timelines: Timelines, on: float, **changes: int) -> ChurnModel:
    """A model of what was before a day, by `RECIPE` with changes."""
    recipe = RECIPE.model_copy(update=changes)
    return train_churn(timelines, catalog(5), recipe, day(on), threads=1)


def rows_of(timelines: Timelines, on: float, horizon_days: int = 30) -> ChurnRows:
    """All customers on a day, and what followed."""
    return churn_rows(timelines, catalog(5), np.array([day(on)], np.int64), horizon_days)
