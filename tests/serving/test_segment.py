"""Segment's HTTP API as its clients use it: forms, keys, origins, limits, and what errors say."""

import base64
import gzip
import json
import sqlite3
import zlib
from contextlib import closing

import pytest

from serving.scopes import Scope
from serving.segment import CALLS

VIEW = {
    "event": "Product Viewed",
    "messageId": "m1",
    "userId": "ann",
    "properties": {"product_id": "tea"},
}
BODIES = {
    "track": VIEW,
    "identify": {"messageId": "m1", "userId": "ann", "traits": {"country": "GB"}},
    "page": {"messageId": "m1", "userId": "ann", "name": "Home"},
    "screen": {"messageId": "m1", "userId": "ann", "name": "Cart"},
    "group": {"messageId": "m1", "userId": "ann", "groupId": "g"},
    "alias": {"messageId": "m1", "userId": "ann", "previousId": "v"},
    "batch": {"batch": [{**VIEW, "type": "track"}], "sentAt": "2011-09-10T12:00:00Z"},
}
KINDS = ("application/json", "text/plain", "text/plain;charset=UTF-8")


def paths(call):
    return [f"/v1/{name}{end}" for name in (call.name, call.short) for end in ("", "/")]


def basic(user):
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:'.encode()).decode()}"}


def is_error(answer, status, says=""):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"code", "message"}
    assert says in answer.json()["message"]
    return True


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_every_form_of_every_call_is_answered_the_same(client, call):
    for n, (path, kind) in enumerate((path, kind) for path in paths(call) for kind in KINDS):
        body = json.dumps(BODIES[call.name]).replace("m1", f"m{n}").encode()
        answer = client.post(path, content=body, headers={"Content-Type": kind})
        assert (answer.status_code, answer.content) == (200, b'{"success":true}'), (path, kind)
    assert client.get("/v1/customers/ann").json()["events"] == 12


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_a_page_of_any_origin_may_write_without_credentials(client, call):
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    for path in paths(call):
        preflight = client.request("OPTIONS", path, headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert "POST" in preflight.headers["access-control-allow-methods"]
        allowed = preflight.headers["access-control-allow-headers"]
        assert {"content-type", "authorization"} <= set(allowed.replace(" ", "").split(","))
        assert "access-control-allow-credentials" not in preflight.headers
        sent = client.post(path, BODIES[call.name], headers={"Origin": "https://shop.example"})
        assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (200, "*")


def test_errors_can_be_read_by_the_page_too(standing):
    refused = standing.post("/v1/t", {}, headers={"Origin": "https://shop.example"})
    assert refused.headers["access-control-allow-origin"] == "*"
    assert is_error(refused, 400)


def test_only_the_named_origins_may_write_when_the_settings_name_some(start):
    client = start(page_origins="https://shop.example, https://www.shop.example")
    for origin, allowed in (("https://www.shop.example", True), ("https://evil.example", False)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = client.request("OPTIONS", "/v1/t", headers=asked)
        assert (preflight.headers.get("access-control-allow-origin") == origin) is allowed


@pytest.mark.parametrize("path", ["/v1/customers/ann", "/v1/decisions", "/v1/products/bulk"])
def test_other_endpoints_may_not_be_called_from_other_origins(standing, path):
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    preflight = standing.request("OPTIONS", path, headers=asked)
    assert "access-control-allow-origin" not in preflight.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/track", 405),
        ("PUT", "/v1/t/", 405),
        ("DELETE", "/v1/batch", 405),
        ("OPTIONS", "/v1/batch", 405),
        ("POST", "/v1/track/twice", 404),
        ("POST", "/v1/t//", 404),
    ],
)
def test_wrong_methods_and_paths_are_told_as_segment_does(standing, method, path, status):
    assert is_error(standing.request(method, path), status)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/html"},
        {"Content-Type": "application/json", "Content-Encoding": "br"},
        {"Content-Type": "application/json", "Content-Encoding": "deflate"},
    ],
)
def test_what_is_no_json_is_refused(standing, headers):
    assert is_error(standing.post("/v1/track", content=b"{}", headers=headers), 415)


# --- write keys


