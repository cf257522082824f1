"""A simulated shop behind a service: its past in the store, and a bundle trained on it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from features.events.importer import import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
from features.instants import iso
from models.bundle import Bundle
from models.offers import Offers
from models.offers.offers import EXAMPLE
from training.publish import point, publish
from training.recipe import Recipe
from training.simulation import SimulationSettings, simulate
from training.trainer import Data, Trainer


def simulated_shop(folder: Path, customers: int, products: int, seed: int) -> list[str]:
    """Fill a service's folder; the known customers' ids, in no order.

    The next-product model is the default recipe's; there is no churn model.
    """
    log = simulated_log(folder, customers, products, seed)
    data = Data.of(log)
    until = data.last_at + 1
    trainer = Trainer(data, Recipe(), seed, threads=2, progress=lambda *_: None)
    bundle = Bundle(
        data.catalog,
        data.reference(until),
        None,
        trainer.next_product(until),
        Offers.load(EXAMPLE),
    )
    serve_bundle(folder, bundle, data, until)
    load_history(folder, log)
    known = np.flatnonzero(data.timelines.known)
    return data.timelines.ids(np.random.default_rng(seed).permutation(known))


def simulated_log(folder: Path, customers: int, products: int, seed: int) -> EventLog:
    """The event log of a simulated shop, below a service's folder."""
    shop = SimulationSettings(customers=customers, products=products, seed=seed)
    simulate(shop, folder / "shop")
    log = EventLog(folder / "log")
    import_tables(Mapping.load("shop"), folder / "shop", log, now=shop.end_at)
    return log


def serve_bundle(folder: Path, bundle: Bundle, data: Data, until: int) -> None:
    """Make a bundle the one that a service in a folder answers from."""

    def saved(scratch: Path) -> Path:
        bundle.save(
            scratch / "bundle", created_at=iso(until), cutoff=until, fingerprint=data.fingerprint
        )
        return scratch / "bundle"

    publish(saved, 1, folder / "bundles")
    point(1, folder / "bundles", until)


def load_history(folder: Path, log: EventLog) -> None:
    """Bring a log into the store of a service's folder, as its operator does."""
    loaded = subprocess.run(
        [sys.executable, "-m", "serving", "load", "--log", str(log.path)],
        env=os.environ | {"REGULARS_DATA": str(folder), "REGULARS_STORE": ""},
        check=False,
        capture_output=True,
        text=True,
    )
    if loaded.returncode:
        raise RuntimeError(f"the history was not loaded: {loaded.stderr[-4000:]}")
