"""A POST that is sent twice with one key is answered once."""

import asyncio
import threading

import pytest
from starlette.requests import Request
from starlette.responses import Response

from features.errors import StorageError
from serving.idempotency import InProgressError
from serving.keys import Caller
from serving.scopes import Scope

OFFER = {"customer_id": "ann", "channel": "web"}
LINES = b'{"product_id": "tea", "price": 3}\n'
FEED = {"content": LINES, "headers": {"Content-Type": "application/x-ndjson"}}


def keyed(key, **headers):
    return {"headers": {"Idempotency-Key": key, **headers}}


def decisions(client):
    return client.get("/v1/decisions", params={"customer_id": "ann"}).json()["decisions"]


def test_a_retry_gets_the_same_decision(client):
    first = client.post("/v1/offers/next", OFFER, **keyed("k1"))
    again = client.post("/v1/offers/next", OFFER, **keyed("k1"))
    assert (first.status_code, again.content) == (200, first.content)
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (
        False, "true",
    )  # fmt: skip
    assert again.headers["content-type"] == "application/json"
    assert len(decisions(client)) == 1


def test_another_worker_knows_the_answer_too(start):
    first = start().post("/v1/offers/next", OFFER, **keyed("k1"))
    assert start().post("/v1/offers/next", OFFER, **keyed("k1")).content == first.content


def test_another_key_or_none_is_another_request(client):
    for headers in (keyed("k1"), keyed("k2"), {}, {}):
        assert client.post("/v1/offers/next", OFFER, **headers).is_success
    assert len(decisions(client)) == 4


def test_the_same_key_with_another_body_is_refused(client):
    client.post("/v1/offers/next", OFFER, **keyed("k1"))
    answer = client.post("/v1/offers/next", {**OFFER, "channel": "app"}, **keyed("k1"))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:regulars:problem:reused-key"
    assert len(decisions(client)) == 1


def test_keys_of_two_endpoints_are_apart(client):
    assert client.post("/v1/offers/next", OFFER, **keyed("k1")).is_success
    headers = {**FEED["headers"], "Idempotency-Key": "k1"}
    done = client.post("/v1/products/bulk", content=LINES, headers=headers)
    again = client.post("/v1/products/bulk", content=LINES, headers=headers)
    assert done.json() == again.json() == {"accepted": 1, "rejected": 0, "errors": []}
    assert again.headers["idempotency-replayed"] == "true"


def test_nobody_is_given_the_answer_that_another_was_given(client):
    asked = {"anonymous_id": "v1"}
    full = client.post("/v1/offers/next", asked, **keyed("k1"))
    page = client.keyed(Scope.PUBLIC, name="page")
    theirs = page.post("/v1/offers/next", asked, **keyed("k1"))
    assert "idempotency-replayed" not in theirs.headers
    assert (full.json()["reason"] is None, theirs.json()["reason"] is None) == (False, True)


def test_a_request_that_is_still_being_answered_is_not_answered_twice(client, monkeypatch):
    began, go_on = threading.Event(), threading.Event()
    record = client.service.store.record

    def slow(decision):
        began.set()
        assert go_on.wait(20)
        record(decision)

    monkeypatch.setattr(client.service.store, "record", slow, raising=False)

    async def both():
        first = asyncio.create_task(client._http.post("/v1/offers/next", json=OFFER, **keyed("k")))
        assert await asyncio.to_thread(began.wait, 20)
        second = await client._http.post("/v1/offers/next", json=OFFER, **keyed("k"))
        go_on.set()
        return await first, second

    first, second = client._portal.call(both)
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.headers["retry-after"] == "1"
    assert second.headers["content-type"] == "application/problem+json"
    assert len(decisions(client)) == 1


def test_what_failed_may_be_tried_again_with_the_same_key(client, monkeypatch):
    def broken(_):
        raise StorageError("no")

    with monkeypatch.context() as patched:
        patched.setattr(client.service.store, "record", broken, raising=False)
        assert client.post("/v1/offers/next", OFFER, **keyed("k1")).status_code == 503
    first = client.post("/v1/offers/next", OFFER, **keyed("k1"))
    assert first.status_code == 200
    assert client.post("/v1/offers/next", OFFER, **keyed("k1")).content == first.content


def test_an_answer_that_died_with_its_worker_is_made_anew_after_a_minute(client, clock):
    async def died():
        raise asyncio.CancelledError

    async def made():
        return Response(b"{}")

    async def receive():
        return {"type": "http.request", "body": b"{}"}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    scope["state"] = {"caller": Caller("api", frozenset())}

    async def asked(make):
        try:
            return await client.service.idempotency.answer("k1", Request(scope, receive), make)
        except (asyncio.CancelledError, InProgressError) as error:
            return type(error)

    assert client._portal.call(asked, died) is asyncio.CancelledError
    assert client._portal.call(asked, made) is InProgressError
    clock.advance(minutes=2)
    assert client._portal.call(asked, made).body == b"{}"


def test_answers_are_forgotten_after_a_day(client, clock):
    first = client.post("/v1/offers/next", OFFER, **keyed("k1"))
    clock.advance(minutes=23 * 60)
    client.service.idempotency.forget()
    assert client.post("/v1/offers/next", OFFER, **keyed("k1")).content == first.content
    clock.advance(minutes=2 * 60)
    client.service.idempotency.forget()
    assert client.post("/v1/offers/next", OFFER, **keyed("k1")).content != first.content


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256])
def test_what_cannot_be_a_key_is_refused(standing, key):
    assert standing.post("/v1/offers/next", OFFER, **keyed(key)).status_code == 422


def test_a_list_that_is_asked_for_again_has_the_same_id_if_its_key_is_the_same(client):
    client.request("PUT", "/v1/products/tea", json={"price": 3})
    asked = {"customer_id": "ann", "k": 3}
    first = client.post("/v1/recommendations", asked, **keyed("k1"))
    assert first.json()["items"]
    assert client.post("/v1/recommendations", asked, **keyed("k1")).content == first.content
    others = [client.post("/v1/recommendations", asked, **more) for more in (keyed("k2"), {}, {})]
    ids = {answer.json()["recommendation_id"] for answer in (first, *others)}
    assert len(ids) == 4
    refused = client.post("/v1/recommendations", {**asked, "k": 4}, **keyed("k1"))
    assert refused.json()["type"] == "urn:regulars:problem:reused-key"


def test_a_list_is_given_although_its_key_cannot_be_remembered(client, monkeypatch):
    client.request("PUT", "/v1/products/tea", json={"price": 3})

    def refuse(*_):
        raise StorageError("the disk is full")

    asked = {"customer_id": "ann"}
    monkeypatch.setattr(client.service.store, "put_answer", refuse)
    assert client.post("/v1/recommendations", asked, **keyed("k1")).json()["items"]
    monkeypatch.setattr(client.service.store, "answer", refuse)
    assert client.post("/v1/recommendations", asked, **keyed("k2")).json()["items"]
