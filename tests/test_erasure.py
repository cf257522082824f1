"""From end to end: a customer of a shop is learned from, erased, and is gone for good."""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from anyio.from_thread import start_blocking_portal
from typer.testing import CliRunner

import features
from features.events.event import Event, events_of
from features.events.impressions import Impressions
from features.events.log import EventLog
from features.events.served import Served
from features.settings import Settings
from features.timeline_build import timelines_of
from serving import history
from serving.__main__ import cli
from serving.app import create_app
from serving.settings import ServingSettings
from serving.store import open_store
from tests.keys import put_key
from tests.serving.conftest import Client
from tests.training.conftest import QUICK, Shop
from training.trainer import Data

SIZE = ("--customers", 300, "--products", 60, "--days", 240, "--seed", 7)
ASKED = {"who": "privacy officer", "why": "request by letter"}


@dataclass(frozen=True)
class Run:
    """A trained shop in service, one of its customers, and the ids that lead to them."""

    shop: Shop
    customer: str
    ids: tuple[str, ...]

    @property
    def data(self) -> Path:
        return self.shop.folder

    @property
    def log(self) -> EventLog:
        return EventLog(self.shop.settings.log)

    def serving(self, *words: str) -> str:
        done = CliRunner().invoke(cli, words, env={"REGULARS_DATA": str(self.data)})
        assert done.exit_code == 0, done.output
        return done.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Run:
    """A shop of which everything is known, and somebody with orders, visits and a device."""
    folder = tmp_path_factory.mktemp("erasure")
    shop = Shop(folder / "data", folder)
    (folder / "quick.toml").write_text(QUICK)
    shop.folder.mkdir()
    shutil.copy(empty_store, shop.folder / "mlflow.db")
    shop.done("simulate", *SIZE, folder / "tables")
    shop.done("import", folder / "tables")
    shop.done("train", "--recipe", folder / "quick.toml")
    shop.done("promote")
    log = EventLog(shop.settings.log)
    with closing(open_store(ServingSettings(data=shop.folder))) as store:
        history.load(log, store)
        people = (store.person(name) for name in timelines_of(log).ids())
        chosen = next(
            p for p in people if p is not None and len(p.identifiers) > 1 and len(p.timeline) > 20
        )
    shutil.copytree(shop.folder, folder / "kept")
    return Run(shop, chosen.customer_id, chosen.identifiers)


@pytest.fixture
def run(trained: Run) -> Run:
    """The shop as it was trained, at the path where MLflow remembers its artefacts."""
    kept = trained.data.with_name("kept")
    for path in sorted(trained.data.rglob("*"), reverse=True):
        if not (kept / path.relative_to(trained.data)).exists():
            path.rmdir() if path.is_dir() else path.unlink()
    # over what is there: MLflow holds its database open
    shutil.copytree(kept, trained.data, dirs_exist_ok=True)
    return trained


@pytest.fixture
def start(run: Run) -> Iterator[Callable[[], Client]]:
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())

        def started() -> Client:
            settings = ServingSettings(data=run.data, champion_seconds=3600, timers_seconds=3600)
            with closing(open_store(settings)) as store:
                put_key(store)
            app = create_app(settings)
            stack.enter_context(portal.wrap_async_context_manager(app.router.lifespan_context(app)))
            return Client(portal, app)

        yield started


def erase(client: Client, customer_id: str) -> None:
    answer = client.request("DELETE", f"/v1/customers/{customer_id}", params=ASKED)
    assert answer.status_code == 200, answer.text


def trained_on(settings: Settings) -> list[str]:
    """Everybody whom a training run sees."""
    return Data.of(EventLog(settings.log)).timelines.ids()


def naming(folder: Path, ids: tuple[str, ...]) -> list[Path]:
    """The files below a folder that hold one of the ids as a word or a value of its own."""
    names = {name.removeprefix("anonymous:") for name in ids}
    return [path for path in folder.rglob("*") if path.is_file() and names & set(words_of(path))]