@pytest.mark.parametrize(
    "headers",
    [
        basic("site-key"),
        {"Authorization": "Bearer site-key"},
        {"Authorization": "basic " + base64.b64encode(b"site-key").decode()},
    ],
)
def test_a_write_key_in_the_header_is_accepted(client, headers):
    client.keyed(Scope.WRITE, name="site", secret="site-key")
    client.keyed(Scope.WRITE, name="app", secret="app-key")
    assert client.post("/v1/track", VIEW, headers=headers).is_success
    [event] = client.get("/v1/events").json()["events"]
    assert event["source"] == "site"


@pytest.mark.parametrize("call", BODIES)
def test_a_write_key_in_the_body_is_accepted(client, call):
    client.keyed(Scope.WRITE, secret="site-key")
    done = client.without_key().post(f"/v1/{call}", {**BODIES[call], "writeKey": "site-key"})
    assert (done.status_code, done.json()) == (200, {"success": True})


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, {}),
        (basic("wrong"), {}),
        (basic("site-ke"), {}),
        (basic("site-key2"), {}),
        (basic(""), {}),
        ({"Authorization": "Basic !!!"}, {}),
        ({"Authorization": "Basic"}, {}),
        ({"Authorization": "Bearer"}, {}),
        ({"Authorization": "Digest site-key"}, {}),
        ({}, {"writeKey": "wrong"}),
        ({}, {"writeKey": None}),
        ({}, {"writeKey": ["site-key"]}),
    ],
)
@pytest.mark.parametrize("path", ["/v1/track", "/v1/b"])
def test_no_fitting_key_is_401_and_nothing_is_stored(client, headers, body, path):
    client.keyed(Scope.WRITE, secret="site-key")
    sent = {**VIEW, "batch": [VIEW], **body}
    answer = client.without_key().post(path, sent, headers=headers)
    assert is_error(answer, 401, "python -m serving keys create")
    assert "www-authenticate" in answer.headers
    assert client.get("/v1/events").json()["events"] == []
    assert client.get("/v1/quarantine").json()["rejected"] == []


def test_a_write_key_is_in_no_answer_and_no_quarantine(client):
    client.keyed(Scope.WRITE, secret="hush-hush")
    page = client.without_key()
    bad = {"event": "Product Viewed", "userId": "a", "writeKey": "hush-hush"}
    assert page.post("/v1/track", bad).status_code == 400
    assert page.post("/v1/track", {**VIEW, "writeKey": "hush-hush"}).is_success
    assert "hush" not in client.get("/v1/quarantine").text + client.get("/v1/events").text


# --- limits


def test_a_batch_may_hold_2500_events(client):
    batch = [{"type": "page", "messageId": f"m{i}", "userId": f"u{i % 50}"} for i in range(2_500)]
    assert client.post("/v1/batch", {"batch": batch}).is_success
    assert client.get("/v1/customers/u0").json()["events"] == 50
    assert is_error(client.post("/v1/batch", {"batch": [*batch, batch[0]]}), 400, "2,500")


def test_an_event_may_take_32_kilobytes(client):
    fits = {**VIEW, "context": {"page": "x" * 32_000}}
    assert client.post("/v1/track", fits).is_success
    longer = {**VIEW, "messageId": "m2", "context": {"page": "x" * 33_000}}
    assert is_error(client.post("/v1/track", longer), 400, "32,768")
    assert client.post("/v1/batch", {"batch": [{**longer, "type": "track"}]}).is_success
    assert len(client.get("/v1/quarantine", params={"message_id": "m2"}).json()["rejected"]) == 1


@pytest.mark.parametrize("path", ["/v1/track", "/v1/b/"])
def test_a_body_beyond_500_kilobytes_is_refused(standing, path):
    body = json.dumps({"batch": [], "x": "x" * 512_000}).encode()
    assert is_error(standing.post(path, content=body), 413, "512,000 bytes")
    assert is_error(standing.post(path, content=b" " * 2_000_000), 413)


# --- gzip


PACKED = gzip.compress(b"{}", mtime=0)
"""Without the time: it names a test, and all test processes must give a test the same name."""

GZIP = {"Content-Encoding": "gzip", "Content-Type": "application/json"}


