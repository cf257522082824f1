"""Events in, in Segment's form: durable, counted once, known to the very next answer."""

import sqlite3
from contextlib import closing

import pytest


def test_an_acknowledged_event_is_known_to_the_very_next_call(client):
    done = client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    assert (done.status_code, done.json()) == (200, {"success": True})
    profile = client.get("/v1/customers/ann").json()
    assert profile["events"] == 1
    assert profile["features"]["engagement_views_7d"] == 1


def test_an_event_outlives_the_process(client, start):
    client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    assert start().get("/v1/customers/ann").json()["events"] == 1


def test_a_message_id_counts_once(client):
    for _ in range(3):
        assert client.track("Product Viewed", "m1", userId="ann", product_id="tea").is_success
    assert client.get("/v1/customers/ann").json()["events"] == 1


def test_an_order_is_read_back_with_its_lines(client):
    lines = [
        {"product_id": "tea", "quantity": 2, "price": 3.0},
        {"product_id": "pot", "quantity": 1, "price": 12.0},
    ]
    client.track("Order Completed", "m1", userId="ann", order_id="o1", total=18, products=lines)
    [order] = client.get("/v1/customers/ann").json()["last_orders"]
    assert order["total"] == 18
    assert [(line["product_id"], line["quantity"]) for line in order["lines"]] == [
        ("tea", 2),
        ("pot", 1),
    ]


def test_a_batch_keeps_its_good_events_and_puts_the_bad_ones_aside(client):
    batch = [
        {
            "type": "track",
            "event": "Product Viewed",
            "messageId": "good",
            "userId": "ann",
            "properties": {"product_id": "tea"},
        },
        {"type": "track", "event": "Product Viewed", "messageId": "bad", "userId": "ann"},
        "no event at all",
    ]
    done = client.post("/v1/batch", {"batch": batch})
    assert (done.status_code, done.json()) == (200, {"success": True})
    assert client.get("/v1/customers/ann").json()["events"] == 1
    aside = {rejected.message_id: rejected for rejected in client.service.store.quarantined()}
    assert set(aside) == {"bad", ""}
    assert aside["bad"].column == "product_id"
    assert "Product Viewed" in aside["bad"].message


def test_identify_makes_what_a_visitor_did_the_users(client):
    client.track("Product Viewed", "m1", anonymousId="v", product_id="tea")
    assert client.get("/v1/customers/anonymous:v").json()["events"] == 1
    body = {"messageId": "m2", "userId": "ann", "anonymousId": "v"}
    assert client.post("/v1/identify", body).is_success
    profile = client.get("/v1/customers/ann").json()
    assert profile["identifiers"] == ["ann", "anonymous:v"]
    assert profile["features"]["engagement_views_7d"] == 1
    assert client.get("/v1/customers/anonymous:v").json()["customer_id"] == "ann"


def test_pages_and_screens_are_events(client):
    assert client.post("/v1/page", {"messageId": "m1", "userId": "ann", "name": "Home"}).is_success
    body = {"messageId": "m2", "userId": "ann", "name": "Cart"}
    assert client.post("/v1/screen", body).is_success
    assert client.get("/v1/customers/ann").json()["events"] == 2


@pytest.mark.parametrize(
    ("event", "amounts"),
    [
        ("Product Viewed", {"product_id": "tea", "price": 1e39}),
        ("Order Completed", {"order_id": "o1", "total": 1e300}),
        ("Order Completed", {"order_id": "o1", "products": [
            {"product_id": "tea", "price": 1e9, "quantity": 1e9}]}),
    ],
)  # fmt: skip
def test_amounts_beyond_any_currency_are_put_aside(client, event, amounts):
    bad = {"type": "track", "event": event, "messageId": "bad", "userId": "ann"}
    good = {"type": "page", "messageId": "good", "userId": "ann"}
    assert client.post("/v1/batch", {"batch": [{**bad, "properties": amounts}, good]}).is_success
    assert client.get("/v1/customers/ann").json()["events"] == 1
    [aside] = client.get("/v1/quarantine").json()["rejected"]
    assert (aside["message_id"], "above 1e+12" in aside["reason"]) == ("bad", True)


