"""Facts about a customer are corrected by events, and what was before stays readable."""

import json

import pytest

from features.events.event import events_of
from features.events.log import EventLog
from serving.export import export

SAID = {"who": "customer service", "why": "told us on the phone"}


def identify(client, message_id, **traits):
    body = {"userId": "ann", "traits": traits, "messageId": message_id}
    assert client.post("/v1/identify", body).status_code == 200


def correct(client, customer_id="ann", key=None, **traits):
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"traits": traits, **SAID}
    return client.request("PATCH", f"/v1/customers/{customer_id}", json=body, headers=headers)


def history(client, customer_id="ann"):
    return client.get(f"/v1/customers/{customer_id}/corrections").json()


def test_a_correction_holds_and_says_what_was_before(client):
    identify(client, "m1", country="GB", language="en")
    assert correct(client, country="DE").status_code == 200
    assert correct(client, country="AT", language="de").status_code == 200
    found = history(client)
    assert found["traits"] == {"country": "AT", "language": "de"}
    assert [made["traits"] for made in found["corrections"]] == [
        {
            "country": {"before": "DE", "after": "AT"},
            "language": {"before": "en", "after": "de"},
        },
        {"country": {"before": "GB", "after": "DE"}},
    ]
    assert {made["who"] for made in found["corrections"]} == {"customer service"}


def test_what_a_client_says_later_does_not_undo_a_correction(client):
    correct_later = {"country": "GB", "language": "fr"}
    identify(client, "m1", country="GB")
    correct(client, country="DE")
    identify(client, "m2", **correct_later)
    assert history(client)["traits"] == {"country": "DE", "language": "fr"}


def test_a_correction_is_an_event_of_the_customer_and_goes_to_the_log(client, settings):
    identify(client, "m1", country="GB")
    made = correct(client, country="DE").json()
    [event] = client.get("/v1/events", params={"name": "Customer Corrected"}).json()["events"]
    assert event["event_id"] == made["correction_id"]
    assert (event["user_id"], event["source"]) == ("ann", "correction")
    log = EventLog(settings.log)
    export(client.service.store, log)
    [kept] = [e for e in events_of(log.dataset.to_table()) if e.name == "Customer Corrected"]
    assert json.loads(kept.properties or "") == {
        "country": "DE",
        "by": SAID["who"],
        "reason": SAID["why"],
    }


def test_a_visitor_can_be_corrected_too(client):
    client.track("Product Viewed", "m1", anonymousId="v", product_id="tea")
    assert correct(client, "anonymous:v", language="العربية").status_code == 200
    assert history(client, "anonymous:v")["traits"] == {"language": "العربية"}


def test_with_an_idempotency_key_a_correction_is_made_once(client):
    identify(client, "m1")
    first, again = (correct(client, key="k1", country="DE") for _ in range(2))
    assert first.json() == again.json()
    assert len(history(client)["corrections"]) == 1


def test_nobody_can_send_a_correction_as_an_event(client):
    answer = client.track("Customer Corrected", "m1", userId="ann", by="me", reason="so")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"traits": {"vip": "yes"}, **SAID}, "traits.vip: may not be corrected; those that may"),
        ({"traits": {"by": "x"}, **SAID}, "traits.by: may not be corrected"),
        ({"traits": {"country": " "}, **SAID}, "no text; say the right value"),
        ({"traits": {"country": "x" * 300}, **SAID}, "traits.country"),
        ({"traits": {}, **SAID}, "traits"),
        ({"traits": {"country": "DE"}, "who": "me"}, "why"),
        ({"traits": {"country": "DE"}, "why": "so"}, "who"),
    ],
)
def test_what_cannot_be_corrected_is_said(client, body, told):
    identify(client, "m1")
    answer = client.request("PATCH", "/v1/customers/ann", json=body)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert history(client)["corrections"] == []


def test_a_fact_that_the_shop_keeps_may_be_corrected(start):
    client = start(keep={"Customer Corrected": ["+shirt_size", "-language"]})
    identify(client, "m1")
    assert correct(client, shirt_size="L").status_code == 200
    assert correct(client, language="de").status_code == 422
    assert history(client)["traits"] == {"shirt_size": "L"}


def test_nobody_unknown_is_corrected(client):
    assert correct(client, "nobody", country="DE").status_code == 404
    assert client.get("/v1/customers/nobody/corrections").status_code == 404
