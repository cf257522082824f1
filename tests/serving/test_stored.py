"""What came in can be looked up: events, also unknown ones, and what was put aside."""

import pytest

from serving.settings import ServingSettings


def names(client, **asked):
    answer = client.get("/v1/events", params=asked)
    assert answer.status_code == 200, answer.text
    return [event["event_id"] for event in answer.json()["events"]]


@pytest.fixture
def some(client):
    client.track("Product Viewed", "m1", anonymousId="v", product_id="tea", price="3.5")
    client.track("Wheel Spun", "m2", userId="ann", prize="tea", timestamp="2011-09-10T11:00:00Z")
    client.track("Product Viewed", "m3", userId="bob", product_id="pot")
    client.post("/v1/identify", {"messageId": "m4", "userId": "ann", "anonymousId": "v"})
    return client


def test_events_are_listed_newest_first(some):
    assert names(some) == ["m4", "m3", "m2", "m1"]
    asked = {"name": "Product Viewed", "customer_id": "ann"}
    [event] = some.get("/v1/events", params=asked).json()["events"]
    assert (event["at"], event["value"], event["properties"]) == (
        "2011-09-10T12:00:00Z", 3.5, {"price": 3.5},
    )  # fmt: skip


def test_a_customers_events_are_found_under_any_of_their_ids(some):
    assert names(some, customer_id="ann") == names(some, customer_id="anonymous:v")
    assert names(some, customer_id="ann") == ["m4", "m2", "m1"]
    assert names(some, customer_id="nobody") == []


def test_an_unknown_event_keeps_its_name_ids_and_time(some):
    [event] = some.get("/v1/events", params={"unknown": True}).json()["events"]
    assert (event["name"], event["known"], event["user_id"]) == ("Wheel Spun", False, "ann")
    assert (event["at"], event["properties"]) == ("2011-09-10T11:00:00Z", {})
    assert names(some, name="Wheel Spun") == ["m2"]
    assert some.get("/v1/customers/ann").json()["events"] == 3


def test_pages_of_events_follow_one_another(some):
    first = some.get("/v1/events", params={"limit": 3}).json()["events"]
    rest = names(some, limit=3, before=first[-1]["sequence"])
    assert [event["event_id"] for event in first] + rest == ["m4", "m3", "m2", "m1"]


def test_what_was_put_aside_is_found_by_its_message_id_with_the_reason(client):
    for n in range(5):
        client.track("Product Viewed", f"bad{n}", userId="ann")
    [found] = client.get("/v1/quarantine", params={"message_id": "bad3"}).json()["rejected"]
    assert (found["message_id"], found["column"]) == ("bad3", "product_id")
    assert "Product Viewed" in found["message"]
    assert "missing" in found["reason"]
    first = client.get("/v1/quarantine", params={"limit": 2}).json()["rejected"]
    rest = client.get("/v1/quarantine", params={"before": first[-1]["sequence"]}).json()["rejected"]
    assert [r["message_id"] for r in first + rest] == ["bad4", "bad3", "bad2", "bad1", "bad0"]


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 1001}, {"before": 0}, {"before": 2**63}])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/quarantine"])
def test_strange_pages_are_refused(standing, path, asked):
    assert standing.get(path, params=asked).status_code == 422


def test_nothing_matches_a_message_id_that_nobody_can_have(standing):
    assert standing.get("/v1/quarantine", params={"message_id": "a\0b"}).json() == {"rejected": []}


def test_the_settings_say_what_more_is_kept(start, monkeypatch):
    monkeypatch.setenv("REGULARS_KEEP", '{"Wheel Spun": ["+prize"], "Product Viewed": ["-price"]}')
    client = start(keep=ServingSettings().keep)
    client.track("Wheel Spun", "m1", userId="ann", prize="tea", secret="x")
    client.track("Product Viewed", "m2", userId="ann", product_id="tea", price=3)
    kept = client.get("/v1/events").json()["events"]
    assert [event["properties"] for event in kept] == [{}, {"prize": "tea"}]


def test_what_a_batch_says_once_holds_for_all_its_events(client):
    events = [
        {"type": "page", "messageId": "m1", "userId": "ann"},
        {"type": "page", "messageId": "m2", "userId": "ann", "context": {"channel": "store"}},
    ]
    client.post("/v1/batch", {"context": {"channel": "mobile"}, "batch": events})
    kept = client.get("/v1/events").json()["events"]
    assert [event["channel"] for event in kept] == ["store", "app"]


def test_a_retry_of_a_body_without_message_ids_counts_once(client):
    view = {"event": "Product Viewed", "userId": "ann", "properties": {"product_id": "tea"}}
    body = {"batch": [{**view, "type": "track"}] * 2, "sentAt": "2011-09-10T11:59:59Z"}
    for _ in range(3):
        client.post("/v1/batch", body)
        client.post("/v1/track", {**view, "timestamp": "2011-09-10T10:00:00Z"})
    assert client.get("/v1/customers/ann").json()["events"] == 3
