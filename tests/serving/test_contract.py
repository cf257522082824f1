"""The HTTP contract as a whole: documented, stable, never a 500, nothing personal in the logs."""

import json
from pathlib import Path

import pytest
import schemathesis
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from serving.app import create_app
from serving.segment import is_segment_path
from serving.settings import ServingSettings
from tests.keys import BEARER

SNAPSHOT = Path(__file__).with_name("openapi.json")

OPENAPI = create_app(ServingSettings()).openapi()

OPERATIONS = [
    (path, method, operation)
    for path, methods in OPENAPI["paths"].items()
    for method, operation in methods.items()
]


def test_making_the_application_opens_nothing(tmp_path):
    create_app(ServingSettings(data=tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_the_documentation_is_as_released():
    """After an intended change: python -m tests.serving.openapi."""
    assert json.loads(SNAPSHOT.read_text()) == OPENAPI


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_endpoint_is_documented_with_an_example(path, method, operation):
    assert operation["description"], f"{method} {path}"
    [answer] = [operation["responses"]["200"]["content"]["application/json"]]
    assert answer["example"]
    for content in operation.get("requestBody", {"content": {}})["content"].values():
        assert example_of(content)


@pytest.mark.parametrize(
    ("path", "method", "operation"), [o for o in OPERATIONS if "requestBody" in o[2]]
)
def test_every_example_works(trained_client, path, method, operation):
    for customer in ("c-17", "c-23"):  # of whom the examples speak
        trained_client.track("Cart Viewed", customer, userId=customer)
    if path.endswith("/unmerge"):
        merge = {"other": "c-23", "by": "a.service", "why": "for the example"}
        assert trained_client.post("/v1/customers/c-17/merge", merge).is_success
    for kind, content in operation["requestBody"]["content"].items():
        body = example_of(content)
        answer = trained_client.request(
            method.upper(),
            path.format(product_id="22423", customer_id="c-17", name="summer-sale"),
            content=body if isinstance(body, str) else json.dumps(body),
            headers={"Content-Type": kind},
        )
        assert answer.status_code == 200, answer.text


def example_of(content):
    reference = content["schema"].get("$ref", "").rpartition("/")[2]
    declared = OPENAPI["components"]["schemas"].get(reference, {})
    return content.get("example") or declared.get("example")


for media_type in ("application/x-ndjson", "text/csv"):

    @schemathesis.serializer(media_type)
    def as_text(ctx, value):  # noqa: ARG001
        return value.encode("utf-8", "replace") if isinstance(value, str) else str(value).encode()


def fuzzed(operation):
    schema = schemathesis.openapi.from_dict(OPENAPI)
    return schema[operation[0]][operation[1].upper()].as_strategy()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o[1]} {o[0]}")
def test_no_request_is_answered_with_an_internal_error(trained_client, operation):
    @settings(
        max_examples=10,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(fuzzed(operation))
    def sent(case):
        request = case.as_transport_kwargs(base_url="http://regulars")
        method, url = request.pop("method"), request.pop("url")
        request.pop("cookies", None)
        request["headers"] = {**request.get("headers", {}), **BEARER}  # else all would be 401
        if "data" in request:  # its name in requests
            request["content"] = request.pop("data")
        answer = trained_client.request(method, url, **request)
        assert answer.status_code < 500, answer.text
        assert answer.status_code not in (401, 403)
        if answer.status_code >= 400:
            segment = is_segment_path(operation[0])
            expected = "application/json" if segment else "application/problem+json"
            assert answer.headers["content-type"] == expected

    sent()


@given(body=st.binary(max_size=200))
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_no_bytes_at_all_break_the_events_endpoint(client, body):
    answer = client.post("/v1/batch", content=body)
    assert answer.status_code in (200, 400)


def test_json_nested_a_thousand_deep_is_put_aside(client):
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    assert client.post("/v1/track", content=deep).status_code == 400
    assert client.post("/v1/batch", content=b'{"batch": [' + deep + b"]}").status_code == 200
    assert len(client.service.store.quarantined()) == 2


def test_an_unknown_path_or_method_is_a_problem_too(client):
    for method, path, status in (("GET", "/nowhere", 404), ("DELETE", "/v1/recommendations", 405)):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_request_id_is_given_back_and_a_strange_one_replaced(client):
    given_back = client.get("/health/live", headers={"X-Request-ID": "page-17"})
    assert given_back.headers["x-request-id"] == "page-17"
    strange = client.get("/health/live", headers={"X-Request-ID": "a b\tc"})
    assert len(strange.headers["x-request-id"]) == 32
    problem = client.get("/v1/customers/nobody", headers={"X-Request-ID": "page-18"}).json()
    assert problem["request_id"] == "page-18"


def test_logs_name_the_route_but_nobody(client):
    with structlog.testing.capture_logs() as logged:
        call_with_secrets(client)
    assert "/v1/customers/{customer_id:path}" in [entry.get("route") for entry in logged]
    assert "secret" not in json.dumps(logged)


def call_with_secrets(client):
    client.track("Product Viewed", "m1", userId="secret-ann", product_id="tea")
    client.get("/v1/customers/secret-ann")
    client.get("/v1/customers/secret-bob")
    client.post("/v1/recommendations", {"customer_id": "secret-ann", "k": 0})
