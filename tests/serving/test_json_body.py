"""One event that cannot be read costs the others of its batch nothing."""

import json

import orjson
import pytest

from serving.json_body import json_object

GOOD = [
    {"type": "page", "messageId": "good1", "userId": "ann", "name": "Home"},
    {"type": "page", "messageId": "good2", "userId": "ann", "name": "Caf\u00e9 \U0001f600"},
]


def view(**properties):
    """A product view, as JSON text with marks to put something else in place of."""
    given = {"product_id": "tea", **properties}
    message = {"type": "track", "event": "Product Viewed", "messageId": "bad", "userId": "ann"}
    return json.dumps({**message, "properties": given})


def nested(depth):
    return view(x="X").replace('"X"', "[" * depth + "]" * depth).encode()


BAD = {
    "half a character in what is kept": view(currency="X").replace("X", "\\ud83d").encode(),
    "half a character in what is not": view(title="X").replace("X", "\\ud83d").encode(),
    "half a character in a name": view(title=1).replace("title", "\\ud83d").encode(),
    "half a character in an id": view().replace("tea", "\\ud83d").encode(),
    "a byte that is no UTF-8": view(title="X").encode().replace(b"X", b"caf\xe9"),
    "Infinity": view(price=float("inf")).encode(),
    "-Infinity": view(price=float("-inf")).encode(),
    "a number without bounds": view(price="X").replace('"X"', "1e400").encode(),
    "a number of thousands of digits": view(price="X").replace('"X"', "9" * 5_000).encode(),
    "nesting": nested(2_000),
    "nesting that is only deep": nested(900),
}


def batch(*messages):
    return b'{"batch": [' + b", ".join(messages) + b"]}"


def ids(client):
    return [event["event_id"] for event in client.get("/v1/events").json()["events"]]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_the_good_events_of_its_batch_are_kept_and_it_is_put_aside(client, bad):
    first, second = (json.dumps(message).encode() for message in GOOD)
    done = client.post("/v1/batch", content=batch(first, bad, second))
    assert (done.status_code, done.json()) == (200, {"success": True})
    assert ids(client) == ["good2", "good1"]
    [aside] = client.get("/v1/quarantine").json()["rejected"]
    assert aside["message_id"] == "bad"


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_sent_alone_it_is_told_what_is_wrong_and_put_aside(client, bad):
    refused = client.post("/v1/track", content=bad)
    assert (refused.status_code, set(refused.json())) == (400, {"code", "message"})
    assert len(client.get("/v1/quarantine", params={"message_id": "bad"}).json()["rejected"]) == 1


def test_nan_is_absent_as_it_is_in_tables(client):
    nan = view(price=float("nan")).encode()
    assert client.post("/v1/batch", content=batch(nan)).is_success
    [event] = client.get("/v1/events").json()["events"]
    assert (event["event_id"], event["value"]) == ("bad", None)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"batch": [}', b"[" * 100_000, b"{" * 5_000, b'{"a": "' + b"x" * 1_000, b"\xff",
     batch(nested(2_000))[:-3], b'{"a": 1e}', b"]" * 1_000, b'"' + b"\\" * 999],
)  # fmt: skip
def test_what_is_no_json_at_all_is_refused(standing, content):
    refused = standing.post("/v1/batch", content=content)
    assert refused.status_code == 400
    assert "is no JSON" in refused.json()["message"]


def test_what_both_can_read_is_read_alike():
    body = {"a": ['\u00e9 \\ " [{', {"b": [1, 2.5, -3, None, True]}], "c": {}}
    broken = orjson.dumps({**body, "d": "X"}).replace(b"X", b"\xff")
    assert {**json_object(broken), "d": None} == {**body, "d": None}
    assert json_object(b"\xef\xbb\xbf" + orjson.dumps(body)) == body
