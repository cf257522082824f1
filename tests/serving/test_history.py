"""A shop's past into the store: whole, restartable, and waking nobody."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from features.catalog import Product
from features.columns import ProductId
from features.compute import vector
from features.consents import ConsentRules, standing
from features.errors import InputError
from features.events.event import BOT, table_of
from features.events.importer import import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
from features.events.validation import parse
from features.instants import instant
from features.reference import Reference
from features.timeline import FOREVER
from features.timeline_build import timelines_of
from serving import history
from serving.__main__ import cli
from serving.store import ProductChange, open_store

BOTH = pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)

NOON = instant("2011-09-10T12:00:00Z")


def message(event, message_id, at, **fields):
    ids = {name: fields.pop(name) for name in ("userId", "anonymousId") if name in fields}
    return {
        "type": "track",
        "event": event,
        "messageId": message_id,
        "timestamp": at,
        "properties": fields,
        **ids,
    }


LINES = [{"product_id": "tea", "quantity": 2, "price": 3.0}, {"product_id": "pot", "price": 12.0}]

PAST = [
    message("Product Viewed", "m1", "2011-09-01T08:00:00Z", anonymousId="v", product_id="tea"),
    message(
        "Order Completed",
        "m2",
        "2011-09-01T09:00:00Z",
        userId="ann",
        anonymousId="v",
        order_id="o1",
        total=18,
        products=LINES,
    ),
    message(
        "Consent Changed",
        "m3",
        "2011-09-01T09:01:00Z",
        userId="ann",
        purpose="marketing",
        status="granted",
    ),
    message("Checkout Started", "m4", "2011-09-10T11:00:00Z", userId="bob"),
    message("Product Viewed", "m5", "2011-09-10T11:00:00Z", userId="bob", product_id="cup"),
]


@pytest.fixture
def log(settings):
    out = EventLog(settings.log)
    append(out, PAST)
    return out


@pytest.fixture
def store(settings):
    out = open_store(settings)
    yield out
    out.close()


def append(log, messages):
    log.append(table_of(parse(m, instant(m["timestamp"])) for m in messages))


@BOTH
def test_the_past_is_in_the_store_as_it_is_in_the_log(log, store):
    loaded = history.load(log, store)
    assert (loaded.customers, loaded.products, loaded.links, loaded.consents) == (3, 3, 1, 1)
    ann = store.person("ann")
    assert ann.identifiers == ("ann", "anonymous:v")
    assert len(ann.timeline) == 5
    assert [c.purpose for c in store.consents("ann")] == ["marketing"]
    names = [product.product_id for product in store.products()]
    assert sorted(names[i] for i in store.popular(2)) == ["pot", "tea"]


def test_a_bots_past_grants_nothing_ties_nobody_and_denies_all_the_same(log, store):
    said = {"userId": "cy", "anonymousId": "w", "purpose": "profiling"}
    bots = [
        message("Consent Changed", f"b{n}", f"2011-09-02T0{n}:00:00Z", status=status, **said)
        for n, status in enumerate(("granted", "denied"))
    ]
    log.append(table_of(parse(m, instant(m["timestamp"]), marks=(BOT,)) for m in bots))
    loaded = history.load(log, store)
    assert (loaded.links, loaded.consents) == (1, 2)
    assert [(c.event_id, c.status) for c in store.consents("cy")] == [("b1", "denied")]
    assert store.consents("anonymous:w") == []


def test_amounts_that_no_row_can_hold_stop_no_load(log, store):
    """Older logs hold some: an event with 1e39 was once accepted."""
    old = parse(PAST[0], NOON)
    log.append(table_of([replace(old, event_id="o", user_id="dee", value=1e39, quantity=1e300)]))
    history.load(log, store)
    [row] = store.person("dee").timeline.rows()[-1:]
    assert np.isnan([row["value"], row["quantity"]]).all()


@BOTH
def test_the_ledger_is_loaded_with_its_sources_and_the_basis_of_imports(log, store, tmp_path):
    (tmp_path / "visits.csv").write_text(
        "event_id,event,timestamp,user_id\nx1,Store Visited,2011-09-02,cid\n"
    )
    table = {"files": ["visits.csv"], "produces": "events", "select": "SELECT * FROM visits"}
    club = Mapping.model_validate(
        {"name": "club", "currency": "EUR", "legal_basis": "consent", "tables": {"visits": table}}
    )
    import_tables(club, tmp_path, log, now=NOON)
    bot = parse(PAST[2] | {"messageId": "bot"}, NOON, marks=("bot",))
    log.append(table_of([bot]))
    banner = {"consent": {"categoryPreferences": {"Analytics": False}}}
    append(log, [{**PAST[4], "messageId": f"b{i}", "context": banner} for i in range(9)])
    for _ in range(2):  # again, from the log that has grown by one event
        history.load(log, store)
        append(log, [message("Cart Viewed", "m9", "2011-09-02", userId="bob")])
    assert [(c.event_id, c.source) for c in store.consents("ann")] == [("m3", "api")]
    [denied, *repeated] = store.consents("bob")
    assert (denied.purpose, denied.status, denied.carried) == ("profiling", "denied", True)
    assert len(repeated) == 1, "the first and the last of nine that say the same"
    assert {(c.purpose, c.status, c.source) for c in store.consents("cid")} == {
        ("personalisation", "required", "club"),
        ("profiling", "required", "club"),
    }
    for customer, profiled in (("ann", True), ("bob", False), ("cid", False)):
        stands = standing(store.consents(customer), ConsentRules(), "profiling", at=NOON)
        assert stands.allowed == profiled


@BOTH
def test_features_online_are_those_offline(log, start):
    client = start()
    history.load(log, client.service.store)
    catalog = log.catalog
    online = client.service.profiles.known("ann").features()
    timelines = timelines_of(log)
    [place] = timelines.index(["ann"])
    offline = vector(timelines.customer(int(place)), NOON + 1, catalog, Reference.empty(catalog))
    np.testing.assert_array_equal(online, offline)


@pytest.mark.parametrize("customer", ["ann", "bob"])
def test_features_of_replayed_events_are_those_offline(log, client, customer):
    assert client.post("/v1/batch", {"batch": PAST}).is_success
    online = client.service.profiles.known(customer).features()
    timelines, catalog = timelines_of(log), log.catalog
    [place] = timelines.index([customer])
    offline = vector(timelines.customer(int(place)), NOON + 1, catalog, Reference.empty(catalog))
    np.testing.assert_array_equal(online, offline)


@BOTH
def test_a_load_that_was_interrupted_goes_on_where_it_stopped(log, store, monkeypatch):
    monkeypatch.setattr(history, "PEOPLE_AT_ONCE", 1)
    put = store.put_history
    calls = []

    def stop_after_one(fingerprint, position, people):
        if calls:
            raise KeyboardInterrupt
        calls.append(position)
        put(fingerprint, position, people)

    with monkeypatch.context() as stopped:
        stopped.setattr(store, "put_history", stop_after_one)
        with pytest.raises(KeyboardInterrupt):
            history.load(log, store)
    assert store.history_position(log.fingerprint) == 1
    told = []
    history.load(log, store, progress=lambda stage, done, _: told.append((stage, done)))
    assert [done for stage, done in told if stage == "customers"] == [2, 3]
    assert len(store.person("ann").timeline) == 5


KILLED = """
import os, sys
from features.events.log import EventLog
from serving import history
from serving.settings import ServingSettings
from serving.store import open_store

