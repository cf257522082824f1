"""What answers are made from costs what it must, and no more."""

from features.compute import Matrix
from serving.profile import known as asked_of


def test_asking_for_the_same_features_again_translates_nothing(trained_client, monkeypatch):
    client = trained_client
    client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    known = client.service.profiles.known("ann")
    computed, asked = asked_of.vector, []

    def watched(*arguments, features) -> Matrix:
        asked.append(features)
        return computed(*arguments, features=features)

    monkeypatch.setattr(asked_of, "vector", watched)
    for _ in range(2):
        known.features(["purchase_orders_life", "engagement_views_7d"])
    assert asked[0] is asked[1], "the kernel knows its program by this very tuple"
