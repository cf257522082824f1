"""What a customer said, and the mood of it."""

import pytest

from serving.profile.voice import TICKETS, voice
from tests.serving.profile.story import POT, TEA, ago, features, past, row


def said(*parts):
    return voice(past(*parts), features(*parts))


def review(days, stars, product=TEA):
    return row("Product Reviewed", days, product, value=stars)


def survey(days, score):
    return row("Survey Answered", days, value=score)


@pytest.mark.parametrize(
    ("score", "group"), [(0, "detractor"), (6, "detractor"), (7, "passive"), (9, "promoter")]
)
def test_the_last_score_has_its_group(score, group):
    nps = said(survey(90, 10), survey(3, score)).nps
    assert (nps.score, nps.group, nps.at, nps.answers) == (score, group, ago(3), 2)


def test_the_last_review_may_be_low_while_the_mean_is_not():
    ratings = said(review(9, 5), review(5, 5), review(1, 2, POT)).ratings
    assert (ratings.reviews, ratings.mean, ratings.last) == (3, 4.0, 2.0)
    assert (ratings.last_low, ratings.last_title, ratings.last_at) == (True, "Pot", ago(1))


def test_a_review_without_stars_or_product_is_a_review():
    told = said(row("Product Reviewed", 1))
    assert (told.ratings.reviews, told.ratings.last, told.ratings.last_low) == (1, None, False)
    assert (told.ratings.last_title, told.sentiment) == (None, None)


def test_open_tickets_are_those_opened_last():
    told = said(row("Ticket Opened", 9), row("Ticket Opened", 5, POT), row("Ticket Resolved", 1))
    assert told.open_tickets == 1
    assert [(t.opened_at, t.title) for t in told.tickets] == [(ago(5), "Pot")]


def test_more_resolved_than_opened_is_none_open_and_many_are_cut():
    assert said(row("Ticket Resolved", 1)).tickets == ()
    many = said(*(row("Ticket Opened", day) for day in range(1, 30)))
    assert (many.open_tickets, len(many.tickets)) == (29, TICKETS)


@pytest.mark.parametrize(
    ("parts", "mood"),
    [
        ([], None),
        ([review(5, 5)], "positive"),
        ([review(5, 3)], "neutral"),
        ([review(5, 2)], "negative"),
        ([survey(5, 9)], "positive"),
        ([survey(5, 8)], "neutral"),
        ([survey(5, 6)], "negative"),
        # the later one decides, of two at once the worse
        ([review(5, 1), survey(4, 10)], "positive"),
        ([review(4, 1), survey(5, 10)], "negative"),
        ([review(4, 1), survey(4, 10)], "negative"),
        # what was said long ago says nothing
        ([review(366, 1)], None),
        ([review(366, 1), survey(300, 9)], "positive"),
        # an open complaint outweighs all
        ([row("Ticket Opened", 9), survey(1, 10)], "negative"),
        ([row("Ticket Opened", 9), row("Ticket Resolved", 8), survey(1, 10)], "positive"),
    ],
)
def test_the_mood_follows_from_what_was_said(parts, mood):
    told = said(*parts)
    assert told.sentiment == mood
    assert (told.sentiment_because is None) == (mood is None)
