"""From settings to a folder of tables: block by block, in bounded memory."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.errors import InputError, StorageError
from training.simulation import truth, world
from training.simulation.aftermath import aftermath
from training.simulation.block import Block
from training.simulation.journeys import journeys
from training.simulation.loyalty import loyalty
from training.simulation.messages import campaigns, messages
from training.simulation.orders import orders
from training.simulation.people import people
from training.simulation.sales import LINES, ORDERS, sales
from training.simulation.settings import SimulationSettings, SimulationSummary
from training.simulation.table import EVENTS, Events, Words, dictionaries
from training.simulation.visits import visits
from training.simulation.world import World
from training.simulation.writer import Parts, write

BLOCK = 500
"""Customers that share one stream of random numbers; a block is what is held in memory.
Changing it makes other customers."""

Progress = Callable[[str, int, int], None]

SCHEMAS = {"orders": ORDERS, "lines": LINES, "events": EVENTS, "truth/customers": truth.CUSTOMERS}


def simulate(
    settings: SimulationSettings, folder: Path, *, progress: Progress | None = None
) -> SimulationSummary:
    """Write a simulated shop's tables, and the truth about it, into a new folder.

    The folder holds `products.parquet`, `orders/`, `lines/` and `events/` with part files,
    `truth/` (products, complements, customers) and `simulation.json`. It appears at once when
    all is written; the same settings give the same bytes.

    Arguments:
        settings: the size, the period and the seed.
        folder: where to; it must not exist or be empty.
        progress: told the stage, how many customers are done, and of how many.

    Returns:
        How many rows each table has.

    Raises:
        InputError: the folder holds something already.
        StorageError: the disk refused; nothing is left of what was written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something already; name a new folder or remove it")
    folder = folder.absolute()
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        summary = _write(settings, partial, progress or (lambda *_: None))
        partial.replace(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageError(f"cannot write the simulated shop to {folder}: {error}") from error
    return summary


def _write(settings: SimulationSettings, folder: Path, progress: Progress) -> SimulationSummary:
    shop = world.build(settings, _generator(settings.seed, 0))
    names, _, _ = campaigns(settings.start_at, settings.end_at)
    words_of = dictionaries(shop, names, settings.currency)
    write(shop.products, folder / "products.parquet")
    write(truth.products(shop), folder / "truth" / "products.parquet")
    pairs = truth.complements(shop)
    write(pairs, folder / "truth" / "complements.parquet")

    visitors = 0
    with Parts(folder, SCHEMAS) as parts:
        for first in range(0, settings.customers, BLOCK):
            customers = min(BLOCK, settings.customers - first)
            strangers = range(
                *(int(n * settings.visitors_per_customer) for n in (first, first + customers))
            )
            visitors += len(strangers)
            tables = _block(settings, shop, words_of, first, customers, strangers)
            done = first + customers
            parts.add(tables, ends=done % settings.customers_per_part < BLOCK)
            progress("simulating customers", done, settings.customers)
    summary = SimulationSummary(
        customers=settings.customers,
        visitors=visitors,
        products=shop.products.num_rows,
        complements=pairs.num_rows,
        **{name: parts.rows[name] for name in ("orders", "lines", "events")},
    )
    report = {"settings": settings.document(), "rows": asdict(summary)}
    (folder / "simulation.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return summary


def _block(
    settings: SimulationSettings,
    shop: World,
    words_of: Words,
    first: int,
    customers: int,
    strangers: range,
) -> dict[str, pa.Table]:
    """All tables of one block of customers and the strangers beside them."""
    rng = _generator(settings.seed, 1, first // BLOCK)
    group = people(shop, first, customers, strangers, rng)
    bought = orders(shop, group, rng)
    sessions = visits(shop, group, bought, rng)
    block = Block(shop, group, bought, sessions, Events(group), rng)
    journeys(block)
    aftermath(block)
    loyalty(block)
    messages(block)
    orders_table, lines_table = sales(shop, group, bought, words_of, rng)
    return {
        "orders": orders_table,
        "lines": lines_table,
        "events": block.events.table(shop, words_of, rng),
        "truth/customers": truth.customers(shop, group, bought.left_at),
    }


def _generator(seed: int, *stream: int) -> np.random.Generator:
    """The generator of a stream: 0 is the catalogue, (1, n) the customers' block n."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=stream))