def zipped(body):
    return gzip.compress(json.dumps(body).encode())


def test_gzip_is_accepted(client):
    assert client.post("/v1/batch", content=zipped(BODIES["batch"]), headers=GZIP).is_success
    assert client.get("/v1/customers/ann").json()["events"] == 1


def test_gzip_of_several_members_is_one_body(client):
    body = json.dumps(VIEW).encode()
    content = gzip.compress(body[:20]) + gzip.compress(body[20:])
    assert client.post("/v1/track", content=content, headers=GZIP).is_success


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", PACKED[:-4], zlib.compress(b"{}"), PACKED + b"x"],
)
def test_damaged_gzip_is_refused(standing, content):
    answer = standing.post("/v1/track", content=content, headers=GZIP)
    assert is_error(answer, 400, "gzip")


def test_a_zip_bomb_is_refused_before_it_grows(standing, monkeypatch):
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(60)) + packer.flush()
    assert len(bomb) < 100_000
    held = []
    real = zlib.decompressobj

    class Watched:
        def __init__(self, *args):
            self._real = real(*args)

        def __getattr__(self, name):
            return getattr(self._real, name)

        def decompress(self, data, most):
            out = self._real.decompress(data, most)
            held.append(len(out))
            return out

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    answer = standing.post("/v1/batch", content=bomb, headers=GZIP)
    assert is_error(answer, 413)
    assert sum(held) <= 512_001


# --- rate


def test_a_key_that_writes_too_fast_waits_as_long_as_it_is_told(start, clock):
    client = start(write_events_per_second=10, write_burst_events=20)
    client.keyed(Scope.WRITE, name="site", secret="s")
    client.keyed(Scope.WRITE, name="app", secret="a")
    batch = {"batch": [{"type": "page", "messageId": f"m{i}", "userId": "u"} for i in range(50)]}
    assert client.post("/v1/batch", batch, headers=basic("s")).is_success
    refused = client.post("/v1/track", VIEW, headers=basic("s"))
    assert is_error(refused, 429, "too many events")
    assert refused.headers["retry-after"] == "4"
    assert client.post("/v1/track", VIEW, headers=basic("a")).is_success, "keys are separate"
    clock.advance(minutes=3.9 / 60)
    again = client.post("/v1/track", {**VIEW, "messageId": "m2"}, headers=basic("s"))
    assert again.is_success
    clock.advance(minutes=10)
    some = {"batch": batch["batch"][:20]}
    assert client.post("/v1/batch", some, headers=basic("s")).is_success
    assert is_error(client.post("/v1/batch", some, headers=basic("s")), 429)


LIMITED = {"write_events_per_second": 10, "write_burst_events": 20}


def test_a_batch_that_is_too_long_costs_its_key_nothing(start):
    client = start(**LIMITED)
    refused = client.post("/v1/batch", {"batch": [{}] * 2_501})
    assert is_error(refused, 400, "2,500")
    assert client.post("/v1/track", VIEW).is_success


def test_keys_of_the_same_name_have_their_own_rates(start):
    client = start(**LIMITED)
    batch = {"batch": [{"type": "page", "messageId": f"m{i}", "userId": "u"} for i in range(50)]}
    for secret in ("rgl_old", "rgl_new"):
        holder = client.keyed(Scope.WRITE, secret=secret)
        assert holder.post("/v1/batch", batch).is_success
        assert is_error(holder.post("/v1/track", VIEW), 429)


def test_what_the_store_refused_costs_its_key_nothing(start, settings):
    client = start(busy_seconds=0.01, **LIMITED)
    batch = {"batch": [{"type": "page", "messageId": f"m{i}", "userId": "u"} for i in range(50)]}
    with closing(sqlite3.connect(settings.store_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            assert is_error(client.post("/v1/batch", batch), 503)
        other.execute("ROLLBACK")
    assert client.post("/v1/batch", batch).is_success
    assert is_error(client.post("/v1/batch", batch), 429)


def test_nobody_is_limited_unless_the_settings_say_so(start):
    client = start(write_burst_events=1)
    for _ in range(3):
        assert client.post("/v1/batch", {"batch": [{}, {}]}).is_success
