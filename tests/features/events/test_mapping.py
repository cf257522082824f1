"""A mapping says what it means, or what is wrong with it."""

from datetime import timedelta
from pathlib import Path

import pytest

from features.errors import MappingError
from features.events.mapping import Mapping

GOOD = """
name = "corner_shop"
currency = "EUR"
legal_basis = "contract"
arrival_lag = "36h"

[tables.orders]
files = ["orders.csv"]
produces = "orders"
select = "SELECT * FROM orders"
"""


def load(folder: Path, text: str) -> Mapping:
    path = folder / "mapping.toml"
    path.write_text(text, "utf-8")
    return Mapping.load(path)


def test_a_mapping_is_read_from_a_file(tmp_path: Path) -> None:
    mapping = load(tmp_path, GOOD)

    assert (mapping.name, mapping.time_zone) == ("corner_shop", "UTC")
    assert mapping.arrival_lag == timedelta(hours=36)
    assert mapping.arrival_lag_ms == 36 * 3_600_000


@pytest.mark.parametrize("name", ["online_retail_2", "shop"])
def test_shipped_mappings_are_found_by_name(name: str) -> None:
    assert Mapping.load(name).name == name


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('currency = "EUR"', 'currency = "euro"', "currency = 'euro'"),
        ('currency = "EUR"', "", "currency is missing"),
        ('currency = "EUR"', 'currency = "EUR"\ncolour = 1', "unknown key colour; the keys are"),
        ('produces = "orders"', 'produces = "carts"', r"tables\.orders\.produces = 'carts'"),
        ('produces = "orders"', 'produce = "orders"', r"unknown key tables\.orders\.produce"),
        ('"36h"', '"a while"', "arrival_lag = 'a while': write a number and s, m, h or d"),
        ('currency = "EUR"', 'currency = "EUR"\ntime_zone = "Mars"', "'Mars': no such time zone"),
        ('"contract"', '"they like us"', "legal_basis = 'they like us': .*'contract'"),
        ("[tables.orders]", '[tables."or ders"]', "tables"),
        ('name = "corner_shop"', "name = ", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(MappingError, match=told):
        load(tmp_path, GOOD.replace(old, new))


def test_a_mapping_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(MappingError, match="one of: online_retail_2, shop"):
        Mapping.load("my_shop")
