"""Personas in a training: found again from version to version, measured, and written down."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from features.errors import NotEnoughDataError
from features.timeline import Timelines
from models.bundle import Bundle
from models.personas import Personas
from tests.models import planted
from tests.models.shop import catalog, day
from training.fit import train_personas
from training.personas import kept_share, last_personas, persona_table
from training.recipe import PersonasRecipe
from training.trainer import Data

PRODUCTS = catalog(planted.PRODUCTS)
RECIPE = PersonasRecipe(halvings=4)


@pytest.fixture(scope="module")
def data() -> Data:
    return Data(planted.people(), PRODUCTS, "f00d", day(planted.DAYS))


def trained(timelines: Timelines, at: int, previous: Personas | None = None) -> Personas:
    return train_personas(timelines, PRODUCTS, RECIPE, at, previous=previous, threads=1)


@pytest.fixture(scope="module")
def personas(data: Data) -> Personas:
    return trained(data.timelines, day(360))


def run_of(shop, version, name):
    client = shop.registry.tracking.client
    parent = client.get_run(version.run_id)
    [run] = client.search_runs(
        [parent.info.experiment_id],
        f"tags.mlflow.parentRunId = '{version.run_id}' and attributes.run_name = '{name}'",
    )
    return parent, run


def shop_table(shop, version):
    tracking = shop.registry.tracking
    path = tracking.mlflow.artifacts.download_artifacts(f"runs:/{version.run_id}/personas.csv")
    return list(csv.DictReader(Path(path).read_text("utf-8").splitlines()))


def test_the_next_version_keeps_the_keys_and_names_of_the_last(built, tmp_path):
    registry = built[0].registry
    bundles = [
        Bundle.load(registry.shipped(registry.version(number), tmp_path / str(number)))
        for number in (1, 2)
    ]
    one, two = ([(p.key, p.name) for p in bundle.personas.personas_] for bundle in bundles)
    assert one == two
    parents = [run_of(built[0], registry.version(n), "personas")[0] for n in (1, 2)]
    assert [parent.data.tags["previous_personas"] for parent in parents] == [
        "none: no version has personas",
        "version 1",
    ]


def test_the_run_says_how_stable_personas_are_and_who_kept_theirs(built):
    _, run = run_of(built[0], built[0].registry.version(1), "personas")
    assert run.data.metrics["personas"] == int(run.data.params["personas"])
    assert 0 < run.data.metrics["kept_share"] <= 1
    for kind in ("kmeans", "mixture"):
        for groups in (2, 3, 4):
            assert -1 <= run.data.metrics[f"stability.{kind}.{groups}"] <= 1
    assert run.data.params["kind"] in ("k-means", "mixture", "one")


def test_the_table_of_a_version_is_of_what_ships(built, tmp_path):
    registry = built[0].registry
    bundle = Bundle.load(registry.shipped(registry.version(1), tmp_path))
    written = shop_table(built[0], registry.version(1))
    told = [(row["key"], row["name"], row["description"]) for row in written[:-1]]
    assert told == [(p.key, p.name, p.description) for p in bundle.personas.personas_]


def test_personas_alone_can_be_trained_and_are_printed(shop):
    said = shop.done("train", "personas", "--recipe", shop.recipes / "quick.toml")
    assert "Registered version 3" in said.stdout
    assert "what sets them apart" in said.stdout
    assert "p1" in said.stdout


def test_a_training_goes_on_where_the_last_personas_cannot_be_read(shop, monkeypatch):
    registry = shop.registry
    assert last_personas(registry)[1] == "version 2"
    fetched = registry.shipped

    def damaged(version, folder: Path) -> Path:
        found = fetched(version, folder)
        (found / "personas" / "personas.json").write_text("{")
        return found

    monkeypatch.setattr(registry, "shipped", damaged)
    found, words = last_personas(registry)
    assert found is None
    assert words.startswith("none: cannot read the personas")


def test_the_champion_s_personas_come_before_the_newest_s(champion):
    assert last_personas(champion.registry)[1] == "version 1"


def test_a_champion_without_personas_does_not_lose_the_keys(shop):
    shop.done("train", "churn", "--recipe", shop.recipes / "quick.toml", "--no-report")
    shop.done("promote", 3, "--force", "--reason", "churn alone, for a trial")
    found, words = last_personas(shop.registry)
    assert words == "version 2"
    assert found is not None


def test_a_month_later_nine_in_ten_keep_their_persona(data, personas):
    later = trained(data.timelines, day(390), personas)
    assert kept_share(data, personas, day(360), later, day(390), threads=1) >= 0.9
    strangers = trained(data.timelines, day(390))
    strangers.personas_ = strangers.personas_[::-1]
    assert kept_share(data, personas, day(360), strangers, day(390), threads=1) < 0.5


def test_nothing_after_the_cutoff_is_learnt(data, personas, tmp_path):
    cut = Timelines.of(
        [
            (name, data.timelines.customer(i).until(day(360)))
            for i, name in enumerate(data.timelines.ids())
        ]
    )
    personas.save(tmp_path / "full")
    trained(cut, day(360)).save(tmp_path / "cut")
    full, known = (tmp_path / name / "personas.json" for name in ("full", "cut"))
    assert full.read_bytes() == known.read_bytes()


def test_a_large_shop_is_learnt_from_a_sample(data, personas):
    few = RECIPE.model_copy(update={"customers": 240})
    sample = train_personas(data.timelines, PRODUCTS, few, day(360), threads=1)
    assert len(sample.personas_) == 3
    assert sample.everybody_ != personas.everybody_


def test_before_the_first_order_there_is_nobody(data):
    with pytest.raises(NotEnoughDataError, match="leave personas out of the recipe"):
        trained(data.timelines, day(0))


def test_the_table_has_a_row_for_each_persona_and_one_for_everybody(personas):
    rows = list(csv.DictReader(io.StringIO(persona_table(personas))))
    assert [row["key"] for row in rows] == [*(each.key for each in personas.personas_), ""]
    assert sum(float(row["share"]) for row in rows[:-1]) == pytest.approx(1, abs=1e-3)
    orders = planted.features(360)[:, planted.NAMES.index("purchase_orders_life")]
    assert float(rows[-1]["purchase_orders_life"]) == np.median(orders)
