"""What is shown is written down with its probability, beside the timelines, and out to files."""

import pytest

from features.errors import StorageError
from features.events.impressions import Impressions
from features.events.log import EventLog
from serving.export import export
from tests.serving.test_customers import buy

BOTH = pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def shop(trained_client):
    """A service with a model and two customers who ordered."""
    buy(trained_client, "o1", "tea")
    buy(trained_client, "o2", "pot", user="ben")
    return trained_client


def kept(client):
    client.service.impressions.flush()
    return client.service.store.impressions_after(0, 100)


def in_files(settings):
    shown = Impressions.beside(settings.log, EventLog(settings.log).erasures)
    return shown.between(0, 2**60).to_pylist()


@BOTH
def test_every_list_is_kept_as_it_was_answered_and_no_event_comes_of_it(shop):
    before = shop.service.store.person("ann").version
    answer = shop.recommend(customer_id="ann", k=3)
    [one] = kept(shop)
    assert one.recommendation_id == answer["recommendation_id"]
    assert (one.customer_id, one.placement, one.version) == ("ann", "home", "1")
    assert [product for product, _, _ in one.items] == [i["product_id"] for i in answer["items"]]
    assert [score for _, score, _ in one.items] == pytest.approx(
        [item["score"] for item in answer["items"]], abs=1e-6
    )
    assert all(0 < propensity <= 1 for _, _, propensity in one.items)
    assert shop.service.store.person("ann").version == before


def test_lists_of_strangers_and_of_who_may_not_be_remembered_are_kept_without_whom(shop):
    shop.track("Consent Changed", "c1", userId="ann", purpose="personalisation", status="denied")
    shop.track("Consent Changed", "c2", userId="ben", purpose="profiling", status="denied")
    for customer_id in ("ann", "ben", "nobody"):
        shop.recommend(customer_id=customer_id, k=2)
    assert [one.customer_id for one in kept(shop)] == [None, None, None]


def test_a_request_that_is_sent_again_is_one_showing_and_an_empty_list_none(shop):
    for _ in range(2):
        shop.post("/v1/recommendations", {"k": 2}, headers={"Idempotency-Key": "a"})
    shop.recommend(filters={"brand": "none"})
    assert len(kept(shop)) == 1


def test_a_store_that_refuses_breaks_no_answer_and_what_waits_is_written_later(shop, monkeypatch):
    def refuse(_):
        raise StorageError("cannot store what was shown: the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(shop.service.store, "put_impressions", refuse)
        shop.recommend(customer_id="ann")
        with pytest.raises(StorageError):
            shop.service.impressions.flush()
        shop.recommend(customer_id="ben")
    assert [one.customer_id for one in kept(shop)] == ["ann", "ben"]


def test_who_is_erased_is_in_no_list_written_or_waiting_and_may_see_their_lists_before(shop):
    shown = shop.recommend(customer_id="ann", k=2)
    kept(shop)
    [told] = shop.get("/v1/customers/ann/export").json()["impressions"]
    assert told["recommendation_id"] == shown["recommendation_id"]
    assert [one["product_id"] for one in told["items"]] == [
        item["product_id"] for item in shown["items"]
    ]
    shop.recommend(customer_id="ann", k=2)
    shop.recommend(customer_id="ben", k=2)
    shop.request("DELETE", "/v1/customers/ann", params={"who": "officer", "why": "letter"})
    assert [one.customer_id for one in kept(shop)] == ["ben"]


@BOTH
def test_an_export_brings_each_product_of_each_list_once(shop, settings, clock):
    first = shop.recommend(customer_id="ann", k=2)
    shop.recommend(k=1)
    kept(shop)
    store, log = shop.service.store, EventLog(settings.log)
    assert export(store, log).impressions == 3
    assert export(store, log).impressions == 0
    clock.advance(minutes=1)
    shop.recommend(customer_id="ben", k=1)
    kept(shop)
    assert export(store, log).impressions == 1
    rows = in_files(settings)
    assert [(row["customer"], row["position"]) for row in rows if row["customer"] != "ben"] in (
        [("ann", 1), ("ann", 2), (None, 1)],
        [(None, 1), ("ann", 1), ("ann", 2)],
    )
    assert rows[-1]["customer"] == "ben"
    [top] = [row for row in rows if (row["customer"], row["position"]) == ("ann", 1)]
    assert top["recommendation_id"] == first["recommendation_id"]
    assert top["product_id"] == first["items"][0]["product_id"]
    assert top["propensity"] == pytest.approx(first["items"][0]["propensity"], abs=1e-6)
    assert top["model_version"] == "1"
