"""The profile shows the persona beside the stage, as far as the customer allows it."""

import pytest

from features.instants import DAY_MS, iso
from models.bundle import Bundle
from tests.serving.conftest import NOON


def buy(client, message_id, total, pieces, discount=0.0, days_ago=0, user="ann"):
    client.track(
        "Order Completed",
        message_id,
        userId=user,
        order_id=message_id,
        timestamp=iso(NOON - (1 + days_ago) * DAY_MS),
        total=total,
        discount=discount,
        products=[{"product_id": "tea", "quantity": pieces, "price": (total + discount) / pieces}],
    )


def persona(client, user="ann"):
    answer = client.get(f"/v1/customers/{user}")
    assert answer.status_code == 200, answer.text
    return answer.json()["persona"]


def consent(client, status, message_id):
    client.track("Consent Changed", message_id, userId="ann", purpose="profiling", status=status)


@pytest.fixture
def by_name(trained):
    return {each.name: each for each in Bundle.load(trained).personas.personas_}


def test_what_a_customer_does_tells_the_persona(trained_client, by_name):
    for number in range(4):
        buy(trained_client, f"a{number}", 400, 10, days_ago=40 * number)
        buy(trained_client, f"b{number}", 22, 3, 14, days_ago=40 * number, user="bob")
    seen = persona(trained_client)
    expected = by_name["Occasional big-basket shoppers"]
    assert seen | {"membership": None} == {
        "key": expected.key,
        "name": expected.name,
        "description": expected.description,
        "membership": None,
    }
    assert 0.5 < seen["membership"] <= 1
    assert "argain hunters" in persona(trained_client, "bob")["name"]


def test_who_never_ordered_has_no_persona(trained_client):
    trained_client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    assert persona(trained_client) is None


def test_without_trained_personas_there_is_none(client):
    buy(client, "o1", 400, 10)
    assert persona(client) is None


def test_who_does_not_allow_to_be_profiled_has_no_persona(trained_client, clock):
    buy(trained_client, "o1", 400, 10)
    assert persona(trained_client) is not None
    consent(trained_client, "denied", "c1")
    assert persona(trained_client) is None
    clock.advance(minutes=1)
    consent(trained_client, "granted", "c2")
    assert persona(trained_client) is not None


def test_where_the_shop_relies_on_consent_nobody_has_a_persona_unasked(publish, start):
    publish()
    client = start(profiling_basis="consent")
    buy(client, "o1", 400, 10)
    assert persona(client) is None
