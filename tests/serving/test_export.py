"""What the store took in, out to the event log: exactly once, and meaning the same there."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from features.catalog import Product
from features.columns import ProductId
from features.compute import vector
from features.events.event import events_of, table_of
from features.events.log import EventLog
from features.instants import instant
from features.reference import Reference
from features.timeline import COLUMNS, FOREVER
from features.timeline_build import timelines_of
from serving import export as exporting
from serving import history
from serving.__main__ import cli
from serving.export import Exported, export
from serving.store import ProductChange

BOTH = pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)

NOON = instant("2011-09-10T12:00:00Z")

LIVED = [
    ("Product Viewed", {"anonymousId": "v"}, {"product_id": "tea"}),
    ("Product Viewed", {"anonymousId": "w"}, {"product_id": "cup"}),
    ("Product Added", {"userId": "ann", "anonymousId": "v"}, {"product_id": "tea", "price": 3}),
    (
        "Order Completed",
        {"userId": "ann"},
        {
            "order_id": "o1",
            "total": 18,
            "products": [
                {"product_id": "tea", "quantity": 2, "price": 3},
                {"product_id": "pot", "quantity": 1, "price": 12},
            ],
        },
    ),
    (
        "Order Refunded",
        {"userId": "ann"},
        {"order_id": "o1", "total": 12, "products": [{"product_id": "pot", "price": 12}]},
    ),
    ("Product Reviewed", {"userId": "ann"}, {"product_id": "tea", "rating": 2, "review_id": "r"}),
    ("Shelf Inspected", {"userId": "ann"}, {}),
    ("Tier Changed", {"userId": "ben"}, {"tier": "gold", "tier_level": 3}),
    ("Consent Changed", {"userId": "ben"}, {"purpose": "marketing", "status": "granted"}),
]


@pytest.fixture
def log(settings):
    return EventLog(settings.log)


@pytest.fixture
def live(client, clock):
    """A service that some customers have visited."""
    for number, (name, ids, properties) in enumerate(LIVED):
        clock.advance(minutes=1)
        assert client.track(name, f"m{number}", **ids, **properties).is_success
    return client


@pytest.fixture
def store(live):
    return live.service.store


def logged(log):
    return [e for path in log.segments for e in events_of(pq.read_table(path))]


def by_id(events):
    return sorted(events, key=lambda event: event.event_id)


@BOTH
def test_the_log_has_what_the_store_has_field_by_field(store, log):
    assert export(store, log) == Exported(len(LIVED), known=0, products=3)
    assert by_id(logged(log)) == by_id(s.event for s in store.events_after(0, 100))


@BOTH
def test_timelines_and_features_offline_are_those_online(live, store, log, clock):
    export(store, log)
    timelines, catalog = timelines_of(log), log.catalog
    now = {
        name: timelines.customer(place).until(FOREVER - 1)
        for place, name in enumerate(timelines.ids())
    }
    names = [name for name, built in now.items() if len(built)]
    assert names == ["ann", "anonymous:w", "ben"]
    numbers = np.array([catalog.index[p.product_id] for p in store.products()], np.int32)
    for name in names:
        online = store.person(name).timeline.with_products(numbers)
        offline = now[name]
        for column in COLUMNS:
            np.testing.assert_array_equal(getattr(online, column), getattr(offline, column))
        np.testing.assert_array_equal(
            live.service.profiles.known(name).features(),
            vector(offline, clock() + 1, catalog, Reference.empty(catalog)),
        )


def test_an_export_brings_only_what_is_new(live, store, log):
    export(store, log)
    assert export(store, log) == Exported(0, known=0, products=0)
    live.track("Product Viewed", "later", userId="ann", product_id="tin")
    assert export(store, log) == Exported(1, known=0, products=1)
    assert len(log) == len(LIVED) + 1


@BOTH
def test_small_portions_bring_the_same(store, log, monkeypatch):
    monkeypatch.setattr(exporting, "EVENTS_AT_ONCE", 4)
    monkeypatch.setattr(exporting, "PAGE_EVENTS", 2)
    told = []
    export(store, log, progress=lambda *figures: told.append(figures))
    assert [done for _, done, _ in told] == [4, 8, 9]
    assert {total for *_, total in told} == {9}
    assert by_id(logged(log)) == by_id(s.event for s in store.events_after(0, 100))


def test_a_new_log_and_an_older_copy_of_a_log_are_filled_anew(live, store, log, tmp_path):
    export(store, log)
    other = EventLog(tmp_path / "other")
    assert export(store, other).events == len(LIVED)
    live.track("Product Viewed", "later", userId="ann", product_id="tin")
    export(store, other)
    assert export(store, log) == Exported(1, known=len(LIVED), products=1)
    imported = EventLog(tmp_path / "imported")  # it has the last event, from the shop's tables
    [last] = store.events(limit=1)
    imported.append(table_of([last.event]))
    assert export(store, imported) == Exported(len(LIVED), known=1, products=3)


def test_products_come_with_what_the_store_was_told_of_them(store, log):
    log.append(table_of([replace(store.events_after(0, 1)[0].event, event_id="old")]))
    log.save_catalog(
        log.catalog.extended(
            [Product(ProductId("tea"), title="Tea", price=2.0, attributes={"leaf": "black"})]
        )
    )
    store.feed(
        [
            ProductChange("tea", price=3.5, available=False),
            ProductChange("pan", title="Pan", category="Kitchen > Pans", price=20.0),
        ],
        at=NOON,
    )
    store.put_products([Product(ProductId("pot"), title="Pot")])
    export(store, log)
    catalog = log.catalog
    assert set(catalog.ids) == {"tea", "cup", "pot", "pan"}
    tea, pan, pot = (catalog.product(catalog.find(name)) for name in ("tea", "pan", "pot"))
    assert pot.title == "Pot"
    assert (tea.title, tea.price, tea.available) == ("Tea", 3.5, False)
    assert tea.attributes == {"leaf": "black"}
    assert (pan.title, pan.category, pan.price) == ("Pan", "Kitchen > Pans", 20.0)


@BOTH
def test_loading_what_was_exported_changes_nothing(store, log):
    export(store, log)
    before = {name: store.person(name).timeline.to_bytes() for name in ("ann", "ben")}
    popular = store.popular(10)
    loaded = history.load(log, store)
    assert (loaded.own, loaded.rows) == (len(LIVED), 0)
    assert {name: store.person(name).timeline.to_bytes() for name in before} == before
    assert store.popular(10) == popular
    assert export(store, log) == Exported(0, known=0, products=0)


KILLED = """
import os
from features.events.log import EventLog
from serving.export import POSITION, export
from serving.settings import ServingSettings
from serving.store import open_store

settings = ServingSettings()
store = open_store(settings)
type(store).put_position = lambda *_: os._exit(9)
export(store, EventLog(settings.log))
"""


def test_an_export_killed_between_log_and_watermark_appends_nothing_twice(store, log, settings):
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
    assert len(log) == len(LIVED)
    assert export(store, log) == Exported(0, known=len(LIVED), products=0)
    assert len(log) == len(LIVED)


@pytest.mark.usefixtures("live")
def test_the_command_says_what_it_did(settings, monkeypatch):
    monkeypatch.setenv("REGULARS_DATA", str(settings.data))
    monkeypatch.setenv("REGULARS_STORE", settings.store)
    monkeypatch.setenv("COLUMNS", "200")
    first, again = (CliRunner().invoke(cli, ["export"]) for _ in range(2))
    assert first.exit_code == again.exit_code == 0, first.output
    assert f"Exported 9 events and 3 products to {settings.log}." in first.output
    assert "Nothing to do" in again.output
