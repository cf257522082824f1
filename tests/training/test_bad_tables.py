"""Tables that no shop should export: a clear message, or a sane result."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from features.events.log import EventLog
from features.instants import DAY_MS
from features.timeline_build import timelines_of
from models.purchases import Counts
from tests.models.shop import day
from tests.training.conftest import Shop
from tests.training.drawn import People, people, rows_of, tables, trained


def test_an_order_that_stands_twice_is_one_and_two_of_a_day_are_one_purchase(
    tmp_path: Path,
) -> None:
    customers, found = people(60), []
    cases = {"plain": {}, "twice": {"times": 2}, "two ids": {"copies": ("", "-again")}}
    for name, how in cases.items():
        command = Shop(tmp_path / f"{name} data", tmp_path)
        folder = tables(tmp_path / name, customers, **how)  # type: ignore[arg-type]
        said = command.done("import", "--mapping", "shop", folder).output
        known = sum(len(baskets) for baskets in customers) if name == "twice" else 0
        assert f"{known:,} known already" in said
        found.append(timelines_of(EventLog(command.folder / "log")))
    plain, twice, again = found
    for column in ("at", "type", "product", "value"):
        np.testing.assert_array_equal(getattr(twice.rows, column), getattr(plain.rows, column))
    assert len(again.rows) == 2 * len(plain.rows)
    cutoff = (int(plain.rows.at.max()) - day(0)) / DAY_MS - 30
    models = [trained(each, cutoff) for each in (plain, again)]
    rows = [rows_of(each, cutoff) for each in (plain, again)]
    counts = [Counts.of_features(r.X, m.feature_names_) for m, r in zip(models, rows, strict=True)]
    np.testing.assert_array_equal(counts[0].frequency, counts[1].frequency)  # type: ignore[union-attr]
    risk = [m.predict_proba(r.X) for m, r in zip(models, rows, strict=True)]
    np.testing.assert_allclose(risk[1], risk[0], atol=0.05)


@pytest.mark.parametrize(
    ("customers", "horizon_days", "message"),
    [
        (people(8), 30, r"at least 10 customers who left .* of 8 customers"),
        ([b[:1] for b in people(40)], 30, r"of \d+ customers \d+ left .* 0 stayed after one"),
        (people(40), 700, r"the history from 2025-.* to 2026-.* shorter than horizon_days = 700,"),
    ],
    ids=["eight customers", "no repeat buyer", "horizon beyond the history"],
)
def test_the_command_says_what_is_missing_and_registers_nothing(
    tmp_path: Path, empty_store: Path, customers: People, horizon_days: int, message: str
) -> None:
    command = Shop(tmp_path / "data", tmp_path)
    command.folder.mkdir()
    shutil.copy(empty_store, command.folder / "mlflow.db")
    command.done("import", "--mapping", "shop", tables(tmp_path / "tables", customers))
    (tmp_path / "recipe.toml").write_text(f"[churn]\nhorizon_days = {horizon_days}\ntrees = 5\n")
    said = command.run("train", "churn", "--recipe", tmp_path / "recipe.toml")
    assert said.exit_code == 2
    assert re.search(f"error: .*{message}.* import", said.output)
    assert not command.registry.versions()
