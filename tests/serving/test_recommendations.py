"""What is shown: always a list, and always how it was come by."""

import pytest

KITCHEN = {"tea", "pot", "cup", "tin"}
GARDEN = {"rake", "hose", "seed"}


def buy(client, message_id, *products, user="ann"):
    lines = [{"product_id": product, "quantity": 1, "price": 5} for product in products]
    client.track(
        "Order Completed", message_id, userId=user, order_id=message_id, total=5, products=lines
    )


def test_what_a_customer_bought_decides_what_the_next_call_shows(trained_client):
    buy(trained_client, "o1", "tea", "pot")
    assert trained_client.shown(customer_id="ann", k=1)[0] in KITCHEN - {"tea", "pot"}
    buy(trained_client, "o2", "rake", "hose", user="bob")
    assert trained_client.shown(customer_id="bob", k=1) == ["seed"]


def test_an_answer_names_the_model_the_reason_and_no_fallback(trained_client):
    buy(trained_client, "o1", "tea", "pot")
    answer = trained_client.recommend(customer_id="ann", k=2, placement="cart")
    assert answer["recommendation_id"].startswith("rec_")
    assert (answer["model_version"], answer["fallback"]) == ("1", None)
    assert answer["placement"] == "cart"
    assert answer["took_ms"] > 0
    for item in answer["items"]:
        assert item["title"] == item["product_id"].title()
        assert item["reason"]
        assert item["source"]
        assert item["price"] > 0


def test_an_unknown_customer_gets_what_is_popular(trained_client):
    answer = trained_client.recommend(customer_id="nobody", k=3)
    assert answer["fallback"] == "unknown_customer"
    assert len(answer["items"]) == 3
    assert trained_client.recommend(k=3)["items"] == answer["items"]


def test_a_visitor_is_known_by_the_anonymous_id(trained_client):
    trained_client.track("Product Viewed", "m1", anonymousId="v", product_id="tea")
    answer = trained_client.recommend(customer_id="nobody", anonymous_id="v")
    assert answer["fallback"] is None


def test_without_a_bundle_the_products_bought_most_often_are_shown(client):
    buy(client, "o1", "tea", "pot")
    buy(client, "o2", "pot", user="bob")
    answer = client.recommend(customer_id="ann", k=5)
    assert (answer["fallback"], answer["model_version"]) == ("no_bundle", None)
    assert [item["product_id"] for item in answer["items"]] == ["pot", "tea"]


def test_without_anything_the_list_is_empty_and_says_so(client):
    answer = client.recommend(customer_id="ann")
    assert (answer["items"], answer["fallback"]) == ([], "no_bundle")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"category": "garden"}, GARDEN),
        ({"category": "Garden > Things"}, GARDEN),
        ({"price_min": 5, "price_max": 6}, {"cup", "tin"}),
        ({"category": "Kitchen", "price_max": 3}, {"tea"}),
    ],
)
def test_filters_allow_only_what_they_say(trained_client, filters, expected):
    assert set(trained_client.shown(filters=filters)) == expected


@pytest.mark.parametrize(
    "filters", [{"category": "Gard"}, {"brand": "none"}, {"price_min": 9, "price_max": 1}]
)
def test_a_filter_that_nothing_passes_gives_an_empty_list_and_says_so(trained_client, filters):
    answer = trained_client.recommend(filters=filters)
    assert (answer["items"], answer["fallback"]) == ([], "empty_filter")


def test_what_is_excluded_or_cannot_be_bought_is_not_shown(trained_client):
    shown = trained_client.shown(k=100, exclude=["tea", "a product nobody knows"])
    assert set(shown) == (KITCHEN | GARDEN) - {"tea"}


def test_a_product_first_seen_in_an_event_can_be_shown_at_once(trained_client):
    trained_client.track("Product Viewed", "m1", userId="ann", product_id="brand-new")
    assert "brand-new" in trained_client.shown(customer_id="ann", k=100)
    assert "brand-new" in trained_client.shown(customer_id="nobody", k=100)


def test_filters_and_exclusions_hold_without_a_bundle(client):
    buy(client, "o1", "tea", "pot", "cup")
    assert set(client.shown(exclude=["tea"])) == {"pot", "cup"}
    assert client.recommend(filters={"brand": "none"})["fallback"] == "empty_filter"


def test_a_model_that_fails_is_replaced_by_what_is_popular(trained_client, monkeypatch):
    buy(trained_client, "o1", "tea")
    monkeypatch.setattr("serving.recommend.page", lambda *_, **__: 1 / 0)
    answer = trained_client.recommend(customer_id="ann", k=1)
    assert answer["fallback"] == "model_failed"
    assert [item["product_id"] for item in answer["items"]] == ["tea"]


def test_without_the_store_the_model_shows_what_is_popular(trained_client, settings):
    buy(trained_client, "o1", "tea")
    broken = trained_client.service.store
    broken.close()
    settings.store_file.write_bytes(b"broken" * 1000)
    answer = trained_client.recommend(customer_id="ann", k=3)
    assert answer["fallback"] == "store_unavailable"
    assert len(answer["items"]) == 3
    assert trained_client.get("/health/ready").status_code == 503


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"k": 0}, "k"),
        ({"k": 101}, "k"),
        ({"k": "many"}, "k"),
        ({"customer_id": "a\0b"}, "customer_id"),
        ({"customer_id": "é" * 200}, "customer_id"),
        ({"customer_id": " "}, "customer_id"),
        ({"exclude": ["a\0b"]}, "exclude.0"),
        ({"filters": {"colour": "red"}}, "filters"),
        ({"filters": {"price_min": -1}}, "filters.price_min"),
        ([], "body"),
    ],
)
def test_a_request_that_makes_no_sense_is_told_which_field(client, body, field):
    answer = client.post("/v1/recommendations", body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert answer.json()["type"] == "urn:regulars:problem:invalid-request"


def test_half_a_surrogate_pair_is_told_so(client):
    answer = client.post(
        "/v1/recommendations",
        content=b'{"customer_id": "\\ud800"}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("limit=2000", "limit: Input should be less than or equal to 1000; it is '2000'"),
        ("limit=ten", "it is 'ten'"),
        (f"limit={'9' * 4000}", "it is '" + "9" * 80 + "'… (4,000 characters)"),
        ("limit=%00", r"it is '\x00'"),
    ],
)
def test_a_wrong_query_parameter_is_told_with_its_value(client, query, told):
    answer = client.get(f"/v1/decisions?customer_id=ann&{query}")
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_a_number_out_of_its_range_is_told_and_no_other_value_of_a_body(client):
    answer = client.post("/v1/recommendations", {"customer_id": ["ann@example.org"], "k": 1000})
    assert answer.status_code == 422
    assert "k: Input should be less than or equal to 100; it is 1000" in answer.json()["detail"]
    assert "ann@" not in answer.text
