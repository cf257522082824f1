"""The product feed: what it says holds in the very next answer of every worker."""

import json

import pytest

NDJSON = {"Content-Type": "application/x-ndjson"}
CSV = {"Content-Type": "text/csv; charset=utf-8"}


def put(client, product_id, **said):
    return client.request("PUT", f"/v1/products/{product_id}", json=said)


def get(client, product_id):
    return client.get(f"/v1/products/{product_id}")


def bulk(client, *lines, headers=NDJSON):
    return client.post("/v1/products/bulk", content="\n".join(lines), headers=headers)


def test_a_product_is_kept_as_it_was_told(client):
    told = {
        "parent_id": "cakestand",
        "title": "Cakestand 3 tier",
        "category": "Kitchen > Baking",
        "brand": "Regency",
        "price": "12.75",
        "attributes": {"colour": "white"},
        "available": False,
    }
    answer = put(client, "22423", **told)
    assert answer.status_code == 200, answer.text
    expected = {
        **told, "price": 12.75, "product_id": "22423", "first_seen_at": "2011-09-10T12:00:00Z",
    }  # fmt: skip
    assert answer.json() == get(client, "22423").json() == expected


def test_what_is_absent_or_null_stays_as_it_was(client):
    put(client, "tea", title="Tea", price=3.0, available=False)
    put(client, "tea", title=None, price=4.0)
    known = get(client, "tea").json()
    assert (known["title"], known["price"], known["available"]) == ("Tea", 4.0, False)


def test_a_product_that_only_events_named_is_known_too(client):
    client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    assert get(client, "tea").json()["title"] is None
    missing = get(client, "pot")
    assert missing.status_code == 404
    assert missing.json()["type"] == "urn:regulars:problem:unknown-product"


def test_an_id_may_hold_slashes(client):
    assert put(client, "a/b c", price=1).json()["product_id"] == "a/b c"
    assert get(client, "a%2Fb%20c").json()["price"] == 1


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"price": -1}, "price"),
        ({"price": "a lot"}, "price"),
        ({"price": 1e300}, "price"),
        ({"available": "perhaps"}, "available"),
        ({"colour": "red"}, "colour"),
        ({"title": "x" * 3_000}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"parent_id": "x" * 300}, "parent_id"),
        ({"attributes": {"a": "x" * 20_000}}, "attributes"),
        ({"attributes": {"a": "\0"}}, "attributes"),
        ({"attributes": [1]}, "attributes"),
    ],
)
def test_a_product_that_cannot_be_is_told_why(standing, said, field):
    answer = put(standing, "tea", **said)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert get(standing, "tea").status_code == 404


def test_price_and_availability_hold_in_the_very_next_answer(trained_client):
    for _ in range(2):
        shown = {item["product_id"]: item for item in trained_client.recommend(k=20)["items"]}
        assert {"tea", "pot"} <= set(shown)
    put(trained_client, "tea", available=False)
    put(trained_client, "pot", price=99.5)
    shown = {item["product_id"]: item for item in trained_client.recommend(k=20)["items"]}
    assert "tea" not in shown
    assert shown["pot"]["price"] == 99.5
    assert "pot" not in trained_client.shown(k=20, filters={"price_max": 99})
    put(trained_client, "tea", available=True)
    assert "tea" in trained_client.shown(k=20)


def test_a_known_customer_sees_them_at_once_too(trained_client):
    trained_client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    put(trained_client, "pot", available=False, title="Big pot")
    assert "pot" not in trained_client.shown(customer_id="ann", k=20)
    put(trained_client, "pot", available=True)
    items = trained_client.recommend(customer_id="ann", k=20)["items"]
    assert "Big pot" in [item["title"] for item in items]


def test_every_worker_answers_by_them(publish, start):
    publish()
    one, other = start(), start()
    assert "tea" in other.shown(k=20)
    bulk(one, '{"product_id": "tea", "available": false}', '{"product_id": "pot", "price": 7}')
    shown = {item["product_id"]: item for item in other.recommend(k=20)["items"]}
    assert "tea" not in shown
    assert shown["pot"]["price"] == 7


def test_what_was_told_outlives_a_new_bundle_and_a_restart(publish, start, trained):
    publish()
    client = start()
    put(client, "tea", available=False, price=8)
    publish("2", folder=trained)
    assert client.service.champion.check()
    for worker in (client, start()):
        assert "tea" not in worker.shown(k=20)
        assert get(worker, "tea").json()["price"] == 8
        assert get(worker, "tea").json()["title"] == "Tea"


def test_a_new_product_can_be_shown_at_once_where_there_is_no_model(client):
    put(client, "fresh", title="Fresh", price=2)
    assert client.recommend(k=5)["items"][0]["title"] == "Fresh"
    put(client, "fresh", available=False)
    assert client.shown(k=5) == []


