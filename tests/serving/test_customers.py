"""The view of a customer, whether they are about to leave, and what to offer them."""

import pytest


def buy(client, message_id, *products, user="ann", **more):
    lines = [{"product_id": product, "quantity": 1, "price": 5} for product in products]
    client.track(
        "Order Completed",
        message_id,
        userId=user,
        order_id=message_id,
        total=20,
        products=lines,
        **more,
    )


def test_the_view_holds_orders_consents_and_decisions(trained_client):
    buy(trained_client, "o1", "tea")
    trained_client.track(
        "Consent Changed", "m1", userId="ann", purpose="marketing", status="granted"
    )
    trained_client.post("/v1/offers/next", {"customer_id": "ann"})
    view = trained_client.get("/v1/customers/ann").json()
    assert view["customer_id"] == "ann"
    assert view["first_seen_at"] == "2011-09-10T12:00:00Z"
    assert view["last_orders"][0]["lines"][0]["title"] == "Tea"
    assert [(c["purpose"], c["channel"], c["status"]) for c in view["consents"]] == [
        ("marketing", "all", "granted")
    ]
    assert view["decisions"][0]["kind"] == "offer"
    assert view["features"]["purchase_orders_life"] == 1
    assert view["features"]["cadence_order_gap_mean_life"] is None
    assert view["model_version"] == "1"


def test_orders_of_one_instant_show_each_line_once(client):
    buy(client, "o1", "tea", "pot")
    buy(client, "o2", "cup")
    client.track("Product Viewed", "m1", userId="ann", product_id="tin")
    orders = client.get("/v1/customers/ann").json()["last_orders"]
    assert len(orders) == 2
    lines = sorted(line["product_id"] for order in orders for line in order["lines"])
    assert lines == ["cup", "pot", "tea"]


@pytest.mark.parametrize("customer", ["a/b", "ann@shop.test", "a b", "ünï", "%41"])
def test_an_id_may_hold_what_ids_hold(client, customer):
    client.track("Product Viewed", "m1", userId=customer, product_id="tea")
    quoted = "".join(f"%{byte:02X}" for byte in customer.encode())
    assert client.get(f"/v1/customers/{quoted}").json()["customer_id"] == customer


@pytest.mark.parametrize(
    "path", ["/v1/customers/nobody", "/v1/customers/nobody/churn", "/v1/customers/nobody/value"]
)
def test_an_unknown_customer_is_not_found_and_the_next_step_said(trained_client, path):
    answer = trained_client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:regulars:problem:unknown-customer"
    assert "/v1/track" in answer.json()["detail"]


def test_a_nul_byte_in_an_id_is_told_so(client):
    answer = client.get("/v1/customers/a%00b")
    assert answer.status_code == 422
    assert "NUL" in answer.json()["detail"]


def test_who_bought_lately_is_less_likely_to_leave_than_who_has_not(trained_client):
    for week in range(6):
        buy(trained_client, f"a{week}", "tea", user="ann", timestamp=f"2011-07-{4 * week + 1:02}")
        buy(trained_client, f"b{week}", "tea", user="bob", timestamp=f"2011-04-{4 * week + 1:02}")
    for i, day in enumerate(("2011-08-08", "2011-08-20", "2011-08-30", "2011-09-07")):
        buy(trained_client, f"c{i}", "tea", user="ann", timestamp=day)
    ann = trained_client.get("/v1/customers/ann/churn").json()
    bob = trained_client.get("/v1/customers/bob/churn").json()
    assert 0 < ann["probability"] < bob["probability"] < 1
    assert bob["horizon_days"] == 30
    assert 1 <= len(bob["reasons"]) <= 5
    assert all(reason["text"] and reason["contribution"] for reason in bob["reasons"])
    assert len({reason["group"] for reason in bob["reasons"]}) == len(bob["reasons"])
    assert (bob["model_version"], bob["at"]) == ("1", "2011-09-10T12:00:00.001000Z")


def test_who_never_ordered_has_nothing_to_leave(trained_client):
    trained_client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    answer = trained_client.get("/v1/customers/ann/churn").json()
    assert (answer["probability"], answer["reasons"]) == (None, [])
    assert "not ordered" in answer["note"]


def test_without_a_model_there_is_no_probability_and_the_next_step_said(client):
    buy(client, "o1", "tea")
    answer = client.get("/v1/customers/ann/churn")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:regulars:problem:no-model"
    assert "python -m training" in answer.json()["detail"]
    assert answer.headers["retry-after"]


