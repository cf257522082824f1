"""A customer's export holds everything the store has of them, and nobody else's."""

import json
from collections.abc import Iterator

import pytest

from features.events.log import EventLog
from serving import history, person_export
from serving.export import export

ASKED = {"who": "officer", "why": "letter"}


@pytest.fixture
def lived(client):
    """A customer who did a bit of everything, and another."""
    client.track("Product Viewed", "a1", anonymousId="v", product_id="tea", price=3)
    client.post("/v1/identify", {"userId": "ann", "anonymousId": "v", "traits": {"country": "GB"}})
    client.request(
        "PATCH", "/v1/customers/ann", json={"traits": {"country": "DE"}, "who": "o", "why": "w"}
    )
    lines = [{"product_id": "tea", "quantity": 2, "price": 3}]
    client.track("Order Completed", "a2", userId="ann", order_id="o1", total=6, products=lines)
    client.track("Consent Changed", "a3", userId="ann", purpose="marketing", status="granted")
    client.track("Checkout Started", "a4", userId="ann", total=3)
    client.track("Points Earned", "a5", userId="ann")
    client.post("/v1/offers/next", {"customer_id": "ann"})
    client.track("Product Viewed", "b1", userId="ben", product_id="pot")
    client.track("Points Earned", "b2", userId="ben")
    return client


def exported(client, customer_id):
    answer = client.get(f"/v1/customers/{customer_id}/export")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_everything_is_there_in_words_under_any_of_their_ids(lived):
    found = exported(lived, "ann")
    assert found["identifiers"] == ["ann", "anonymous:v"]
    assert found["traits"] == {"country": "DE"}
    assert {event["event_id"] for event in found["events"]} >= {"a1", "order:o1", "a3", "a4"}
    [order] = [event for event in found["events"] if event["order_id"] == "o1"]
    assert order["products"] == [{"product_id": "tea", "quantity": 2.0, "price": 3.0}]
    [line] = [row for row in found["timeline"] if row["event"] == "Order Line"]
    assert (line["product_id"], line["quantity"], line["measure"]) == ("tea", 2.0, 3.0)
    assert found["corrections"][0]["traits"] == {"country": {"before": "GB", "after": "DE"}}
    assert [consent["status"] for consent in found["consents"]] == ["granted"]
    assert [timer["trigger"] for timer in found["timers"]] == ["stalled_checkout"]
    assert [decision["kind"] for decision in found["decisions"]] == ["offer"]
    assert [message["message_id"] for message in found["quarantined"]] == ["a5"]
    assert len(found["not_included"]) == 3
    other = exported(lived, "anonymous:v")
    assert {**other, "at": None} == {**found, "at": None}


def test_nothing_of_anybody_else_is_there(lived):
    assert "ben" not in json.dumps(exported(lived, "ann"))
    assert '"ann"' not in json.dumps(exported(lived, "ben"))


def test_loaded_history_is_there_too(lived, settings, start):
    export(lived.service.store, EventLog(settings.log))
    elsewhere = start(store=f"sqlite:///{settings.data / 'other.db'}")
    history.load(EventLog(settings.log), elsewhere.service.store)
    found = exported(elsewhere, "ann")
    assert found["events"] == []
    assert found["timeline"] == exported(lived, "ann")["timeline"]
    assert len(found["consents"]) == 1


def test_a_long_life_is_written_page_by_page(lived, monkeypatch):
    monkeypatch.setattr(person_export, "PAGE", 2)
    parts = person_export.person_export("ann", lived.service)
    assert isinstance(parts, Iterator)
    written = list(parts)
    assert len(written) > 10
    found, whole = json.loads(b"".join(written)), exported(lived, "ann")
    assert found == whole
    ids = [event["event_id"] for event in found["events"]]
    assert len(ids) == len(set(ids)) > 4


def test_of_whom_only_a_bad_message_is_kept_can_be_exported(client):
    client.track("Points Earned", "m1", userId="cid")
    found = exported(client, "cid")
    assert (found["identifiers"], len(found["quarantined"])) == (["cid"], 1)


def test_of_nobody_there_is_nothing(client):
    assert client.get("/v1/customers/nobody/export").status_code == 404


def test_answers_kept_for_retries_name_no_customer(client):
    live = {"userId": "secret-ann", "product_id": "tea"}
    client.track("Product Viewed", "m1", **live)
    key = {"Idempotency-Key": "k1"}
    client.post("/v1/offers/next", {"customer_id": "secret-ann"}, headers=key)
    client.request(
        "PATCH",
        "/v1/customers/secret-ann",
        json={"traits": {"country": "secret"}, "who": "o", "why": "w"},
        headers=key,
    )
    client.request("DELETE", "/v1/customers/secret-ann", params=ASKED, headers=key)
    kept = client.service.store._database.read(
        "read", lambda c: c.exec_driver_sql("SELECT key, body FROM answers").all()
    )
    assert len(kept) == 6
    assert "secret" not in str(kept)
