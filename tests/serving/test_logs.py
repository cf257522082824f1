"""Nothing personal and nothing secret in the logs, whatever is sent and whatever breaks."""

import http.client
import io
import json
import logging
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import sqlalchemy
import structlog
import uvicorn

from features.errors import StorageError
from serving import logs
from serving.app import create_app
from serving.profile import Profiles
from serving.recommend import Recommender
from serving.scopes import Scope
from serving.store import open_store
from serving.store.errors import storage_errors
from tests.forked_service import ForkedService
from tests.keys import ADMIN_KEY, BEARER, bearer, put_key
from tests.waiting import wait_until

PERSONAL = {
    "name": "Zuleika Dobson",
    "arabic": "ليلى",
    "email": "zuleika.dobson@shop.example",
    "phone": "+441632960961",
    "user": "user-4711",
    "visitor": "visitor-0815",
    "street": "Judas Lane",
    "card": "4111111111111111",
    "address": "203.0.113.77",
    "query": "pregnancy-test",
    "message": "message-of-zuleika",
}
SECRETS = {
    "admin": ADMIN_KEY,
    "wrong": "rgl_admin_wrong-secret",
    "public": "rgl_public_page-secret",
    "again": "idempotency-secret",
}
HEADERS = {"User-Agent": f"Mail/1 ({PERSONAL['email']})", "X-Forwarded-For": PERSONAL["address"]}
TRAITS = {k: PERSONAL[k] for k in ("name", "email", "phone", "street", "arabic")}
ADMIN, WRONG, PAGE = (bearer(SECRETS[k]) for k in ("admin", "wrong", "public"))


def typical() -> Iterator[tuple[str, str, dict]]:
    """Requests as they come, good and bad, each full of what must not be told."""
    user, visitor, email = (PERSONAL[k] for k in ("user", "visitor", "email"))
    event = {
        "messageId": PERSONAL["message"],
        "userId": user,
        "anonymousId": visitor,
        "context": {"ip": PERSONAL["address"], "traits": TRAITS},
        "properties": {"product_id": "tea", "query": PERSONAL["query"], "card": PERSONAL["card"]},
    }
    bad = {**event, "event": "Product Viewed", "properties": {"price": email}}
    for headers in (ADMIN, WRONG, PAGE, {}):
        headers = headers | HEADERS
        for key in ({}, {"writeKey": SECRETS["wrong"]}, {"writeKey": SECRETS["public"]}):
            for body in (
                {**event, "event": "Products Searched"},
                {**event, "event": email},
                bad,
                {"event": email, "userId": [email]},
                {**event, "timestamp": email, "event": "Page Viewed"},
            ):
                yield "POST", "/v1/track", {"json": body | key, "headers": headers}
            batch = {"batch": [bad, email, {**event, "type": email}], "context": email}
            yield "POST", "/v1/batch", {"json": batch | key, "headers": headers}
            yield "POST", "/v1/identify", {"json": {**event, "traits": TRAITS} | key}
            alias = {"userId": user, "previousId": visitor}
            yield "POST", "/v1/alias", {"json": alias | key, "headers": headers}
        yield "POST", "/v1/track", {"content": f'{{"email": "{email}', "headers": headers}
        yield "POST", "/v1/recommendations", {"json": {"customer_id": user}, "headers": headers}
        yield "POST", "/v1/recommendations", {"json": {"anonymous_id": visitor, email: 1}}
        yield "POST", "/v1/recommendations", {"json": {"customer_id": email, "k": email}}
        again = headers | {"Idempotency-Key": SECRETS["again"]}
        yield "POST", "/v1/offers/next", {"json": {"customer_id": user}, "headers": again}
        yield "POST", "/v1/offers/next", {"json": {"customer_id": email}, "headers": again}
        for who in (user, f"anonymous:{visitor}", email, PERSONAL["arabic"]):
            for path in (f"/v1/customers/{who}", f"/v1/customers/{who}/churn"):
                yield "GET", path, {"headers": headers}
            for path in ("/v1/decisions", "/v1/events", "/v1/access"):
                yield "GET", path, {"params": {"customer_id": who}, "headers": headers}
        yield "GET", f"/v1/decisions/{email}", {"headers": headers}
        yield "GET", "/v1/events", {"params": {"before": email}, "headers": headers}
        yield "GET", f"/unsubscribe/{email}", {"params": {"token": SECRETS["admin"]}}
        yield "DELETE", f"/v1/customers/{email}", {"headers": headers}
        yield "PUT", "/v1/products/tea", {"json": {"price": email}, "headers": headers}
        yield "POST", "/v1/products/bulk", {"content": f"product_id\n{email}", "headers": headers}


