"""Lists shown at random in the trained shop, with clicks on what the bundle would have shown."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from features.consents import ConsentRules
from features.errors import InputError, NotEnoughDataError
from features.events.event import Event, table_of
from features.events.log import EventLog
from features.events.schema import schema
from features.instants import DAY_MS
from models.bundle import Bundle
from tests.training.conftest import Shop
from training.counterfactual import counterfactual
from training.impressions import COLUMNS, inclusion, judged, read_impressions
from training.judging import Reward
from training.trainer import Data

LENGTH = 6
LIKED, OTHERWISE = 0.5, 0.1
"""P(click) on what the bundle would show, and on anything else."""


@dataclass(frozen=True)
class Watched:
    """The trained shop after lists were shown."""

    shop: Shop
    bundle: Bundle
    impressions: Path

    @property
    def data(self) -> Data:
        return Data.of(EventLog(self.shop.settings.log), ConsentRules())


@pytest.fixture(scope="module")
def watched(
    built: tuple[Shop, dict[str, Result]], tmp_path_factory: pytest.TempPathFactory
) -> Watched:
    folder = tmp_path_factory.mktemp("watched")
    leave = shutil.ignore_patterns("artifacts")
    shutil.copytree(built[0].folder, folder / "data", ignore=leave)
    shop = Shop(folder / "data", built[0].recipes)
    registry = shop.registry
    bundle = Bundle.load(registry.measured(registry.version(1), folder / "measured"))
    return Watched(shop, bundle, show(shop, bundle))


def show(shop: Shop, bundle: Bundle) -> Path:
    """Three products drawn at random to each customer after the training; some are clicked."""
    log = EventLog(shop.settings.log)
    data = Data.of(log, ConsentRules())
    drawn = np.random.default_rng(0)
    parents = np.unique(data.catalog.parent)
    at = bundle.manifest.cutoff + DAY_MS
    people = np.flatnonzero(data.timelines.known)
    rows, clicks = [], []
    assert bundle.next_product is not None
    for number, place in enumerate(people.tolist()):
        liked = bundle.next_product.recommend(
            data.timelines.customer(place),
            at,
            LENGTH,
            catalog=data.catalog,
            reference=bundle.reference.extended(data.catalog),
        )
        products = drawn.choice(parents, LENGTH, replace=False)
        for position, product in enumerate(products.tolist()):
            left = len(parents) - position
            name, product_id = f"list {number}", data.catalog.ids[product]
            who = data.timelines.ids()[place]
            rows.append((name, who, "home", position + 1, product_id, 1 / left, at))
            likes = product in [item.product for item in liked]
            if drawn.random() < (LIKED if likes else OTHERWISE):
                clicks.append(
                    Event(
                        f"click {number} {position}",
                        schema().code("Recommendation Clicked"),
                        "Recommendation Clicked",
                        at + 1000,
                        at + 1000,
                        "web",
                        user_id=who,
                        product_id=product_id,
                        properties=json.dumps({"recommendation_id": name}),
                    )
                )
    rows.append(("of a stranger", None, "home", 1, data.catalog.ids[0], 0.5, at))
    rows.append(("elsewhere", None, "cart", 1, data.catalog.ids[0], 0.5, at))
    log.append(table_of(clicks))
    folder = shop.settings.log.parent / "impressions"
    folder.mkdir()
    table = pa.table(dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))
    pq.write_table(table, folder / "one.parquet")
    pq.write_table(table.slice(0, 9), folder / "again.parquet")
    return folder


def test_a_bundle_earns_what_its_lists_are_clicked_for(watched: Watched) -> None:
    said = watched.shop.done("counterfactual", "--version", 1, "--clip", 1000).stdout
    assert "left out: 1 lists of another placement than home" in said
    assert "left out: 1 lists to strangers" in said
    table = read_impressions(watched.impressions)
    found = counterfactual(judged(table, watched.bundle, watched.data, placement="home").shown)
    for each in (found.ips, found.snips, found.dr):
        assert each.low < LENGTH * LIKED < each.high
        assert f"{each.value:.4f}" in said
    assert found.gain.low > 0
    assert found.logged.value < LENGTH * LIKED / 2


def test_purchases_in_the_days_after_count(watched: Watched) -> None:
    table = read_impressions(watched.impressions)

    def earned(days: int) -> float:
        ask = {"placement": "home", "reward": Reward.PURCHASE, "days": days}
        found = judged(table, watched.bundle, watched.data, **ask)  # type: ignore[arg-type]
        return float(found.shown.reward.sum())

    assert 0 < earned(7) < earned(25)
    with pytest.raises(NotEnoughDataError, match=r"less than 60 days before the last event"):
        earned(60)


def test_what_is_no_log_of_impressions_is_named(shop: Shop, tmp_path: Path) -> None:
    said = shop.run("counterfactual", "--version", 1)
    assert said.exit_code == 2
    assert "there are no impressions in" in said.output
    pq.write_table(pa.table({"customer": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="its columns must be recommendation_id"):
        read_impressions(tmp_path / "other.parquet")


def test_a_product_that_any_of_several_places_might_have_held_counts_less() -> None:
    """Places explore with one in five, else go on with a ranked list, as the service does."""
    drawn, products, length, chance = np.random.default_rng(3), 30, 5, 0.2
    counted = np.zeros(products)
    for _ in range(2_000):
        free, propensity, shown = list(range(products)), [], []
        for _ in range(length):
            own, new = free[0], [p for p in free if p >= 10]
            chosen = int(drawn.choice(new)) if drawn.random() < chance else own
            propensity.append((1 - chance) * (chosen == own) + chance / len(new) * (chosen in new))
            shown.append(chosen)
            free.remove(chosen)
        weight = 1 / inclusion(np.zeros(length, np.int64), np.array(propensity))
        counted[shown] += weight / 2_000
    assert counted[:length] == pytest.approx(np.ones(length), abs=0.06)
    assert counted[10:].mean() == pytest.approx(1, abs=0.05)
