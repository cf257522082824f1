"""Rules of the shelf over HTTP: put, shown, followed at once by every worker, never in conflict."""

import pytest

from serving.scopes import Scope
from tests.serving.test_recommendations import GARDEN, KITCHEN, buy

PIN = {"action": "pin", "products": ["seed"], "position": 1}


def put(client, at, **rule):
    return client.request("PUT", f"/v1/rules/{at}", json=rule)


def names(client):
    return [one["rule"]["name"] for one in client.get("/v1/rules").json()["rules"]]


def test_a_rule_is_put_looked_up_changed_listed_and_let_go(standing):
    shop = standing.keyed(Scope.WRITE, Scope.READ, name="merchandising")
    first = put(shop, "b.1", action="boost", match={"category": "Garden"}, strength=3)
    assert first.status_code == 200, first.text
    assert first.json() == shop.get("/v1/rules/b.1").json()
    assert first.json()["rule"]["match"] == {"category": "Garden"}
    assert first.json()["changed_by"] == "merchandising"
    assert first.json()["changed_at"] == "2011-09-10T12:00:00Z"
    assert first.json()["acts"]
    later = put(shop, "a", **PIN, starts_at="2011-10-01T00:00:00Z").json()
    assert (later["acts"], later["unknown_products"]) == (False, ["seed"])
    assert names(shop) == ["a", "b.1"]
    again = {**first.json()["rule"], "enabled": False}
    assert put(shop, "b.1", **again).json()["acts"] is False
    assert shop.request("DELETE", "/v1/rules/b.1").json()["rule"] == again
    assert names(shop) == ["a"]
    shop.request("DELETE", "/v1/rules/a")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_rule_that_is_not_there_is_not_found(standing, method):
    answer = standing.request(method, "/v1/rules/nothing")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:regulars:problem:unknown-rule"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"action": "boost"}, "name products, or filters"),
        ({"action": "boost", "match": {"colour": "red"}}, "there is no field 'colour'"),
        ({"action": "boost", "match": {"colour": "red"}}, "category, brand, price"),
        ({**PIN, "position": None}, "a pin needs a position"),
        ({**PIN, "placements": ["hoem"]}, "no placement is called 'hoem'; there are associate"),
        ({**PIN, "name": "other"}, "the address says 'summer'"),
        ({**PIN, "strenght": 3}, "strenght"),
        ({**PIN, "ends_at": "yesterday"}, "ends_at"),
        ({**PIN, "ends_at": "2026-01-01T00:00:00"}, "ends_at"),
    ],
)
def test_a_rule_that_makes_no_sense_is_told_why(standing, rule, said):
    answer = put(standing, "summer", **rule)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert names(standing) == []


def test_of_two_rules_that_contradict_each_other_the_second_is_refused(standing):
    put(standing, "launch", **PIN)
    answer = put(standing, "summer", **PIN | {"products": ["tea"]})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:regulars:problem:contradiction"
    assert "'launch'" in answer.json()["detail"]
    assert "'summer'" in answer.json()["detail"]
    assert "retry-after" not in answer.headers
    assert put(standing, "summer", action="exclude", products=["seed"]).status_code == 409
    assert names(standing) == ["launch"]
    assert put(standing, "launch", **PIN | {"position": 2}).status_code == 200
    assert standing.request("DELETE", "/v1/rules/launch").status_code == 200
    assert put(standing, "summer", action="exclude", products=["seed"]).status_code == 200
    standing.request("DELETE", "/v1/rules/summer")


def test_who_may_only_read_changes_no_rule_and_a_page_sees_none(standing):
    reader, page = standing.keyed(Scope.READ, name="reader"), standing.keyed(Scope.PUBLIC)
    assert reader.get("/v1/rules").status_code == 200
    assert put(reader, "mine", **PIN).status_code == 403
    assert reader.request("DELETE", "/v1/rules/mine").status_code == 403
    assert page.get("/v1/rules").status_code == 403


@pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)
def test_a_rule_holds_in_every_worker_from_the_next_answer_on(publish, start):
    publish()
    one, other = start(), start()
    buyer = {"customer_id": "ann", "k": 7}
    buy(one, "o1", "gone")
    assert "seed" in other.shown(**buyer)
    put(one, "no-seed", action="exclude", products=["seed"])
    assert "seed" not in other.shown(**buyer)
    assert "seed" not in other.shown(k=7), "nor to a stranger"
    publish("2")
    assert other.service.champion.check()
    assert "seed" not in other.shown(**buyer), "nor by another model"
    one.request("DELETE", "/v1/rules/no-seed")
    assert "seed" in other.shown(**buyer)
    put(one, "only-garden", action="exclude", match={"category": "Kitchen"}, placements=["home"])
    assert set(other.shown(**buyer)) == GARDEN
    assert set(other.shown(**buyer | {"placement": "email"})) == GARDEN | KITCHEN


def test_rules_begin_and_end_by_the_clock(trained_client, clock):
    put(
        trained_client, "noon", action="exclude", products=["seed"],
        starts_at="2011-09-10T12:01:00Z", ends_at="2011-09-10T12:02:00Z",
    )  # fmt: skip
    seen = []
    for _ in range(3):
        seen.append("seed" in trained_client.shown(k=7))
        clock.advance(minutes=1)
    assert seen == [True, False, True]


def test_without_a_model_exclusions_hold_and_without_the_store_the_last_rules_do(client, settings):
    for product in ("tea", "pot"):
        client.track("Product Viewed", product, userId="ann", product_id=product)
    put(client, "no-tea", action="exclude", products=["tea"])
    assert client.shown() == ["pot"]
    client.service.store.close()
    settings.store_file.write_bytes(b"broken" * 1000)
    answer = client.recommend()
    assert answer["fallback"] == "store_unavailable"
    assert [item["product_id"] for item in answer["items"]] == ["pot"]


def test_a_rule_of_a_newer_program_is_left_out_and_said(client):
    from serving.store import KeptRule

    client.service.store.put_rule(KeptRule("new", {"name": "new", "action": "glow"}, 0, "x"))
    assert client.recommend()["items"] == []
    assert client.get("/v1/rules").status_code == 200
