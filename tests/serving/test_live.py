"""What is shown follows what the store knows of products, the bundle's own too."""

import numpy as np

from features.catalog import Catalog, Product
from features.compute import Matrix
from features.reference import Reference
from serving import profile
from serving.live import Live


def put(client, *products):
    client.service.store.put_products(products)
    return client.service.champion.refresh()


def test_a_product_of_the_bundle_that_is_sold_out_is_no_longer_shown(trained_client):
    client = trained_client
    assert "tea" in client.shown(k=100)
    assert put(client, Product("tea", title="Tea", available=False))
    assert "tea" not in client.shown(k=100)
    assert put(client, Product("tea", title="Tea", available=True))
    assert "tea" in client.shown(k=100)


def test_a_new_title_and_price_are_shown_and_what_was_not_told_stays(trained_client):
    client = trained_client
    assert put(client, Product("tea", title="Green tea"), Product("rake", price=99.0))
    items = {item["product_id"]: item for item in client.recommend(k=100)["items"]}
    assert (items["tea"]["title"], items["tea"]["price"]) == ("Green tea", 3.0)
    assert (items["rake"]["title"], items["rake"]["price"]) == ("Rake", 99.0)
    assert client.shown(k=100, filters={"price_min": 90}) == ["rake"]


def test_a_change_of_what_only_the_store_knows_is_taken_too(trained_client):
    client = trained_client
    client.track("Product Viewed", "m1", userId="ann", product_id="brand-new")
    assert "brand-new" in client.shown(customer_id="ann", k=100)
    assert put(client, Product("brand-new", title="Brand new", category="Attic", price=7.0))
    [item] = client.recommend(k=5, filters={"category": "Attic"})["items"]
    assert (item["product_id"], item["title"], item["price"]) == ("brand-new", "Brand new", 7.0)
    assert put(client, Product("brand-new", available=False))
    assert "brand-new" not in client.shown(k=100)


def test_nothing_new_changes_nothing(trained_client):
    client = trained_client
    assert put(client, Product("tea", title="Tea", price=3.0), Product("newer"))
    live = client.service.champion.live
    assert not client.service.champion.refresh()
    assert client.service.champion.live is live


def test_an_event_about_a_product_says_nothing_of_its_being_available(trained_client):
    client = trained_client
    client.track("Product Viewed", "m1", userId="ann", product_id="gone")
    client.service.champion.refresh()
    assert "gone" not in client.shown(k=100)


def test_a_product_may_move_to_a_new_category_without_moving_what_is_known_of_the_others(
    trained_client,
):
    client = trained_client
    before = client.service.champion.live
    assert put(client, Product("tea", category="Attic"))
    assert client.shown(k=100, filters={"category": "Attic"}) == ["tea"]
    assert "tea" not in client.shown(k=100, filters={"category": "Kitchen"})
    live = client.service.champion.live
    assert live.catalog.categories == [*before.catalog.categories, "Attic"]
    np.testing.assert_array_equal(
        live.reference.category_price, [*before.reference.category_price, np.nan]
    )


def test_a_parent_stays_and_so_do_attributes_that_the_store_does_not_tell():
    held = Catalog.of([Product("mug", parent_id="mugs", attributes={"colour": "red"})])
    live = Live(None, None, held, Reference.empty(held), np.empty(0, np.int32))
    live = live.extended([Product("mug", parent_id="cups", title="Mug")])
    assert live.catalog.product(0) == Product(
        "mug", parent_id="mugs", title="Mug", attributes={"colour": "red"}
    )


def test_a_bundle_is_loaded_with_what_the_store_says(client, publish):
    client.service.store.put_products([Product("tea", title="Tea", available=False)])
    publish("1")
    assert client.service.champion.check()
    assert "tea" not in client.shown(k=100)


def test_asking_for_the_same_features_again_translates_nothing(trained_client, monkeypatch):
    client = trained_client
    client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    known = client.service.profiles.known("ann")
    computed, asked = profile.vector, []

    def watched(*arguments, features) -> Matrix:
        asked.append(features)
        return computed(*arguments, features=features)

    monkeypatch.setattr(profile, "vector", watched)
    for _ in range(2):
        known.features(["purchase_orders_life", "engagement_views_7d"])
    assert asked[0] is asked[1], "the kernel knows its program by this very tuple"
