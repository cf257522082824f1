"""Keys: what each scope opens, how one is presented, replaced, ended, and never shown."""

import base64
import hmac
import json
import re

import pytest
from fastapi import APIRouter

from features.errors import InputError, StorageError
from serving import keys
from serving.app import create_app
from serving.authorization import keyed
from serving.keys import Keys, key_of, new_secret
from serving.scopes import PERMISSIONS, Scope, permission_of
from serving.segment import is_segment_path
from serving.settings import ServingSettings
from tests.keys import ADMIN_KEY, BEARER, bearer, put_key
from tests.serving.conftest import NOON

OPERATIONS = [
    (method, path, operation)
    for path, methods in create_app(ServingSettings()).openapi()["paths"].items()
    for method, operation in methods.items()
]
KEYED = [operation for operation in OPERATIONS if "security" in operation[2]]
BODIES = {
    "/v1/recommendations": {"anonymous_id": "v"},
    "/v1/offers/next": {"anonymous_id": "v"},
    "/v1/products/{product_id}": {"price": 1.0},
    "/v1/batch": {"batch": []},
}
VIEW = {
    "event": "Product Viewed",
    "userId": "ann",
    "anonymousId": "v",
    "properties": {"product_id": "tea"},
}


def call(client, method, path):
    """A request that is right but for its key; what it names need not exist."""
    body = BODIES.get(path, VIEW)
    url = re.sub(r"{\w+}", "x", path).replace("/v1/decisions?", "/v1/decisions")
    more = {"params": {"customer_id": "ann"}} if path == "/v1/decisions" else {}
    if path == "/v1/products/bulk":
        return client.request(
            "POST", url, content=b"{}", headers={"Content-Type": "application/x-ndjson"}
        )
    if method in ("post", "put", "patch"):
        more["json"] = body
    return client.request(method.upper(), url, **more)


def is_refused(answer, status, says):
    assert answer.status_code == status, answer.text
    told = answer.json()
    if is_segment_path(answer.request.url.path):
        assert set(told) == {"code", "message"}
        assert says in told["message"]
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert says in told["detail"]
    return True


# --- every endpoint


def test_only_health_needs_no_key():
    open_to_all = {path for _, path, operation in OPERATIONS if "security" not in operation}
    assert open_to_all == {"/health/live", "/health/ready"}


def test_the_documentation_is_open(standing):
    nobody = standing.without_key()
    for path in ("/docs", "/openapi.json", "/health/live", "/health/ready"):
        assert nobody.get(path).status_code == 200


@pytest.mark.parametrize(("method", "path", "operation"), KEYED)
@pytest.mark.parametrize("scope", list(Scope))
def test_each_scope_opens_what_the_documentation_says(standing, method, path, operation, scope):
    asked_for = {
        role for need in operation["security"] for roles in need.values() for role in roles
    }
    answer = call(standing.keyed(scope, name=scope), method, path)
    if scope in asked_for or scope == Scope.ADMIN:
        assert answer.status_code not in (401, 403), answer.text
    else:
        needed = " or ".join(sorted(asked_for))
        assert is_refused(answer, 403, f"may {scope}, and this needs {needed}")
        assert f"--scope {sorted(asked_for)[0]}" in answer.text


@pytest.mark.parametrize(("method", "path", "operation"), KEYED)
@pytest.mark.parametrize("headers", [{}, bearer("rgl_admin_another-shop's")])
def test_without_a_key_of_this_shop_nothing_opens(standing, method, path, operation, headers):
    stranger = standing.without_key()
    stranger._http.headers.update(headers)
    answer = call(stranger, method, path)
    assert is_refused(answer, 401, "python -m serving keys create")
    assert "Bearer" in answer.headers["www-authenticate"]
    assert {"401", "403"} <= set(operation["responses"])


def test_an_endpoint_that_says_nothing_of_scopes_is_an_admins():
    assert permission_of("DELETE", "/v1/customers/{customer_id}").scopes == frozenset()
    assert permission_of("DELETE", "/v1/customers/{customer_id}").logged


def test_an_application_whose_route_asks_for_no_key_does_not_start():
    forgetful = APIRouter()
    forgetful.get("/v1/everything")(lambda: None)
    with pytest.raises(TypeError, match="route_class=KeyedRoute"):
        keyed(forgetful)


def test_a_stranger_is_refused_before_what_they_sent_is_read(standing):
    stranger = standing.without_key()
    for body in (b"{", b"x" * 2_000_000):
        assert stranger.post("/v1/recommendations", content=body).status_code == 401


def test_what_permissions_name_exists():
    documented = {(method.upper(), path) for method, path, _ in OPERATIONS}
    documented.add(("GET", "/metrics"))  # not JSON, so not in OpenAPI; its own tests call it
    assert {named for named in PERMISSIONS if not is_segment_path(named[1])} <= documented


def test_a_key_with_two_scopes_opens_both(client):
    both = client.keyed(Scope.READ, Scope.WRITE)
    assert both.post("/v1/track", VIEW).is_success
    assert both.get("/v1/customers/ann").is_success
    assert is_refused(both.get("/v1/access"), 403, "may read, write, and this needs admin")


@pytest.mark.parametrize(
    "header", [f"Bearer {ADMIN_KEY}", f"bearer  {ADMIN_KEY}", f"Basic {{{ADMIN_KEY}:any}}"]
)
def test_a_key_is_presented_as_bearer_or_as_the_user_of_basic(client, header):
    header = re.sub("{(.*)}", lambda m: base64.b64encode(m[1].encode()).decode(), header)
    assert client.without_key().get("/v1/events", headers={"Authorization": header}).is_success