def test_nobody_can_send_ahead_the_id_of_somebody_elses_order(client):
    client.track("Cart Viewed", "order:o1", userId="eve")
    client.track("Order Completed", "m1", userId="ann", order_id="o1", total=5)
    [order] = client.get("/v1/customers/ann").json()["last_orders"]
    assert order["total"] == 5
    client.track("Cart Viewed", "order:o1", userId="eve")
    assert client.get("/v1/customers/eve").json()["events"] == 1


def test_a_refund_and_a_cancellation_of_one_order_give_back_no_more_than_all(client):
    client.track("Order Completed", "m1", userId="ann", order_id="o1", total=10)
    client.track("Order Refunded", "m2", userId="ann", order_id="o1", total=4)
    features = client.get("/v1/customers/ann").json()["features"]
    assert features["purchase_return_share"] == pytest.approx(0.4)
    client.track("Order Cancelled", "m3", userId="ann", order_id="o1", total=10)
    assert client.get("/v1/customers/ann").json()["features"]["purchase_return_share"] == 1
    client.track("Order Refunded", "m4", userId="ann", order_id="o1")
    [marked, *_] = client.get("/v1/events").json()["events"]
    assert marked["marks"] == ["unpriced"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "is no JSON"),
        (b'"text"', "must be a JSON object"),
        (b"{}", "event"),
        (b'{"event": "Product Viewed", "messageId": "m", "userId": "a"}', "product_id"),
        (b'{"event": "Cart Viewed", "messageId": "m", "userId": "a\\u0000b"}', "ser_id"),
        (b'{"event": "Cart Viewed", "messageId": "m", "userId": "' + b"a" * 300 + b'"}', "ser_id"),
        (b'{"event": "Cart Viewed", "messageId": "m"}', "ser_id"),
        (b'{"event": "Cart Viewed", "userId": "a", "x": "' + b"a" * 33_000 + b'"}', "32,768"),
    ],
)
def test_a_bad_event_is_told_what_is_wrong_with_it_as_segment_does(client, body, says):
    answer = client.post("/v1/track", content=body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message"}
    assert says in answer.json()["message"]


def test_a_batch_beyond_segments_limits_is_refused_whole(client):
    for body in ({}, {"batch": "text"}, {"batch": [{}] * 2_501}):
        answer = client.post("/v1/batch", body)
        assert (answer.status_code, set(answer.json())) == (400, {"code", "message"})


def test_a_body_beyond_a_megabyte_is_refused(client):
    answer = client.post("/v1/batch", content=b" " * 1_000_001)
    assert (answer.status_code, set(answer.json())) == (413, {"code", "message"})


def test_a_product_id_of_ten_kilobytes_is_put_aside(client):
    answer = client.track("Product Viewed", "m1", userId="ann", product_id="x" * 10_000)
    assert answer.status_code == 400
    assert "product_id" in answer.json()["message"]
    assert len(answer.json()["message"]) < 500


def test_a_locked_store_asks_to_come_back_reads_go_on_and_nothing_is_lost(client, settings):
    client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    with closing(sqlite3.connect(settings.store_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = client.track("Product Viewed", "m2", userId="ann", product_id="tea")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert set(answer.json()) == {"code", "message"}
        assert client.get("/v1/customers/ann").json()["events"] == 1
        other.execute("ROLLBACK")
    assert client.track("Product Viewed", "m2", userId="ann", product_id="tea").is_success
    assert client.get("/v1/customers/ann").json()["events"] == 2


def test_a_full_disk_asks_to_come_back_and_keeps_what_was_acknowledged(client):
    client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    with client.service.store._database._writes.connect() as writer:  # the store's only writer
        pages = writer.exec_driver_sql("PRAGMA page_count").scalar()
        writer.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    full = [
        client.track("Cart Viewed", f"f{i}", userId=f"u{i}" * 60, cart_id="c" * 200).status_code
        for i in range(40)
    ]
    assert full[-1] == 503
    known = sum(client.get(f"/v1/customers/{f'u{i}' * 60}").status_code == 200 for i in range(40))
    assert known == full.count(200)
    assert client.get("/v1/customers/ann").json()["events"] == 1