def test_who_bought_lately_is_expected_to_spend_more_and_sooner(trained_client):
    for i, day in enumerate(("2011-07-01", "2011-07-15", "2011-08-01", "2011-08-20", "2011-09-07")):
        buy(trained_client, f"a{i}", "tea", user="ann", timestamp=day)
    for i, day in enumerate(("2011-03-01", "2011-03-15", "2011-04-01", "2011-04-20", "2011-05-02")):
        buy(trained_client, f"b{i}", "tea", user="bob", timestamp=day)
    ann, bob = (trained_client.get(f"/v1/customers/{who}/value").json() for who in ("ann", "bob"))
    assert ann["expected_orders"] > bob["expected_orders"] >= 0
    assert ann["expected_spend"] > bob["expected_spend"]
    dates = [ann["next_order"][name] for name in ("earliest_at", "median_at")]
    assert ann["at"] < dates[0] < dates[1]
    assert ann["change"] is None  # of orders that came in today nothing was known 90 days ago
    assert 1 <= len(bob["reasons"]) <= 5
    assert bob["horizon_days"] == 30
    assert "past rows are too few for trees" in ann["note"]


def test_value_falls_for_who_has_been_silent_for_a_quarter(trained_client, clock):
    for i in range(6):
        buy(trained_client, f"a{i}", "tea", user="ann")
        clock.advance(minutes=7 * 24 * 60)
    steady = trained_client.get("/v1/customers/ann/value").json()
    clock.advance(minutes=100 * 24 * 60)
    silent = trained_client.get("/v1/customers/ann/value").json()
    assert steady["change"] is None
    assert silent["change"]["falling"]
    assert 0 < silent["change"]["ratio"] < 0.5
    assert silent["expected_spend"] < steady["expected_spend"]


def test_money_has_the_shops_currency_once_it_is_known(trained_client):
    buy(trained_client, "o1", "tea", currency="GBP")
    told = trained_client.get("/v1/customers/ann/value").json()
    assert told["currency"] == trained_client.get("/v1/customers/ann").json()["currency"]


def test_who_never_ordered_is_expected_nothing_of(trained_client):
    trained_client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    told = trained_client.get("/v1/customers/ann/value").json()
    nothing = ("expected_orders", "expected_spend", "next_order", "change")
    assert {told[name] for name in nothing} == {None}
    assert "not ordered" in told["note"]


def test_without_a_value_model_there_is_no_value_and_the_next_step_said(client):
    buy(client, "o1", "tea")
    answer = client.get("/v1/customers/ann/value")
    assert answer.status_code == 503
    assert "no value model" in answer.json()["detail"]


def test_the_offer_worth_most_is_made_and_kept_as_a_decision(trained_client):
    buy(trained_client, "o1", "tea", timestamp="2011-08-25T12:00:00Z")
    trained_client.track(
        "Consent Changed", "m1", userId="ann", purpose="marketing", status="granted"
    )
    made = trained_client.post("/v1/offers/next", {"customer_id": "ann"}).json()
    assert made["offer"] == {"offer_id": "free-delivery", "title": "Free delivery"}
    assert made["expected_value"] == max(a["expected_value"] for a in made["alternatives"])
    assert None in [a["offer_id"] for a in made["alternatives"]]
    assert "Free delivery" in made["reason"]
    kept = trained_client.get(f"/v1/decisions/{made['decision_id']}").json()
    assert (kept["kind"], kept["action"]) == ("offer", "offer")
    assert kept["details"]["offer_id"] == "free-delivery"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"customer_id": "ann"}, "needs consent to marketing by web"),
        ({"customer_id": "ann", "channel": "email"}, "is not for email"),
        ({"customer_id": "ann", "without": ["free-delivery"]}, "is excluded"),
        ({"customer_id": "nobody"}, "nothing is known of the customer"),
        ({"anonymous_id": "v"}, "no order yet"),
    ],
)
def test_no_offer_is_a_decision_with_a_reason_too(trained_client, body, says):
    buy(trained_client, "o1", "tea")
    trained_client.track("Product Viewed", "m1", anonymousId="v", product_id="tea")
    made = trained_client.post("/v1/offers/next", body).json()
    assert made["offer"] is None
    assert says in made["reason"]
    kept = trained_client.get(f"/v1/decisions/{made['decision_id']}").json()
    assert kept["action"] == "no_offer"


def test_an_offer_for_nobody_is_no_request(client):
    answer = client.post("/v1/offers/next", {})
    assert answer.status_code == 422
    assert "customer_id or anonymous_id" in answer.json()["detail"]


def test_without_a_model_no_offer_is_made(client):
    buy(client, "o1", "tea")
    made = client.post("/v1/offers/next", {"customer_id": "ann"}).json()
    assert (made["offer"], made["model_version"]) == (None, None)
    assert "no churn model" in made["reason"]
