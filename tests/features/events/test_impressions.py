"""What was shown, in files: each product of each list once, of nobody who was erased."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.events.erasures import Erasure, Erasures
from features.events.impressions import SCHEMA, Impressions
from features.instants import DAY_MS

DAY = 20_000 * DAY_MS


def lists(*rows: tuple[str, str | None, int]) -> pa.Table:
    """Two products each."""
    told = [
        (name, customer, "home", place, product, 0.5, 0.25, "7", at)
        for name, customer, at in rows
        for place, product in ((1, "tea"), (2, "pot"))
    ]
    return pa.table(list(zip(*told, strict=True)), schema=SCHEMA)


@pytest.fixture
def shown(tmp_path):
    erasures = Erasures(tmp_path / "erasures")
    erasures.make_key()
    return Impressions.beside(tmp_path / "log", erasures)


def told(shown):
    rows = shown.between(0, 2**60).to_pylist()
    return [(row["recommendation_id"], row["customer"], row["position"]) for row in rows]


def test_lists_come_back_in_order_each_once_however_often_they_come(shown):
    assert shown.append(lists(("r2", "ann", DAY + 1), ("r1", None, DAY)))[0] == 4
    assert shown.append(lists(("r1", None, DAY), ("r3", "ann", DAY + DAY_MS)))[0] == 2
    assert told(shown) == [
        ("r1", None, 1), ("r1", None, 2), ("r2", "ann", 1), ("r2", "ann", 2),
        ("r3", "ann", 1), ("r3", "ann", 2),
    ]  # fmt: skip
    assert shown.between(DAY + 1, DAY + 2).to_pylist()[0] == {
        "recommendation_id": "r2",
        "customer": "ann",
        "placement": "home",
        "position": 1,
        "product_id": "tea",
        "propensity": 0.5,
        "score": 0.25,
        "model_version": "7",
        "at": DAY + 1,
    }


def test_an_erased_persons_lists_go_at_once_and_strangers_lists_stay(shown):
    shown.append(lists(("r1", "ann", DAY), ("r2", None, DAY), ("r3", "ben", DAY)))
    digest = shown.erasures.hash("ann").hex()
    shown.erasures.add([Erasure("era", DAY, DAY, "officer", "letter", (digest,))])
    assert {customer for _, customer, _ in told(shown)} == {None, "ben"}
    assert (shown.compact(), shown.compact()) == (2, 0)
    [file] = shown.files
    assert set(pq.read_table(file)["customer"].to_pylist()) == {None, "ben"}


def test_aged_lists_go(shown):
    shown.append(lists(("r1", None, DAY), ("r2", None, DAY + DAY_MS)))
    assert shown.compact(DAY + 1) == 2
    assert {name for name, _, _ in told(shown)} == {"r2"}
