"""What a page's script may do with a key that everybody can read, and what it may not."""

import pytest

from features.events.schema import schema
from serving.scopes import Scope
from serving.visitors import SHOP_ONLY

FORBIDDEN_PATHS = [
    "/v1/customers/ann",
    "/v1/customers/anonymous:mine",
    "/v1/customers/anonymous:mine/churn",
    "/v1/decisions?customer_id=anonymous:mine",
    "/v1/events?customer_id=anonymous:mine",
    "/v1/quarantine",
    "/v1/products/tea",
    "/v1/access",
]


@pytest.fixture
def page(client):
    return client.keyed(Scope.PUBLIC, name="page")


@pytest.fixture
def server(client):
    return client.keyed(Scope.WRITE, name="server")


def view(message_id, **fields):
    return {
        "event": "Product Viewed",
        "messageId": message_id,
        "anonymousId": "mine",
        "properties": {"product_id": "tea"},
        **fields,
    }


def identifiers(client, customer_id):
    answer = client.get(f"/v1/customers/{customer_id}")
    return answer.json()["identifiers"] if answer.is_success else []


def stored(client):
    return client.get("/v1/events").json()["events"]


@pytest.mark.parametrize("path", FORBIDDEN_PATHS)
def test_a_page_reads_nothing_about_anybody(page, path):
    assert page.post("/v1/track", view("m1")).is_success
    assert page.get(path).status_code == 403


def test_a_visitors_events_count_for_the_visitor(client, page):
    assert page.post("/v1/t", view("m1")).is_success
    assert page.post("/v1/b", {"batch": [view("m2", type="track")]}).is_success
    assert client.get("/v1/customers/anonymous:mine").json()["events"] == 2
    assert [(e["source"], e["marks"]) for e in stored(client)] == [("page", ["page"])] * 2


def test_a_user_that_a_page_names_is_not_believed(client, page):
    assert page.post("/v1/identify", {"userId": "ann", "anonymousId": "mine"}).is_success
    assert page.post("/v1/track", view("m1", userId="ann")).is_success
    assert client.get("/v1/customers/ann").status_code == 404
    assert client.get("/v1/customers/anonymous:mine").json()["events"] == 2
    assert identifiers(client, "anonymous:mine") == ["anonymous:mine"]


@pytest.mark.parametrize(
    "claim",
    [
        {"traits": {"email": "ann@shop.example", "phone": "+441632960961"}},
        {"context": {"traits": {"email": "ann@shop.example"}}},
        {"context": {"externalIds": [{"id": "ann@shop.example", "type": "email"}]}},
        {"context": {"device": {"token": "push-token-of-ann"}}},
    ],
)
def test_whatever_a_page_says_about_itself_joins_it_to_nobody(client, page, server, claim):
    assert server.post("/v1/identify", {"userId": "ann", "anonymousId": "hers", **claim}).is_success
    assert page.post("/v1/identify", {"userId": "ann", "anonymousId": "mine", **claim}).is_success
    assert "anonymous:hers" in identifiers(client, "ann")
    assert "anonymous:mine" not in identifiers(client, "ann")


def test_the_shops_server_ties_the_visitor_to_the_user(client, page, server):
    assert page.post("/v1/track", view("m1", userId="ann")).is_success
    assert server.post("/v1/identify", {"userId": "ann", "anonymousId": "mine"}).is_success
    assert page.post("/v1/track", view("m2", userId="ann")).is_success
    assert client.get("/v1/customers/ann").json()["events"] == 3


def test_a_page_cannot_tie_ids_together(client, page):
    refused = page.post("/v1/alias", {"userId": "ann", "previousId": "mine", "anonymousId": "mine"})
    assert refused.status_code == 400
    assert "from the shop's server" in refused.json()["message"]
    assert client.get("/v1/customers/ann").status_code == 404
    assert client.get("/v1/quarantine").json()["rejected"][0]["column"] == "type"


def test_an_event_of_a_user_alone_is_put_aside(client, page):
    refused = page.post("/v1/track", {**view("m1"), "userId": "ann", "anonymousId": None})
    assert refused.status_code == 400
    assert "an event is a visitor's" in refused.json()["message"]
    assert client.get("/v1/customers/ann").status_code == 404
    assert len(client.get("/v1/quarantine").json()["rejected"]) == 1