def words_of(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        yield from words(str(pq.read_table(path).to_pylist()))
    elif path.suffix == ".npy":
        array = np.load(path)
        if array.dtype.kind == "S":
            yield from (value.decode().removeprefix("anonymous:") for value in array.tolist())
        assert array.dtype.kind in "Sbiuf", path  # figures hold nobody
    elif path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database:
            for line in database.iterdump():
                yield from words(line)
    elif path.suffix != ".png":
        yield from words(path.read_text("utf-8"))


def words(text: str) -> list[str]:
    return re.findall(r"[\w-]+", text)


def test_an_erased_customer_is_in_no_training_and_does_not_come_back(
    run: Run, start: Callable[[], Client]
) -> None:
    log = run.log
    old: Event = next(e for e in events_of(log.dataset.to_table()) if e.user_id == run.customer)
    before = log.fingerprint
    client = start()
    assert run.customer in trained_on(run.shop.settings)
    assert client.get(f"/v1/customers/{run.customer}").status_code == 200

    client.track("Product Viewed", "fresh", userId=run.customer, product_id="p0001")
    assert client.get(f"/v1/customers/{run.customer}/churn").json()["probability"] is not None
    yes = {"purpose": "personalisation", "status": "granted"}
    client.track("Consent Changed", "yes", userId=run.customer, **yes)
    assert client.recommend(customer_id=run.customer)["fallback"] is None
    client.service.scores.flush()
    client.service.impressions.flush()
    run.serving("export")
    beside = [kind.beside(log.path, log.erasures) for kind in (Served, Impressions)]
    for kept in beside:
        assert naming(kept.folder, run.ids) == kept.files
        assert kept.files
    erase(client, run.customer)

    for name in run.ids:
        assert client.get(f"/v1/customers/{name}").status_code == 404
    assert log.fingerprint != before
    assert not set(run.ids) & set(trained_on(run.shop.settings))
    assert [kept.between(0, 2**60).num_rows for kept in beside] == [0, 0]
    frame = features.frame(run.log.path, at="2026-06-30")
    assert run.customer not in frame.index.get_level_values(0)

    client.track("Product Viewed", "fresh", userId=run.customer, product_id="p0001")
    client.post("/v1/track", again(old))
    run.serving("export")
    assert client.get(f"/v1/customers/{run.customer}").status_code == 404
    assert "0 events accepted" in run.shop.done("import", run.data.with_name("tables")).stdout
    run.serving("load")
    assert client.get(f"/v1/customers/{run.customer}").status_code == 404

    run.shop.done("compact")
    assert naming(run.log.path, run.ids) == []
    assert [naming(kept.folder, run.ids) for kept in beside] == [[], []]
    assert "0 events accepted" in run.shop.done("import", run.data.with_name("tables")).stdout
    run.shop.done("train", "--recipe", run.data.with_name("quick.toml"))
    assert not set(run.ids) & set(trained_on(run.shop.settings))
    assert naming(run.log.path, run.ids) == []


def again(event: Event) -> dict[str, object]:
    """What a client that kept the event for long would send."""
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": f"late-{event.event_id}",
        "userId": event.user_id,
        "properties": {"product_id": "p0001"},
        "timestamp": "2026-06-01T00:00:00Z",
    }


def test_a_restored_backup_of_store_and_log_is_clean_from_the_start(
    run: Run, start: Callable[[], Client], tmp_path: Path
) -> None:
    shutil.copy(run.data / "store.db", tmp_path / "store.db")
    shutil.copytree(run.data / "log", tmp_path / "log")
    erase(start(), run.customer)
    run.shop.done("compact")

    for name in ("store.db-wal", "store.db-shm"):
        (run.data / name).unlink(missing_ok=True)
    shutil.move(tmp_path / "store.db", run.data / "store.db")
    shutil.rmtree(run.data / "log")
    shutil.move(tmp_path / "log", run.data / "log")

    assert naming(run.log.path, run.ids)
    assert not set(run.ids) & set(trained_on(run.shop.settings))
    restored = start()
    for name in run.ids:
        assert restored.get(f"/v1/customers/{name}").status_code == 404
    assert len(restored.get("/v1/erasures").json()["erasures"]) == 1


def test_no_model_and_no_artefact_holds_anybody(run: Run) -> None:
    everybody = tuple(timelines_of(run.log).ids())
    assert len(everybody) > 300
    for folder in (run.shop.settings.artifacts, run.shop.settings.bundles):
        assert any(folder.rglob("*.npy"))
        assert naming(folder, everybody) == []
    names = {name.removeprefix("anonymous:") for name in everybody}
    assert not names & set(words_of(run.data / "mlflow.db"))
    assert {path.name for path in naming(run.log.path, everybody)} >= {"customers.npy"}
