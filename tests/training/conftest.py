import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from features.settings import Settings
from tests.once import once
from training.__main__ import app
from training.registry import Registry
from training.tracking import Tracking

QUICK = """
[churn]
horizon_days = 30
instants = 4
trees = 30
min_rows = 20

[value]
horizon_days = 30
instants = 4
trees = 30
min_rows = 20

[next_product]
horizon_days = 30
periods = 2
candidates = 20
als_factors = 8
als_iterations = 3
trees = 20
min_rows = 20

[personas]
halvings = 4
"""
"""A recipe that trains in a second."""

POOR = QUICK.replace("trees = 30", "trees = 1\nleaves = 2").replace(
    "candidates = 20", "candidates = 1"
)
"""A recipe that learns next to nothing."""


@dataclass(frozen=True)
class Shop:
    """A data folder and the command line on it."""

    folder: Path
    recipes: Path

    @property
    def settings(self) -> Settings:
        return Settings(data=self.folder, threads=1)

    @property
    def registry(self) -> Registry:
        return Registry(Tracking(self.settings))

    def run(self, *arguments: object) -> Result:
        """Run a command in this process; its output and exit code."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REGULARS_DATA", str(self.folder))
            patch.setenv("REGULARS_THREADS", "1")
            patch.setenv("COLUMNS", "200")
            return CliRunner().invoke(app, [str(part) for part in arguments])

    def done(self, *arguments: object) -> Result:
        """Run a command that must succeed."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result


@pytest.fixture(scope="session", autouse=True)
def no_tracking_server() -> Iterator[None]:
    """Whatever the shell says, tests write to their own SQLite files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture
def settings(tmp_path: Path, empty_store: Path) -> Settings:
    """Settings of a new data folder whose tracking store is ready."""
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(empty_store, data / "mlflow.db")
    return Settings(data=data)


@dataclass(frozen=True)
class Said:
    """What a command wrote."""

    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def built(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> tuple[Shop, dict[str, Said]]:
    """A tiny simulated shop, imported and trained: version 1 well, version 2 poorly.

    With what each command said. Shared: tests that change it take `shop`, a copy.
    """
    folder = once(tmp_path_factory, "shop", lambda folder: _build(folder, empty_store))
    said = json.loads((folder / "said.json").read_text())
    return Shop(folder / "data", folder), {name: Said(*words) for name, words in said.items()}


def _build(folder: Path, empty_store: Path) -> None:
    (folder / "quick.toml").write_text(QUICK)
    (folder / "poor.toml").write_text(POOR)
    data = folder / "data"
    data.mkdir()
    shutil.copy(empty_store, data / "mlflow.db")
    shop = Shop(data, folder)
    size = ("--customers", 300, "--products", 60, "--days", 240, "--seed", 7)
    said = {
        "simulate": shop.done("simulate", *size, folder / "tables"),
        "import": shop.done("import", "--mapping", "shop", folder / "tables"),
        "train": shop.done("train", "--recipe", folder / "quick.toml"),
    }
    shop.done("train", "--recipe", folder / "poor.toml")
    words = {name: (each.stdout, each.stderr) for name, each in said.items()}
    (folder / "said.json").write_text(json.dumps(words))


@pytest.fixture
def shop(built: tuple[Shop, dict[str, Said]], tmp_path: Path) -> Shop:
    """A copy of the trained shop; artefacts stay where they were first written."""
    original = built[0]
    shutil.copytree(original.folder, tmp_path / "data", ignore=shutil.ignore_patterns("artifacts"))
    return Shop(tmp_path / "data", original.recipes)


@pytest.fixture
def champion(shop: Shop) -> Shop:
    """The trained shop with version 1 serving."""
    shop.done("promote", 1)
    return shop
