"""kill -9 under load; `REGULARS_CRASH_ROUNDS=50` or `python -m tests.crash` for many rounds."""

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash import Batch, crash, failures, messages
from tests.postgres import Postgres

ROUNDS = int(os.environ.get("REGULARS_CRASH_ROUNDS", "3"))


def survived(store: str, folder: Path) -> None:
    settings = {"REGULARS_DATA": str(folder / "data"), "REGULARS_STORE": store}
    figures = crash(settings, folder / "log", rounds=ROUNDS, seed=1, workers=2)
    assert figures.failures == []
    assert figures.rounds == ROUNDS
    assert figures.acknowledged
    assert figures.in_doubt


def test_a_killed_service_has_every_acknowledged_event_once_and_whole(tmp_path: Path) -> None:
    survived("", tmp_path)


def test_so_has_one_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    survived(postgres.database(), tmp_path)


@pytest.mark.parametrize("lost", ["events", "timeline_parts", "consents", "timers", "quarantine"])
def test_the_check_notices_what_is_lost(client, settings, lost) -> None:
    batch = Batch(list(messages(random.Random(0), "all-one", 40)))
    batch.answer = client.post("/v1/batch", {"batch": batch.messages}).status_code
    store = client.service.store
    assert failures(store, 0, [batch]) == []
    with closing(sqlite3.connect(settings.store_file)) as database, database:
        database.execute(f"DELETE FROM {lost}")
    assert failures(store, 0, [batch])


def test_the_check_notices_what_is_half_there_or_from_nowhere(client) -> None:
    batch = Batch(list(messages(random.Random(0), "all-one", 40)))
    client.post("/v1/batch", {"batch": batch.messages[:20]})
    assert "of a batch's" in " ".join(failures(client.service.store, 0, [batch]))
    assert "never sent" in " ".join(failures(client.service.store, 0, []))
