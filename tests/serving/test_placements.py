"""Lists for several places of a page, about products, explained, and looked at again."""

import pytest

from serving.scopes import Scope
from tests.serving.test_recommendations import GARDEN, KITCHEN, buy

EVERYTHING = KITCHEN | GARDEN


def ids(one):
    return [item["product_id"] for item in one["items"]]


def page(client, *placements, **more):
    body = {"placements": list(placements), **more}
    answer = client.post("/v1/recommendations", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(client, body, path="/v1/recommendations"):
    answer = client.post(path, body)
    assert answer.status_code == 422, answer.text
    return answer.json()["detail"]


def test_several_lists_come_in_order_and_no_product_stands_twice_on_the_page(trained_client):
    buy(trained_client, "o1", "tea", "pot")
    answer = page(
        trained_client,
        {"placement": "product_bought_together", "product_id": "cup", "k": 1},
        {"placement": "home", "k": 1},
        {"placement": "product_similar", "product_id": "cup", "k": 1},
        {"placement": "email", "k": 100},
        customer_id="ann",
    )
    assert set(answer) == {"placements", "model_version", "took_ms"}
    lists = answer["placements"]
    assert [one["placement"] for one in lists] == [
        "product_bought_together", "home", "product_similar", "email",
    ]  # fmt: skip
    shown = [product for one in lists for product in ids(one)]
    assert len(shown) == len(set(shown))
    assert [len(one["items"]) for one in lists[:3]] == [1, 1, 1]
    assert len({one["recommendation_id"] for one in lists}) == 4
    kept = trained_client.service.impressions
    kept.flush()
    written = trained_client.service.store.impressions("ann")
    assert [one.recommendation_id for one in written] == [
        one["recommendation_id"] for one in lists if one["items"]
    ]


def test_a_strangers_product_page_has_what_is_like_the_product(trained_client):
    for product, kin in (("tea", KITCHEN), ("rake", GARDEN)):
        answer = trained_client.recommend(placement="product_similar", product_id=product, k=2)
        assert set(ids(answer)) <= kin - {product}
        assert answer["fallback"] == "unknown_customer"
        assert "nothing is known of this customer" in answer["note"]


def test_without_the_store_or_consent_a_product_page_is_about_its_product(trained_client, settings):
    buy(trained_client, "o1", "tea", "pot")
    trained_client.track(
        "Consent Changed", "c1", userId="ann", purpose="personalisation", status="denied"
    )
    asked = {"placement": "product_similar", "product_id": "rake", "k": 2}
    answer = trained_client.recommend(customer_id="ann", **asked)
    assert answer["fallback"] == "no_consent"
    assert set(ids(answer)) == GARDEN - {"rake"}
    trained_client.service.store.close()
    settings.store_file.write_bytes(b"broken" * 1000)
    answer = trained_client.recommend(customer_id="ann", **asked)
    assert answer["fallback"] == "store_unavailable"
    assert set(ids(answer)) == GARDEN - {"rake"}


def test_a_new_view_or_order_changes_the_very_next_list(trained_client):
    trained_client.track("Product Viewed", "m1", userId="eve", product_id="rake")
    assert set(trained_client.shown(customer_id="eve", k=2)) <= GARDEN
    buy(trained_client, "o1", "tea", "pot", user="eve")
    assert {"cup", "tin"} & set(trained_client.shown(customer_id="eve", k=2))
    assert not {"tea", "pot"} & set(trained_client.shown(customer_id="eve", k=7))
    trained_client.track("Product Added", "m2", userId="eve", product_id="hose")
    # the whole garden is of one category: what would replace the hose does not go with it
    assert set(trained_client.shown(customer_id="eve", placement="cart", k=7)) == {"cup", "tin"}


def test_a_cart_that_the_caller_knows_better_counts_and_named_twice_is_named_once(trained_client):
    asked = {"placement": "cart", "k": 7}
    once = trained_client.shown(product_ids=["rake", "hose"], **asked)
    assert set(once) == KITCHEN
    assert trained_client.shown(product_ids=["rake", "hose", "rake"], **asked) == once
    excluded = trained_client.shown(product_ids=["rake"], exclude=["tea", "tea"], **asked)
    assert set(excluded) == KITCHEN - {"tea"}


def test_search_results_are_put_in_order_and_nothing_is_added(trained_client):
    buy(trained_client, "o1", "rake", "hose")
    results = ["pot", "tea", "seed", "gone", "nobody-knows-it"]
    answer = trained_client.recommend(customer_id="ann", placement="search", product_ids=results)
    assert sorted(ids(answer)) == ["pot", "seed", "tea"]
    assert "'nobody-knows-it'" in answer["note"]
    nothing = trained_client.recommend(placement="search")
    assert (nothing["items"], nothing["fallback"]) == ([], "no_anchor")


def test_a_placement_or_product_that_is_not_known_gets_homes_list_and_is_told(trained_client):
    home = trained_client.shown(k=3)
    for asked, fallback, note in (
        ({"placement": "sidebar", "customer_id": "ann"}, "unknown_placement", "'sidebar'"),
        ({"placement": "product_similar", "product_id": "what"}, "unknown_product", "'what'"),
        ({"placement": "product_similar"}, "no_anchor", "product_id"),
    ):
        buy(trained_client, "o1", "tea")
        answer = trained_client.recommend(k=3, **asked)
        assert (answer["fallback"], answer["placement"]) == (fallback, asked["placement"])
        assert note in answer["note"]
        assert len(answer["items"]) == 3
    assert ids(answer) == home


def test_filters_are_over_any_attribute_that_a_feed_sent(trained_client):
    for product, color, sizes in (("tea", "Green", [1]), ("pot", "red", [1, 2]), ("cup", "red", 3)):
        body = {"attributes": {"color": color, "size": sizes}}
        assert trained_client.request("PUT", f"/v1/products/{product}", json=body).is_success
    for filters, expected in (
        ({"color": "green"}, {"tea"}),
        ({"color": ["RED", "green"]}, {"tea", "pot", "cup"}),
        ({"color": "red", "size": {"max": 2}}, {"pot"}),
        ({"color": "red", "price_max": 5}, {"cup"}),
        ({"category": ["Garden", "none"]}, GARDEN),
    ):
        assert set(trained_client.shown(filters=filters)) == expected, filters
    detail = refused(trained_client, {"filters": {"colour": "red"}})
    assert "'colour'" in detail
    assert "color, size" in detail
    answer = page(
        trained_client,
        {"placement": "home", "filters": {"color": "green"}},
        {"placement": "email", "filters": {"color": "none"}},
        {"placement": "email"},
        filters={"color": "red"},
    )
    assert [set(ids(one)) for one in answer["placements"]] == [{"tea"}, set(), {"pot", "cup"}]
    assert answer["placements"][1]["fallback"] == "empty_filter"


def test_an_explanation_has_sources_features_parts_and_what_was_withheld_by_which_rule(
    trained_client,
):
    buy(trained_client, "o1", "tea", "pot")
    rule = {"action": "exclude", "products": ["cup"]}
    trained_client.request("PUT", "/v1/rules/no-cup", json=rule)
    asked = {"customer_id": "ann", "k": 2, "exclude": ["tin"]}
    plain = trained_client.recommend(**asked)
    answer = trained_client.recommend(**asked, explain=True)
    assert "withheld" not in plain
    for item in answer["items"]:
        assert item["evidence"] is not None
        assert item["parts"]["relevance"] >= 0
        assert item["propensity"] > 0
        if item["sources"]:
            assert item["features"]
            assert item["source"] in [source["source"] for source in item["sources"]]
    withheld = {one["product_id"]: (one["why"], one["rule"]) for one in answer["withheld"]}
    assert withheld["cup"] == ("rule", "no-cup")
    assert withheld["tin"] == ("excluded", None)


def test_a_page_is_not_told_of_rules_and_margins(trained_client):
    pinned = {"action": "pin", "products": ["seed"], "position": 1}
    trained_client.request("PUT", "/v1/rules/first", json=pinned)
    visitor = {"anonymous_id": "v", "k": 3}
    trained_client.track("Product Viewed", "m1", anonymousId="v", product_id="tea")
    inside = trained_client.recommend(**visitor)["items"]
    assert (inside[0]["product_id"], inside[0]["rule"]) == ("seed", "first")
    public = trained_client.keyed(Scope.PUBLIC)
    outside = public.recommend(**visitor)["items"]
    assert outside[0]["product_id"] == "seed"
    assert {item["rule"] for item in outside} == {None}
    assert {item["expected_value"] for item in outside} == {None}
    assert public.post("/v1/recommendations", {**visitor, "explain": True}).status_code == 403


def test_variants_are_listed_when_asked_for(trained_client):
    for name in ("mug-red", "mug-blue"):
        body = {"parent_id": "mug", "category": "Mugs", "price": 4, "title": name}
        assert trained_client.request("PUT", f"/v1/products/{name}", json=body).is_success
    body = {"parent_id": None, "category": "Mugs", "price": 4}
    asked = {"filters": {"category": "Mugs"}}
    assert len(trained_client.shown(**asked)) == 1
    [one] = trained_client.shown(**asked, variants=True)
    assert one in ("mug-red", "mug-blue")


def test_a_country_may_be_told(trained_client):
    """Of a shop that sells in one country only nothing follows from it."""
    asked = {"anonymous_id": "v", "k": 3}
    assert trained_client.shown(**asked, country="DE") == trained_client.shown(**asked)
    answer = trained_client.post("/v1/recommendations", {**asked, "country": ""})
    assert answer.status_code == 422
    assert "country" in answer.text


def test_a_variant_that_sold_out_is_left_out_of_a_list_made_earlier(trained_client):
    family = {"category": "Mugs", "price": 4}
    assert trained_client.request("PUT", "/v1/products/mug", json=family).is_success
    for name, available in (("mug-red", False), ("mug-blue", True)):
        body = {**family, "parent_id": "mug", "available": available}
        assert trained_client.request("PUT", f"/v1/products/{name}", json=body).is_success
    body = {"customer_id": "ann", "products": ["mug-red", "mug-blue"]}
    answer = trained_client.post("/v1/recommendations/recheck", body).json()
    assert ids(answer)[0] == "mug-blue"
    assert [one["product_id"] for one in answer["withheld"]] == ["mug-red"]


def test_a_list_made_earlier_keeps_what_may_still_be_shown_and_is_filled_up(trained_client, clock):
    made = ["pot", "gone", "tea", "nobody-knows-it"]
    buy(trained_client, "o1", "rake")
    clock.advance(minutes=24 * 60)
    trained_client.request("PUT", "/v1/rules/x", json={"action": "exclude", "products": ["pot"]})
    body = {"customer_id": "ann", "products": made}
    answer = trained_client.post("/v1/recommendations/recheck", body).json()
    assert answer["placement"] == "email"
    shown = ids(answer)
    assert shown[0] == "tea"
    assert len(shown) == len(set(shown)) == len(made)
    assert not {"pot", "gone"} & set(shown)
    assert "search" not in " ".join(item["reason"] + item["source"] for item in answer["items"])
    why = {one["product_id"]: one["why"] for one in answer["withheld"]}
    assert why == {"pot": "rule", "gone": "unavailable"}
    trained_client.service.impressions.flush()
    [written] = trained_client.service.store.impressions("ann")
    assert [product for product, _, _ in written.items] == shown
    stranger = trained_client.post("/v1/recommendations/recheck", {"products": ["tea"]}).json()
    assert (ids(stranger), stranger["fallback"]) == (["tea"], "unknown_customer")


def test_a_list_is_looked_at_again_without_a_model_too(client):
    for product in ("tea", "pot", "cup"):
        client.track("Product Viewed", product, userId="ann", product_id=product)
    client.request("PUT", "/v1/products/pot", json={"available": False})
    body = {"customer_id": "ann", "products": ["pot", "cup"]}
    answer = client.post("/v1/recommendations/recheck", body).json()
    assert (ids(answer), answer["fallback"]) == (["cup", "tea"], "no_bundle")
    assert answer["withheld"] == [{"product_id": "pot", "why": "unavailable", "rule": None}]


def test_without_a_model_a_variant_stays_that_can_be_bought(client):
    family = {"category": "Mugs", "price": 4}
    assert client.request("PUT", "/v1/products/mug", json=family).is_success
    for name, available in (("mug-red", False), ("mug-blue", True)):
        body = {**family, "parent_id": "mug", "available": available}
        assert client.request("PUT", f"/v1/products/{name}", json=body).is_success
    answer = client.post(
        "/v1/recommendations/recheck", {"products": ["mug-red", "mug-blue"]}
    ).json()
    assert ids(answer) == ["mug-blue"]
    assert [one["product_id"] for one in answer["withheld"]] == ["mug-red"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"k": 0}, "k: Input should be greater than or equal to 1; it is 0"),
        ({"k": 10_000}, "k: Input should be less than or equal to 100; it is 10000"),
        ({"placements": [{"placement": "home", "k": 10_000}]}, "it is 10000"),
        ({"placements": []}, "placements"),
        ({"placements": [{"placement": "home"}] * 11}, "placements"),
        ({"placements": [{"placement": "home"}], "k": 3}, "k: goes into each of placements"),
        ({"placements": [{"placement": "home", "kk": 3}]}, "kk"),
        ({"filters": {"color": {"least": 3}}}, "least"),
        ({"filters": {"color": None}}, "color"),
        ({"filters": {"available": False}}, "available"),
        ({"product_ids": ["x"] * 1001}, "product_ids"),
    ],
)
def test_what_makes_no_sense_is_told_with_limit_and_value(standing, body, said):
    assert said in refused(standing, body)


