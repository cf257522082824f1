"""What every test needs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.once import once
from tests.postgres import Postgres, missing

# LightGBM's idle threads sleep rather than spin, so that tests can run side by side.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; the test skips, and says why, where there is none."""
    if reason := missing():
        pytest.skip(reason)
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty MLflow database: migrating takes seconds, copying does not."""
    return once(tmp_path_factory, "mlflow", _migrate) / "mlflow.db"


def _migrate(folder: Path) -> None:
    from training.tracking import _quiet

    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with pytest.MonkeyPatch.context() as patch, _quiet():
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        import mlflow

        mlflow.MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