def test_what_only_the_shop_can_say_is_a_known_event():
    assert {name for name in SHOP_ONLY if schema().find(name) is None} == set()


@pytest.mark.parametrize("name", [*sorted(SHOP_ONLY), "Completed Order"])
def test_a_page_cannot_say_what_only_the_shop_knows(client, page, name):
    said = {
        "order_id": "1001",
        "products": [{"product_id": "tea"}],
        "points": 5,
        "tier": "gold",
        "email_id": "e",
        "ticket_id": "t",
        "message_id": "m",
        "subscription_id": "s",
        "total": 1,
        "expires_at": "2011-10-01T00:00:00Z",
        "tier_level": 2,
    }
    refused = page.post("/v1/track", view("m1", event=name, properties=said))
    assert refused.status_code == 400
    assert "from the shop's server" in refused.json()["message"]
    assert stored(client) == []


def test_an_id_that_a_page_took_does_not_keep_the_shops_event_from_counting(client, page, server):
    order = {"order_id": "1001", "products": [{"product_id": "tea", "price": 3, "quantity": 1}]}
    bought = {"event": "Order Completed", "messageId": "o1", "userId": "ann", "properties": order}
    page.post("/v1/track", view("m1", event="Order Completed", properties=order))
    page.post("/v1/track", view("order:1001"))
    page.post("/v1/track", view("invoice-7"))
    assert server.post("/v1/track", bought).is_success
    assert server.post("/v1/track", view("invoice-7", userId="ann", anonymousId=None)).is_success
    assert client.get("/v1/customers/ann").json()["events"] == 2


def test_a_page_that_sends_twice_counts_once(client, page):
    for _ in range(2):
        assert page.post("/v1/track", view("m1")).is_success
    assert client.get("/v1/customers/anonymous:mine").json()["events"] == 1


def test_a_page_asks_for_its_visitor_alone(trained_client):
    page = trained_client.keyed(Scope.PUBLIC, name="page")
    page.post("/v1/track", view("m1"))
    for path in ("/v1/recommendations", "/v1/offers/next"):
        assert page.post(path, {"anonymous_id": "mine"}).is_success
        for named in ("ann", "anonymous:mine"):
            refused = page.post(path, {"customer_id": named, "anonymous_id": "mine"})
            assert refused.status_code == 403
            assert "give the visitor's anonymous_id" in refused.json()["detail"]


def test_an_anonymous_id_reaches_no_user(trained_client):
    """Whatever it looks like, it is looked for among visitors."""
    trained_client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    page = trained_client.keyed(Scope.PUBLIC, name="page")
    for guess in ("ann", "anonymous:ann"):
        assert page.recommend(anonymous_id=guess)["fallback"] == "unknown_customer"


def test_a_page_is_not_told_what_an_offer_costs_and_brings(trained_client):
    lines = [{"product_id": "tea", "price": 3.0, "quantity": 2}]
    who = {"userId": "ann", "anonymousId": "mine"}
    trained_client.track("Order Completed", "o1", order_id="1", products=lines, total=6, **who)
    page = trained_client.keyed(Scope.PUBLIC, name="page")
    told = page.post("/v1/offers/next", {"anonymous_id": "mine"}).json()
    assert (told["expected_value"], told["reason"], told["alternatives"]) == (None, None, [])
    decided = trained_client.get(f"/v1/decisions/{told['decision_id']}").json()
    assert decided["reason"]
    assert decided["details"]["alternatives"]


def test_a_page_of_any_origin_may_ask_what_to_show(trained_client):
    page = trained_client.keyed(Scope.PUBLIC, name="page")
    for path in ("/v1/recommendations", "/v1/offers/next"):
        asked = {
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        preflight = page.without_key().request("OPTIONS", path, headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in preflight.headers
        origin = {"Origin": "https://shop.example"}
        for body, status in (({"anonymous_id": "mine"}, 200), ({"customer_id": "ann"}, 403)):
            answer = page.post(path, body, headers=origin)
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == "*"
