"""The same settings give the same shop, whatever the cut into files; bad input is refused."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.errors import InputError, StorageError
from training.simulation import SimulationSettings, simulate

SMALL = {"customers": 1_100, "products": 60, "days": 90}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "shop"
    simulate(SimulationSettings(**SMALL), folder)
    return folder


def test_the_same_settings_give_the_same_bytes(small, tmp_path):
    simulate(SimulationSettings(**SMALL), tmp_path / "again")
    assert digests(tmp_path / "again") == digests(small)


@pytest.mark.parametrize("table", ["orders", "lines", "events", "truth/customers"])
def test_the_cut_into_part_files_changes_no_row(small, tmp_path, table):
    summary = simulate(SimulationSettings(**SMALL, customers_per_part=500), tmp_path / "cut")
    assert len(list((tmp_path / "cut" / table).iterdir())) == 3
    assert pq.read_table(tmp_path / "cut" / table).equals(pq.read_table(small / table))
    assert summary.customers == 1_100


def test_more_customers_leave_the_earlier_ones_as_they_are(small, tmp_path):
    simulate(SimulationSettings(**SMALL | {"customers": 500}), tmp_path / "fewer")
    fewer = pq.read_table(tmp_path / "fewer" / "orders")
    assert pq.read_table(small / "orders").slice(0, len(fewer)).equals(fewer)


def test_another_seed_gives_another_shop(small, tmp_path):
    simulate(SimulationSettings(**SMALL, seed=1), tmp_path / "other")
    assert not pq.read_table(tmp_path / "other" / "orders").equals(pq.read_table(small / "orders"))


def test_progress_is_told_to_the_end(tmp_path):
    told = []
    simulate(
        SimulationSettings(**SMALL), tmp_path / "shop", progress=lambda *step: told.append(step)
    )
    assert [done for _, done, _ in told] == [500, 1_000, 1_100]
    assert {total for _, _, total in told} == {1_100}


@pytest.mark.parametrize("products", [20, 21, 37, 79, 80, 81, 150])
def test_the_smallest_shops_work_and_have_exactly_the_products_asked_for(tmp_path, products):
    settings = SimulationSettings(customers=3, products=products, days=60)
    assert simulate(settings, tmp_path / "shop").products == products


def test_one_customer_without_strangers_is_a_shop_too(tmp_path):
    settings = SimulationSettings(customers=1, products=20, days=60, visitors_per_customer=0)
    summary = simulate(settings, tmp_path / "shop")
    assert (summary.customers, summary.visitors) == (1, 0)
    assert summary.orders >= 1


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds something already.*new folder"):
        simulate(SimulationSettings(customers=1, products=20), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write the simulated shop"):
        simulate(SimulationSettings(customers=1, products=20), tmp_path / "file" / "shop")


def test_what_a_killed_run_left_behind_does_not_show(tmp_path):
    (tmp_path / "shop.partial" / "events").mkdir(parents=True)
    (tmp_path / "shop.partial" / "events" / "part-00099.parquet").write_text("half")
    simulate(SimulationSettings(customers=2, products=20, days=60), tmp_path / "shop")
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]
    assert [path.name for path in (tmp_path / "shop" / "events").iterdir()] == [
        "part-00000.parquet"
    ]


@pytest.mark.parametrize(
    ("setting", "value"),
    [("customers", 0), ("products", 3), ("days", 1), ("seed", -1), ("currency", "euro")],
)
def test_a_setting_out_of_bounds_is_named_with_its_value(setting, value):
    with pytest.raises(InputError, match=f"{setting} = .*{value}"):
        SimulationSettings(**{setting: value})


def test_the_end_is_the_instant_it_says():
    settings = SimulationSettings(days=60)
    assert np.datetime64(settings.end_at, "ms") == np.datetime64("2026-06-30T00:00")
    assert np.datetime64(settings.start_at, "ms") == np.datetime64("2026-05-01T00:00")
