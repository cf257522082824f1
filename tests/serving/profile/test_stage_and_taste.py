"""Where a customer stands, what they like, and what they made of what they were shown."""

from typing import get_args

import pytest

from features.lifecycle import Stage
from serving.profile.lifecycle import StageName, lifecycle
from serving.profile.preferences import preferences
from serving.profile.responses import responses
from tests.serving.profile.story import (
    BLUE_MUG,
    CATALOG,
    HEBREW,
    MUG,
    POT,
    TEA,
    ago,
    features,
    order,
    past,
    row,
)


def stands(*parts):
    return lifecycle(past(*parts), features(*parts))


def test_every_stage_is_documented():
    assert get_args(StageName) == tuple(stage.label for stage in Stage)


def test_a_rhythm_says_when_silence_becomes_a_risk():
    at = stands(order(65), order(35), order(5))
    assert (at.stage, at.rhythm_days, at.silent_days) == ("repeat", 30.0, 5.0)
    assert (at.at_risk_at, at.lapsed_at) == (ago(-55), ago(-115))


def test_a_single_order_has_no_rhythm_and_is_never_at_risk():
    at = stands(order(40))
    assert (at.stage, at.rhythm_days, at.at_risk_at) == ("one-time", None, None)
    assert at.lapsed_at == ago(40 - 365)


def test_who_never_ordered_is_a_visitor():
    assert stands().stage == "visitor"
    assert stands(row("Product Viewed", 1, TEA), order(-3)).silent_days is None


def test_favourites_have_their_share_of_the_order_lines():
    parts = [order(9, TEA, POT, MUG), order(5, MUG, BLUE_MUG), order(3, HEBREW)]
    likes = preferences(CATALOG, features(*parts))
    assert [(c.name, c.share) for c in likes.categories] == [
        ("Kitchen", pytest.approx(4 / 6, abs=1e-4)),
        ("מטבח", pytest.approx(1 / 6, abs=1e-4)),
        ("Drinks", pytest.approx(1 / 6, abs=1e-4)),
    ]
    assert {b.name for b in likes.brands} == {"Alba", "Borea"}
    assert likes.price_level == pytest.approx(5 / 3, abs=0.01)


def test_products_unknown_to_the_catalogue_are_no_favourites():
    likes = preferences(CATALOG, features(order(1, -1)))
    assert (likes.categories, likes.brands, likes.price_level) == ((), (), None)


def test_what_was_shown_and_what_came_of_it_is_counted():
    told = responses(
        past(
            row("Recommendation Shown", 3, TEA),
            row("Recommendation Shown", 2, TEA),
            row("Recommendation Clicked", 2, TEA),
            row("Offer Shown", 2),
            row("Offer Declined", 1),
            row("Email Delivered", 5),
            row("Message Delivered", 4),
        )
    )
    assert (told.recommendations_shown.times, told.recommendations_shown.last_at) == (2, ago(2))
    assert (told.recommendations_clicked.times, told.offers_declined.last_at) == (1, ago(1))
    assert (told.messages_delivered.times, told.messages_delivered.last_at) == (2, ago(4))
    assert (told.offers_accepted.times, told.offers_accepted.last_at) == (0, None)