history.PEOPLE_AT_ONCE = history.ROWS_AT_ONCE = 1
settings = ServingSettings()
store = open_store(settings)
done = getattr(type(store), sys.argv[1])
calls = []

def die_at_the_second(*arguments):
    if calls:
        os._exit(9)
    calls.append(done(*arguments))
    return calls[0]

setattr(type(store), sys.argv[1], die_at_the_second)
history.load(EventLog(settings.log), store)
"""


@pytest.mark.parametrize("at", ["put_history_ids", "put_products", "put_history"])
def test_a_killed_load_is_completed_by_the_next(log, store, settings, at):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, at],
        env=os.environ | {"REGULARS_DATA": str(settings.data)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    assert killed.returncode == 9, killed.stderr
    assert not history.load(log, store).already
    assert len(store.person("ann").timeline) == 5
    assert len(store.person("bob").timeline) == 2
    assert store.known_ids(["m1", "order:o1", "m5"]) == {"m1", "order:o1", "m5"}
    assert not (log.path / history.FOLDER).exists()


def test_loading_again_changes_nothing_and_a_grown_log_replaces_the_past(log, store):
    history.load(log, store)
    assert history.load(log, store).already
    append(log, [message("Product Viewed", "m6", "2011-09-02", userId="ann", product_id="tea")])
    assert not history.load(log, store).already
    assert len(store.person("ann").timeline) == 6


def test_a_historical_event_that_a_client_sends_again_counts_once_for_good(log, client):
    history.load(log, client.service.store)
    client.post("/v1/batch", {"batch": PAST})
    append(log, [message("Cart Viewed", "m6", "2011-09-02", userId="bob")])
    history.load(log, client.service.store)
    client.post("/v1/batch", {"batch": PAST})
    assert client.get("/v1/customers/ann").json()["events"] == 3
    assert client.get("/v1/customers/bob").json()["events"] == 3


@BOTH
def test_what_came_by_http_first_is_not_loaded_again(log, client):
    store = client.service.store
    client.post("/v1/batch", {"batch": PAST[:3]})
    before = {i: store.person(i).timeline.to_bytes() for i in ("ann", "anonymous:v")}
    loaded = history.load(log, store)
    assert (loaded.own, loaded.rows) == (3, 2)
    assert {i: store.person(i).timeline.to_bytes() for i in before} == before
    assert len(store.consents("ann")) == 1
    names = [product.product_id for product in store.products()]
    assert {names[i] for i in store.popular(2)} == {"tea", "pot"}


@BOTH
def test_what_comes_by_http_during_a_load_counts_once(log, client, monkeypatch):
    # between the counting of the ids and the customers, the widest gap there is
    monkeypatch.setattr(
        history, "_links", lambda *_: client.post("/v1/batch", {"batch": PAST}) and 0
    )
    history.load(log, client.service.store)
    assert client.get("/v1/customers/ann").json()["events"] == 2
    assert client.get("/v1/customers/bob").json()["events"] == 2


def test_what_is_appended_to_the_log_during_a_load_is_the_next_loads(log, store, monkeypatch):
    later = [message("Cart Viewed", "m6", "2011-09-02", userId="bob")]
    monkeypatch.setattr(history, "_links", lambda *_: append(log, later) or 0)
    history.load(log, store)
    assert len(store.person("bob").timeline) == 2
    assert store.known_ids(["m5", "m6"]) == {"m5"}
    monkeypatch.undo()
    history.load(log, store)
    assert len(store.person("bob").timeline) == 3


@BOTH
def test_a_visitor_who_turns_out_to_be_shared_is_nobodys_as_in_the_log(log, store):
    append(log, [message("Product Viewed", "m6", "2011-09-02", anonymousId="w", product_id="cup")])
    history.load(log, store)
    assert len(store.person("anonymous:w").timeline) == 1
    links = [
        message("Cart Viewed", "m7", "2011-09-03", userId="bob", anonymousId="w"),
        message("Cart Viewed", "m8", "2011-09-03", userId="bob", anonymousId="v"),
    ]
    append(log, links)
    history.load(log, store)
    timelines = timelines_of(log)
    now = {
        name: timelines.customer(place).until(FOREVER - 1)
        for place, name in enumerate(timelines.ids())
    }
    assert [name for name, built in now.items() if len(built)] == ["ann", "anonymous:v", "bob"]
    for name in ("ann", "anonymous:v", "bob"):
        stored, built = store.person(name).timeline, now[name]
        np.testing.assert_array_equal(stored.at, built.at)
        np.testing.assert_array_equal(stored.type, built.type)
        # the log also knows when a shared device's rows came back to the visitor
        assert (stored.known_at <= built.known_at).all()
    np.testing.assert_array_equal(store.person("bob").timeline.known_at, now["bob"].known_at)


def test_what_a_feed_told_of_a_product_outlives_a_load(log, client):
    log.save_catalog(log.catalog.extended([Product(ProductId("tea"), title="Tea", price=3.0)]))
    history.load(log, client.service.store)
    client.service.store.feed([ProductChange("tea", price=4.5)], at=NOON)
    append(log, [message("Cart Viewed", "m6", "2011-09-02", userId="bob")])
    history.load(log, client.service.store)
    tea = client.service.store.product("tea")
    assert (tea.title, tea.price) == ("Tea", 4.5)


def test_what_a_visitor_did_before_the_load_is_still_theirs(log, client):
    client.track("Product Viewed", "live", anonymousId="v", product_id="tea")
    history.load(log, client.service.store)
    assert client.get("/v1/customers/ann").json()["events"] == 4


def test_the_past_wakes_nobody(log, client, clock):
    history.load(log, client.service.store)
    clock.advance(minutes=10)
    client.run_timers()
    assert client.get("/v1/decisions?customer_id=bob").json()["decisions"] == []


def test_an_empty_log_is_told_the_next_step(settings, store):
    with pytest.raises(InputError, match="training import"):
        history.load(EventLog(settings.log), store)


# --- the command line ---------------------------------------------------------------------------


@pytest.fixture
def run(settings, monkeypatch):
    monkeypatch.setenv("REGULARS_DATA", str(settings.data))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(cli, words)


def test_load_tells_what_it_brought_and_that_it_is_done(log, run):
    first, again = run("load", "--log", str(log.path)), run("load")
    assert first.exit_code == again.exit_code == 0, first.output
    assert "Loaded 3 customer ids with 7 timeline rows, 3 products, 1 links" in first.output
    assert "Nothing to do" in again.output


def test_load_without_a_log_says_what_to_do_and_shows_no_stack(run):
    result = run("load")
    assert result.exit_code == 1
    assert "is empty; run `python -m training import` first" in result.output
    assert "Traceback" not in result.output


def test_help_has_examples(run):
    assert "python -m serving load --log" in run("--help").output
    assert "python -m serving serve" in run("serve", "--help").output
    assert "python -m serving load --log" in run("load", "--help").output


def test_a_store_of_another_kind_is_refused(run, monkeypatch):
    monkeypatch.setenv("REGULARS_STORE", "mysql://user:secret@host/db")
    result = run("load")
    assert result.exit_code == 1
    assert "sqlite:///" in result.output
    assert "secret" not in result.output