def leaks(text: str) -> set[str]:
    """What stands in a text and must not, by its name; as it is, and as JSON writes it."""
    held = PERSONAL | SECRETS
    return {
        name
        for name, value in held.items()
        if value in text or json.dumps(value)[1:-1] in text or value.replace(" ", "%20") in text
    }


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """All that is logged, of every level, as it is written."""
    written = io.StringIO()
    logs.configure("debug", cache=False, to=written)
    yield written.getvalue
    logs.configure("debug", cache=False)


def test_the_check_notices_what_is_told():
    assert leaks("GET /v1/customers/zuleika.dobson@shop.example") == {"email"}
    assert leaks(json.dumps({"error": f"no {PERSONAL['arabic']}"})) == {"arabic"}
    assert leaks(json.dumps(PERSONAL | SECRETS)) == set(PERSONAL) | set(SECRETS)


def test_typical_and_failing_requests_leave_no_trace_of_anybody(trained_client, logged):
    put_key(trained_client.service.store, SECRETS["public"], name="page", scopes=[Scope.PUBLIC])
    trained_client.service.keys.refresh()
    nobody = trained_client.without_key()
    statuses = set()
    for method, path, more in typical():
        answer = nobody.request(method, path, **more)
        statuses.add(answer.status_code)
        if answer.is_success:
            continue
        # what was asked for may be repeated to who asked, keys and the rest of the body may not
        told = leaks(answer.text)
        assert not told & set(SECRETS) - {"again"}, (method, path)
        assert not told & {"name", "phone", "street", "card", "address", "query"}, answer.text
    trained_client.run_timers()
    assert statuses >= {200, 400, 401, 403, 404, 415, 422}
    assert logged().count("\n") >= len(list(typical()))
    assert leaks(logged()) == set()


def test_no_refusal_for_want_of_a_key_repeats_anything(client):
    client.keyed(Scope.PUBLIC, name="page", secret=SECRETS["public"])
    nobody = client.without_key()
    refused = []
    for method, path, more in typical():
        answer = nobody.request(method, path, **more)
        if answer.status_code in (401, 403):
            refused.append(answer)
            assert leaks(answer.text + str(answer.headers)) == set(), (method, path)
    assert len(refused) > 50


@pytest.mark.parametrize(("of", "name"), [(Profiles, "profile"), (Recommender, "recommend")])
def test_an_error_that_nobody_expected_is_told_by_its_place_alone(
    settings, clock, monkeypatch, capfd, of, name
):
    """By the real server, which prints the errors of applications by itself."""

    def broken(_self, asked, *_, **__):
        try:
            raise KeyError(asked)
        except KeyError:
            raise ValueError(f"could not convert {asked!r} to a number") from None

    monkeypatch.setattr(of, name, broken)
    written = io.StringIO()

    def app():
        logs.configure("debug", cache=False, to=written)
        let_in(settings)
        return create_app(settings, clock=clock)

    with serving(app) as url, httpx.Client(base_url=url, headers=BEARER) as shop:
        email = PERSONAL["email"]
        if of is Profiles:
            answer = shop.get(f"/v1/customers/{email}")
        else:
            answer = shop.post("/v1/recommendations", json={"customer_id": email})
    assert answer.status_code == 500
    assert leaks(answer.text) == set()
    entries = [json.loads(line) for line in written.getvalue().splitlines()]
    kinds = [cause["type"] for entry in entries for cause in entry.get("exception", [])]
    assert kinds.count("ValueError") == 2, "ours and the server's"
    assert " broken" in written.getvalue(), "the frames are told"
    assert leaks(capfd.readouterr().err) == set()
    assert leaks(written.getvalue()) == set()


