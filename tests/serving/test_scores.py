"""What is served is kept: beside the answers, and out to the event log's side, each score once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from features.errors import StorageError
from features.events.log import EventLog
from features.events.served import Served
from features.instants import DAY_MS
from serving import export as exporting
from serving.export import Exported, export
from serving.store import Score
from tests.serving.conftest import HORIZON_DAYS, NOON
from tests.serving.test_customers import buy

BOTH = pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def shop(trained_client):
    """A service with a model and two customers who ordered."""
    buy(trained_client, "o1", "tea")
    buy(trained_client, "o2", "pot", user="ben")
    return trained_client


def asked(client, customer_id="ann"):
    answer = client.get(f"/v1/customers/{customer_id}/churn")
    assert answer.status_code == 200, answer.text
    return answer.json()["probability"]


def kept(client, customer_id="ann"):
    client.service.scores.flush()
    return client.service.store.scores(customer_id)


def in_files(settings):
    served = Served.beside(settings.log, EventLog(settings.log).erasures)
    return served.between(0, 2**60).to_pylist()


@BOTH
def test_what_was_answered_is_kept_as_it_was_once_a_day(shop, clock):
    first = asked(shop)
    clock.advance(minutes=60)
    buy(shop, "o3", "tea")
    assert asked(shop) != first
    assert kept(shop) == [Score("ann", "1", NOON + 1, HORIZON_DAYS, first)]
    clock.advance(minutes=24 * 60)
    second = asked(shop)
    assert [(s.at, s.probability) for s in kept(shop)][1:] == [
        (NOON + DAY_MS + 3_600_000 + 1, second)
    ]


def test_where_no_score_was_given_none_is_kept(shop):
    shop.track("Product Viewed", "m1", userId="eve", product_id="tea")
    assert asked(shop, "eve") is None
    shop.track("Consent Changed", "m2", userId="ann", purpose="profiling", status="denied")
    assert asked(shop) is None
    assert kept(shop) == kept(shop, "eve") == []


def test_a_store_that_refuses_breaks_no_answer_and_what_waits_is_written_later(shop, monkeypatch):
    def refuse(_):
        raise StorageError("cannot store what was served: the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(shop.service.store, "put_scores", refuse)
        probability = asked(shop)
        with pytest.raises(StorageError):
            shop.service.scores.flush()
        asked(shop, "ben")
    assert [s.probability for s in kept(shop)] == [probability]
    assert len(kept(shop, "ben")) == 1


def test_who_is_erased_before_it_is_written_is_not_written(shop):
    asked(shop)
    shop.request("DELETE", "/v1/customers/ann", params={"who": "officer", "why": "letter"})
    shop.service.scores.flush()
    assert shop.service.store.scores_after(0, 10) == []


def test_whoever_asks_is_told_what_was_served_of_them(shop):
    probability = asked(shop)
    shop.service.scores.flush()
    assert shop.get("/v1/customers/ann/export").json()["scores"] == [
        {
            "customer_id": "ann",
            "version": "1",
            "at": "2011-09-10T12:00:00.001000Z",
            "horizon_days": HORIZON_DAYS,
            "probability": probability,
        }
    ]


@BOTH
def test_an_export_brings_each_score_once(shop, settings, clock):
    first, other = asked(shop), asked(shop, "ben")
    shop.service.scores.flush()
    store, log = shop.service.store, EventLog(settings.log)
    assert export(store, log) == Exported(2, known=0, products=2, scores=2)
    assert export(store, log) == Exported(0, known=0, products=0, scores=0)
    clock.advance(minutes=24 * 60)
    second = asked(shop)
    asked(shop, "ben")
    shop.service.scores.flush()
    assert export(store, log).scores == 2
    rows = [(r["customer_id"], r["version"], r["probability"]) for r in in_files(settings)]
    assert rows[:3] == [("ann", "1", first), ("ben", "1", other), ("ann", "1", second)]
    assert len(rows) == 4


def test_an_older_copy_of_the_files_is_filled_anew(shop, settings, clock, tmp_path):
    asked(shop)
    shop.service.scores.flush()
    export(shop.service.store, EventLog(settings.log))
    before = in_files(settings)
    for path in Served.beside(settings.log, EventLog(settings.log).erasures).files:
        path.rename(tmp_path / path.name)
    clock.advance(minutes=1)
    assert export(shop.service.store, EventLog(settings.log)).scores == 1
    assert in_files(settings) == before


def test_small_portions_bring_the_same(shop, settings, clock, monkeypatch):
    monkeypatch.setattr(exporting, "EVENTS_AT_ONCE", 2)
    for _ in range(5):
        asked(shop)
        clock.advance(minutes=24 * 60)
    shop.service.scores.flush()
    assert export(shop.service.store, EventLog(settings.log)).scores == 5
    assert len(in_files(settings)) == 5


KILLED = """
import os
from features.events.log import EventLog
from serving.export import SCORES_POSITION, export
from serving.settings import ServingSettings
from serving.store import open_store

settings = ServingSettings()
store = open_store(settings)
put = store.put_position
store.put_position = lambda name, at: os._exit(9) if name == SCORES_POSITION else put(name, at)
export(store, EventLog(settings.log))
"""


@BOTH
def test_an_export_killed_between_files_and_watermark_brings_nothing_twice(shop, settings):
    asked(shop)
    shop.service.scores.flush()
    environment = os.environ | {
        "REGULARS_DATA": str(settings.data),
        "REGULARS_STORE": settings.store,
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    assert killed.returncode == 9, killed.stderr
    before = in_files(settings)
    assert len(before) == 1
    assert export(shop.service.store, EventLog(settings.log)).scores == 0
    assert in_files(settings) == before
