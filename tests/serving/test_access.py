"""The access log: who read whose profile, when; written beside the reads, not by them."""

import threading

import pytest

from features.errors import StorageError
from serving import buffer
from serving.access import AccessLog
from serving.keys import Caller
from serving.scopes import Scope
from tests.serving.conftest import NOON

ANN = {"customer_id": "ann"}


def seen(client, **params):
    return client.get("/v1/access", params=params).json()["accesses"]


def told(client, **params):
    return [(a["key"], a["endpoint"], a["customer_id"]) for a in seen(client, **params)]


@pytest.fixture
def crm(client):
    client.track("Checkout Started", "m1", userId="ann", anonymousId="v1")
    client.track("Product Viewed", "m2", userId="bob", product_id="tea")
    return client.keyed(Scope.READ, name="crm")


def test_who_read_a_profile_is_told_with_when_and_by_what(client, crm):
    crm.get("/v1/customers/ann")
    [entry] = seen(client, **ANN)
    assert entry == {
        "sequence": entry["sequence"],
        "at": "2011-09-10T12:00:00Z",
        "key": "crm",
        "scopes": ["read"],
        "method": "GET",
        "endpoint": "/v1/customers/{customer_id}",
        "customer_id": "ann",
    }


def test_every_way_to_read_about_a_customer_is_logged(client, crm, clock):
    clock.advance(minutes=3)
    client.run_timers()
    crm.get("/v1/customers/anonymous:v1")
    [decision] = crm.get("/v1/decisions", params=ANN).json()["decisions"]
    crm.get(f"/v1/decisions/{decision['decision_id']}")
    crm.get("/v1/events", params=ANN)
    both = [
        ("crm", "/v1/events", "ann"),
        ("crm", "/v1/decisions/{decision_id}", "ann"),
        ("crm", "/v1/decisions", "ann"),
        ("crm", "/v1/customers/{customer_id}", "anonymous:v1"),
    ]
    assert told(client, **ANN) == both
    own = [("api", "/v1/access", "ann")]
    assert told(client, customer_id="anonymous:v1") == own + both
    assert told(client, customer_id="bob") == []


def test_the_customer_who_was_answered_about_is_logged_not_another_that_was_named(client, crm):
    crm.get("/v1/decisions?customer_id=nobody&customer_id=bob")
    assert told(client) == [("crm", "/v1/decisions", "bob")]


def test_of_an_erased_customer_it_is_kept_who_asked_and_not_about_whom(client, crm, clock):
    crm.get("/v1/customers/ann")
    clock.advance(minutes=1)
    params = {"who": "officer", "why": "letter"}
    key = {"Idempotency-Key": "k1"}
    sent = [client.request("DELETE", "/v1/customers/ann", params=params, headers=key).json()]
    sent.append(client.request("DELETE", "/v1/customers/ann", params=params, headers=key).json())
    clock.advance(minutes=1)
    crm.get("/v1/decisions", params=ANN)
    erased = sent[0]["erasure_id"]
    assert sent[1]["erasure_id"] == erased
    delete = ("api", "/v1/customers/{customer_id}", erased)
    assert told(client) == [
        ("crm", "/v1/decisions", erased),
        delete,
        delete,
        ("crm", "/v1/customers/{customer_id}", erased),
    ]


def test_who_is_asked_for_by_an_address_is_logged_without_it(client, crm):
    client.post("/v1/identify", {"userId": "eve", "traits": {"email": "eve@shop.example"}})
    crm.get("/v1/customers/Eve@shop.example")
    [(_, _, customer_id)] = told(client)
    assert customer_id.startswith("email:")
    assert "shop" not in customer_id


def test_a_list_over_all_customers_is_logged_as_such(client, crm):
    crm.get("/v1/events")
    crm.get("/v1/quarantine")
    assert told(client)[:2] == [("crm", "/v1/quarantine", None), ("crm", "/v1/events", None)]


def test_what_was_not_read_is_not_logged(client, crm):
    crm.get("/v1/customers/nobody-at-all")
    crm.get("/v1/decisions")
    client.without_key().get("/v1/customers/ann")
    client.keyed(Scope.WRITE, name="site").get("/v1/customers/ann")
    crm.post("/v1/recommendations", ANN)
    crm.get("/health/ready")
    assert told(client) == []


def test_reading_the_access_log_is_logged_too(client, crm):
    crm.get("/v1/customers/ann")
    seen(client, **ANN)
    assert ("api", "/v1/access", "ann") in told(client, **ANN)


def test_the_access_log_is_an_admins(crm):
    assert crm.get("/v1/access").status_code == 403


def test_reading_writes_nothing_until_the_next_flush(client, crm, monkeypatch):
    written = []
    monkeypatch.setattr(client.service.store, "put_accesses", written.append)
    for _ in range(20):
        crm.get("/v1/customers/ann")
    assert written == []
    client.service.access.flush()
    assert [len(batch) for batch in written] == [20]


def test_what_the_store_refuses_is_written_later(client, crm, monkeypatch):
    def refuse(_):
        raise StorageError("cannot store who read what: the disk is full")

    crm.get("/v1/customers/ann")
    with monkeypatch.context() as patched:
        patched.setattr(client.service.store, "put_accesses", refuse)
        with pytest.raises(StorageError):
            client.service.access.flush()
        assert crm.get("/v1/customers/bob").is_success
    assert told(client)[:2] == [
        ("crm", "/v1/customers/{customer_id}", "bob"),
        ("crm", "/v1/customers/{customer_id}", "ann"),
    ]


def test_while_the_store_is_away_no_more_is_kept_than_there_is_room_for(client, monkeypatch):
    monkeypatch.setattr(AccessLog, "kept", 10)
    monkeypatch.setattr(buffer, "AT_ONCE", 4)
    log = AccessLog(client.service.store, lambda: NOON)
    for n in range(25):
        log.add(Caller("crm", frozenset({Scope.READ})), "GET", "/x", f"c{n}")
    log.flush()
    kept = [a.customer_id for a in client.service.store.accesses()]
    assert kept == [f"c{n}" for n in range(24, 14, -1)]


def test_readers_and_flushes_side_by_side_lose_and_double_nothing(client):
    log = AccessLog(client.service.store, lambda: NOON)
    crm = Caller("crm", frozenset({Scope.READ}))
    done = threading.Event()

    def flush():
        while not done.is_set():
            log.flush()

    flushing = [threading.Thread(target=flush) for _ in range(2)]
    for thread in flushing:
        thread.start()
    for n in range(2_000):
        log.add(crm, "GET", "/x", f"c{n}")
    done.set()
    for thread in flushing:
        thread.join()
    log.flush()
    kept = [a.customer_id for a in client.service.store.accesses(limit=5_000)]
    assert kept == [f"c{n}" for n in range(1_999, -1, -1)]