def test_an_empty_catalogue_and_one_product_give_what_there_is(client):
    lists = page(client, {"placement": "home"}, {"placement": "cart", "product_ids": ["x"]})
    assert [(one["items"], one["fallback"]) for one in lists["placements"]] == [
        ([], "no_bundle"),
        ([], "no_bundle"),
    ]
    client.track("Product Viewed", "m1", userId="ann", product_id="only")
    lists = page(
        client, {"placement": "home"}, {"placement": "email"}, {"placement": "search"},
        customer_id="ann",
    )["placements"]  # fmt: skip
    assert [ids(one) for one in lists] == [["only"], [], []]


def test_a_shops_own_placement_is_read_from_its_folder(start, publish, tmp_path):
    (tmp_path / "sidebar.toml").write_text('title = "Beside"\nk = 2\n')
    publish()
    client = start(placements=tmp_path)
    answer = client.recommend(placement="sidebar", customer_id="nobody")
    assert len(answer["items"]) == 2
    assert answer["fallback"] == "unknown_customer"


def test_a_product_that_was_bought_yesterday_is_looked_at_as_the_placement_says(trained_client):
    """The associate may talk of what the customer has."""
    buy(trained_client, "o1", *EVERYTHING)
    shown = trained_client.shown(customer_id="ann", placement="associate", k=7)
    assert set(shown) == EVERYTHING


def test_what_needs_an_age_is_shown_to_whoever_is_old_enough(trained_client):
    told = trained_client.request("PUT", "/v1/products/tea", json={"attributes": {"min_age": 18}})
    assert told.status_code < 300, told.text
    for age, may in ((None, False), (17, False), (18, True)):
        body = {} if age is None else {"age": age}
        answer = page(trained_client, {"placement": "home", "k": 100}, **body)
        assert ("tea" in ids(answer["placements"][0])) == may, age
        again = trained_client.post("/v1/recommendations/recheck", {"products": ["tea"], **body})
        assert ("tea" in ids(again.json())) == may, age
