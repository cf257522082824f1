"""Of a rejected message is kept what helps to mend its sender, and nothing an event would drop."""

import json

import pytest

PRIVATE = {
    "email": "ada@example.com",
    "phone": "+44 20 7946 0958",
    "card_number": "4111 1111 1111 1111",
    "name": {"first": "Ada", "last": "Lovelace"},
    "list_of": ["ada@example.com", 4111111111111111, True, None],
    "ada@example.com": 1,
}
TOLD = ("ada@", "example", "7946", "4111", "Lovelace", "192.0.2", "Mozilla", "hush")


@pytest.fixture
def aside(client):
    def asked(message_id):
        [found] = client.get("/v1/quarantine", params={"message_id": message_id}).json()["rejected"]
        return found

    return asked


def test_values_stay_only_of_what_an_event_keeps(client, aside):
    message = {
        "event": "Product Viewed",
        "messageId": "m1",
        "userId": "c-17",
        "timestamp": "2011-09-10T11:30:00Z",
        "writeKey": "hush",
        "properties": {**PRIVATE, "price": 12.5, "quantity": "2", "currency": "GBP", "rating": 5},
        "context": {"ip": "192.0.2.7", "userAgent": "Mozilla/5.0", "traits": PRIVATE},
        "traits": PRIVATE,
    }
    assert client.post("/v1/track", message).status_code == 400
    found = aside("m1")
    assert not [told for told in TOLD if told in json.dumps(found)]
    outline = json.loads(found["message"])
    assert outline["userId"] == "c-17"
    assert outline["timestamp"] == "2011-09-10T11:30:00Z"
    assert outline["properties"] == {
        "email": "<text>",
        "phone": "<text>",
        "card_number": "<text>",
        "name": {"first": "<text>", "last": "<text>"},
        "list_of": ["<text>", "<number>", "<boolean>", None],
        "<address>": "<number>",
        "price": 12.5,
        "quantity": "2",
        "currency": "GBP",
        "rating": "<number>",
    }
    assert outline["context"]["ip"] == "<text>"


def test_lines_keep_what_lines_are_made_of(client, aside):
    lines = [{"product_id": "tea", "price": -1, "quantity": 2, "engraving": "for Ada"}]
    client.track("Order Completed", "m1", userId="ann", order_id="o1", products=lines)
    assert json.loads(aside("m1")["message"])["properties"]["products"] == [
        {"product_id": "tea", "price": -1, "quantity": 2, "engraving": "<text>"}
    ]


def test_what_looks_like_an_address_stays_nowhere(client, aside):
    texts = "write to ada@example.com or call 020 7946 0958, card 4111-1111-1111-1111"
    client.track(
        "Order Refunded", "m1", userId="ada@example.com", total=-1, reason=texts, order_id="o1"
    )
    client.track("Consent Changed", "m2", userId="u", purpose=texts, status="granted")
    client.track("Product Viewed", "m3", userId="u", product_id={"email": "ada@example.com"})
    client.post("/v1/track", {"messageId": "m4", "userId": "u", "event": {"a": "ada@example.com"}})
    for message_id in ("m1", "m2", "m3", "m4"):
        found = aside(message_id)
        assert not [told for told in TOLD if told in json.dumps(found)], found
    outline = json.loads(aside("m1")["message"])
    assert outline["properties"]["reason"] == "write to <address> or call <digits>, card <digits>"
    assert aside("m3")["reason"] == "product_id = {'email': '<text>'}: not text"


def test_what_is_no_object_is_told_by_its_type(client):
    client.post("/v1/batch", {"batch": ["ada@example.com", 4111111111111111]})
    found = client.get("/v1/quarantine").json()["rejected"]
    assert [one["message"] for one in found] == ['"<number>"', '"<text>"']
    assert not [told for told in TOLD if told in json.dumps(found)]


def test_an_outline_is_short_however_long_the_message_is(client, aside):
    deep = {"a": "x"}
    for _ in range(100):
        deep = {"a": [deep]}
    for n, more in enumerate(
        (
            {f"property {k}": {f"name {i}": "x" for i in range(5)} for k in range(500)},
            {"price": "9" * 20_000},
            {"x" * 20_000: "x"},
            {"deep": deep},
            {"list": [[["x"] * 100] * 10] * 10},
        )
    ):
        client.track("Product Viewed", f"m{n}", userId="ann", **more)
        assert len(aside(f"m{n}")["message"].encode()) <= 4_000


@pytest.mark.parametrize(("sent", "found"), [(77, "77"), (7.5, "7.5"), (" a ", "a"), (True, "")])
def test_a_message_id_that_is_a_number_is_found_as_text(client, sent, found):
    client.post("/v1/track", {"event": "Product Viewed", "messageId": sent, "userId": "ann"})
    [aside] = client.get("/v1/quarantine").json()["rejected"]
    assert aside["message_id"] == found


def test_a_bad_message_that_is_sent_again_is_listed_once_with_its_last_arrival(client, clock):
    for _ in range(3):
        client.track("Product Viewed", "m1", userId="ann")
        clock.advance(minutes=1)
    client.post("/v1/batch", {"batch": [{"type": "track", "messageId": "m1"}] * 3})
    listed = client.get("/v1/quarantine").json()["rejected"]
    assert [(one["column"], one["received_at"]) for one in listed] == [
        ("event", "2011-09-10T12:03:00Z"),
        ("product_id", "2011-09-10T12:02:00Z"),
    ]