@contextmanager
def serving(app: Callable[[], Any]) -> Iterator[str]:
    """The application behind a real server in this process."""
    config = uvicorn.Config(app, factory=True, port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def let_in(settings) -> None:
    with closing(open_store(settings)) as store:
        put_key(store)


def test_a_store_that_breaks_is_told_without_whom_it_was_about(client, settings, logged):
    client.track("Product Viewed", "m1", userId=PERSONAL["user"], product_id="tea")
    with closing(sqlite3.connect(settings.store_file)) as database, database:
        for table in ("timeline_parts", "events", "decisions"):
            database.execute(f"DROP TABLE {table}")
    for method, path, more in typical():
        answer = client.request(method, path, **more)
        if answer.status_code == 503:
            assert leaks(answer.text) == set()
    assert "recommending without the store" in logged()
    assert leaks(logged()) == set()


def test_postgresql_quotes_no_row_to_us(postgres):
    address = postgres.database().replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(address)
    email = PERSONAL["email"]
    add = sqlalchemy.text("INSERT INTO positions VALUES (:name, 'x')")

    def twice():
        with storage_errors("store it"), engine.begin() as connection:
            connection.execute(add, [{"name": email}, {"name": email}])

    with pytest.raises(StorageError) as refused:
        twice()
    engine.dispose()
    assert isinstance(refused.value.__cause__.orig, psycopg.errors.UniqueViolation)
    assert email in str(refused.value.__cause__), "else this shows nothing"
    assert "duplicate key" in str(refused.value)
    assert leaks(str(refused.value)) == set()
    written = io.StringIO()
    logs.configure("debug", cache=False, to=written)
    structlog.get_logger().error("it failed", exc_info=refused.value)
    logs.configure("debug", cache=False)
    assert "duplicate key" in written.getvalue()
    assert leaks(written.getvalue()) == set()


def test_a_log_that_cannot_be_written_breaks_no_answer(client):
    """As on a full disk; uvicorn would leave a request without an answer."""
    with Path("/dev/full").open("w") as full:
        logs.configure("debug", cache=False, to=full)
        try:
            assert client.get("/v1/customers/nobody").status_code == 404
            logging.getLogger("uvicorn.error").error("Exception in ASGI application")
        finally:
            logs.configure("debug", cache=False)
            with suppress(OSError):
                full.close()


def test_what_libraries_log_is_cut_to_what_they_always_say(logged):
    email = PERSONAL["email"]
    logging.getLogger("uvicorn.error").warning("cannot serve %s", email)
    logging.getLogger("asyncio").error(f"Exception in callback answer({email!r})\nhandle: {email}")
    with suppress(ValueError):
        try:
            int(email)
        except ValueError:
            logging.getLogger("some.library").exception("Task failed\n%s", email)
    entries = [json.loads(line) for line in logged().splitlines()]
    assert [entry["event"] for entry in entries] == [
        "cannot serve %s",
        "Exception in callback answer",
        "Task failed",
    ]
    assert leaks(logged()) == set()


def test_a_real_process_tells_nothing_of_anybody(tmp_path: Path):
    log = tmp_path / "log"
    with ForkedService({"REGULARS_DATA": str(tmp_path / "data")}, log) as service:
        with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=30) as shop:
            for method, path, more in typical():
                shop.request(method, path, **more)
        email = PERSONAL["email"]
        for rubbish in (f"GET /{email} HTTP/9.9\r\n", f"{email} / HTTP/1.1\r\n", email):
            with socket.create_connection(("127.0.0.1", service.port)) as raw:
                raw.sendall(f"{rubbish}\r\nAuthorization: {ADMIN_KEY}\r\n\r\n".encode())
                raw.recv(1000)
        with closing(http.client.HTTPConnection("127.0.0.1", service.port)) as cut_off:
            cut_off.request("POST", "/v1/track", headers={"Content-Length": "100"})
    assert log.read_text().count('"event": "request"') > 100
    assert leaks(log.read_text()) == set()