def test_a_product_that_changes_its_category_leaves_the_others_in_theirs(trained_client):
    catalog = trained_client.service.champion.live.catalog
    before = {i: catalog.categories[catalog.category[i]] for i in range(1, 7)}
    put(trained_client, "tea", category="Drinks")
    put(trained_client, "fresh", category="Kitchen > Things")
    trained_client.shown(k=1)
    catalog = trained_client.service.champion.live.catalog
    assert {i: catalog.categories[catalog.category[i]] for i in range(1, 7)} == before
    assert catalog.categories[catalog.category[catalog.index["tea"]]] == "Drinks"
    assert catalog.categories[catalog.category[catalog.index["fresh"]]] == "Kitchen > Things"
    assert trained_client.shown(k=20, filters={"category": "Drinks"}) == ["tea"]


def test_json_lines_keep_the_good_ones_and_list_the_bad(client):
    answer = bulk(
        client,
        '{"product_id": "tea", "price": 3}',
        "",
        '{"product_id": "pot", "price": -1}',
        "no json",
        "[]",
        '{"price": 3}',
        '{"product_id": "tea", "price": 4, "available": "no"}\r',
    )
    told = answer.json()
    assert (answer.status_code, told["accepted"], told["rejected"]) == (200, 2, 4)
    assert [(error["line"], error["product_id"]) for error in told["errors"]] == [
        (3, "pot"), (4, None), (5, None), (6, None),
    ]  # fmt: skip
    assert "price" in told["errors"][0]["reason"]
    assert "product_id" in told["errors"][3]["reason"]
    known = get(client, "tea").json()
    assert (known["price"], known["available"]) == (4, False), "the last line holds"
    assert get(client, "pot").status_code == 404


def test_csv_names_its_columns_and_leaves_out_what_it_does_not_say(client):
    put(client, "pot", title="Pot", price=12)
    answer = bulk(
        client,
        "\ufeffproduct_id,price,available,title,attributes",
        'tea,3.5,true,"Tea, green","{""leaf"": ""whole""}"',
        "pot,,false,,",
        "cup,free,,,",
        "short,1",
        'tin,1,,,"{"',
        ",1,,,",
        headers=CSV,
    )
    told = answer.json()
    assert (answer.status_code, told["accepted"], told["rejected"]) == (200, 2, 4)
    assert [error["line"] for error in told["errors"]] == [4, 5, 6, 7]
    tea, pot = get(client, "tea").json(), get(client, "pot").json()
    assert (tea["title"], tea["price"], tea["attributes"]) == (
        "Tea, green", 3.5, {"leaf": "whole"},
    )  # fmt: skip
    assert (pot["title"], pot["price"], pot["available"]) == ("Pot", 12, False)


def test_a_quoted_cell_may_go_over_several_lines(client):
    told = bulk(client, "product_id,title", 'tea,"a', 'b"', "pot,x,y", headers=CSV).json()
    assert [error["line"] for error in told["errors"]] == [4]
    assert get(client, "tea").json()["title"] == "a\nb"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"price\n1", b"product_id,colour\ntea,red", b"product_id,product_id\na,b",
        b"product_id,title\ntea,caf\xe9", b'"product_id\ntea',
    ],
)  # fmt: skip
def test_csv_that_cannot_be_read_is_refused_whole(standing, content):
    answer = standing.post("/v1/products/bulk", content=content, headers=CSV)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_other_kinds_of_feeds_are_refused(standing):
    answer = standing.post("/v1/products/bulk", content=b"{}", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_feed_may_be_larger_than_other_bodies(client):
    lines = [json.dumps({"product_id": f"p{n}", "title": "x" * 500}) for n in range(2_500)]
    assert len("\n".join(lines)) > 1_000_000
    assert bulk(client, *lines).json()["accepted"] == 2_500
    assert get(client, "p2499").json()["title"] == "x" * 500
    put_too_long = client.request("PUT", "/v1/products/tea", content=b" " * 1_000_001)
    assert put_too_long.status_code == 413


def test_a_thousand_bad_lines_are_listed_and_all_are_counted(standing):
    told = bulk(standing, *["no"] * 1_500).json()
    assert (told["accepted"], told["rejected"], len(told["errors"])) == (0, 1_500, 1_000)


def test_a_quote_that_is_not_closed_costs_its_own_line_alone(client):
    lines = (
        "product_id,title,price",
        "tea,Green tea,3",
        'pot,"Red pot,12',
        "cup,Cup,5",
        'tin,"A "" tin",6',
        'rake,"Rake,15',
        "hose,Hose,30",
    )
    told = bulk(client, *lines, headers=CSV).json()
    assert [error["line"] for error in told["errors"]] == [3, 6]
    assert told["accepted"] == 4
    assert get(client, "cup").json()["price"] == 5
    assert get(client, "tin").json()["title"] == 'A " tin'
    assert get(client, "hose").json()["price"] == 30


def test_json_lines_may_begin_with_a_byte_order_mark(client):
    told = bulk(client, '\ufeff{"product_id": "tea", "price": 3}').json()
    assert (told["accepted"], told["rejected"]) == (1, 0)