def test_of_two_keys_that_are_presented_the_one_that_opens_counts(client):
    client.keyed(Scope.WRITE, name="site", secret="site-key")
    reader = client.keyed(Scope.READ, name="crm")
    assert reader.post("/v1/track", {**VIEW, "writeKey": "site-key"}).is_success
    assert client.get("/v1/events").json()["events"][0]["source"] == "site"


# --- its life


def test_a_new_key_opens_while_the_old_one_still_does(client, clock):
    old = client.keyed(Scope.WRITE, name="site", secret="old")
    new = client.keyed(Scope.WRITE, name="site", secret="new")
    end(client, "old", NOON + 60_000)
    for n, holder in enumerate((old, new)):
        assert holder.post("/v1/track", {**VIEW, "messageId": f"m{n}"}).is_success
    clock.advance(minutes=1)
    refused = old.post("/v1/track", VIEW)
    assert is_refused(refused, 401, "the key 'site' ended at 2011-09-10T12:01:00")
    assert "successor" in refused.text
    assert new.post("/v1/track", {**VIEW, "messageId": "m2"}).is_success
    sources = {event["source"] for event in client.get("/v1/events").json()["events"]}
    assert sources == {"site"}


def test_a_revoked_key_opens_nothing_after_the_next_look(client):
    reader = client.keyed(Scope.READ, name="crm", secret="revoked")
    assert reader.get("/v1/events").is_success
    end(client, "revoked", NOON)
    assert is_refused(reader.get("/v1/events"), 401, "the key 'crm' ended")


def end(client, secret, at):
    assert client.service.store.end_key(key_of(secret, "x", [Scope.READ], 0).key_id, at)
    client.service.keys.refresh()


def test_a_key_that_is_made_elsewhere_opens_at_once(client, monkeypatch):
    monkeypatch.setattr(keys, "UNKNOWN_SECONDS", 0.0)
    put_key(client.service.store, "made-elsewhere", scopes=[Scope.READ])
    assert client.holding("made-elsewhere").get("/v1/events").is_success


def test_whoever_tries_keys_does_not_keep_the_store_busy(client, monkeypatch):
    read = []
    monkeypatch.setattr(client.service.store, "api_keys", lambda: read.append(1) or [])
    monkeypatch.setattr(keys, "UNKNOWN_SECONDS", 60.0)
    for n in range(100):
        assert client.holding(f"guess-{n}").get("/v1/events").status_code == 401
    assert len(read) <= 1


def test_while_the_store_is_away_known_keys_go_on_and_others_cannot_be_told(client, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(client.service.store, "api_keys", away)
        with pytest.raises(StorageError):
            client.service.keys.refresh()
        assert client.get("/v1/events").is_success
        refused = client.holding("rgl_read_perhaps-new").get("/v1/events")
        assert is_refused(refused, 503, "cannot tell whether the key is known")
        assert refused.headers["retry-after"]
    client.service.keys.refresh()
    assert client.holding("rgl_read_perhaps-new").get("/v1/events").status_code == 401


def away():
    raise StorageError("cannot read the keys: no route to host")


def test_the_keys_of_two_deployments_do_not_open_each_other(start, tmp_path):
    ours, theirs = start(), start(data=tmp_path / "another-shop")
    client = ours.keyed(Scope.WRITE, Scope.READ, name="site", secret="ours")
    assert client.post("/v1/track", VIEW).is_success
    stranger = theirs.holding("ours")
    assert is_refused(stranger.post("/v1/track", VIEW), 401, "no key of this shop's")
    assert is_refused(stranger.get("/v1/customers/ann"), 401, "no key of this shop's")
    assert theirs.get("/v1/events").json()["events"] == []


# --- kept and compared


def test_a_key_is_compared_in_constant_time(client, monkeypatch):
    compared = []

    def watched(one, other):
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    class Watched:
        compare_digest = staticmethod(watched)

    monkeypatch.setattr(keys, "hmac", Watched)
    assert client.get("/v1/events").is_success
    assert compared == [(32, 32)]


def test_two_keys_are_never_the_same_and_cannot_be_guessed():
    made = {new_secret([Scope.READ]) for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(re.fullmatch(r"rgl_read_[\w-]{43}", secret) for secret in made)


def test_a_key_is_in_no_repr_and_not_in_the_store(client, settings):
    secret = new_secret([Scope.READ])
    client.keyed(Scope.READ, secret=secret).get("/v1/events")
    told = repr(client.service.keys) + repr(vars(client.service.keys)) + repr(settings)
    told += repr(client.service.store.api_keys()) + json.dumps(client.app.openapi())
    assert secret not in told
    stored = b"".join(path.read_bytes() for path in settings.data.rglob("*") if path.is_file())
    assert b"someone" in stored
    assert secret.encode() not in stored


@pytest.mark.parametrize("name", ["", "a b", "a,b", "ä", "x" * 65, "-a", "a\n"])
def test_a_name_that_cannot_be_a_source_is_refused(name):
    with pytest.raises(InputError, match="a key's name"):
        key_of("secret", name, [Scope.READ], NOON)


def test_a_public_key_stands_alone_and_every_key_opens_something():
    with pytest.raises(InputError, match="public stands alone"):
        key_of("secret", "page", [Scope.PUBLIC, Scope.READ], NOON)
    with pytest.raises(InputError, match="opens nothing"):
        key_of("secret", "page", [], NOON)


def test_a_process_that_just_started_knows_the_keys(client, clock):
    fresh = Keys(client.service.store, clock)
    assert fresh.caller([ADMIN_KEY], permission_of("GET", "/v1/access")).name == "api"
    assert BEARER["Authorization"].endswith(ADMIN_KEY)
