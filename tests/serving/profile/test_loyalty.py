"""Points and tier."""

from serving.profile.loyalty import loyalty
from tests.serving.profile.story import ago, features, past, row


def told(*parts):
    return loyalty(past(*parts), features(*parts))


def test_the_balance_is_what_was_earned_less_what_was_redeemed_and_expired():
    held = told(
        row("Points Earned", 9, value=120),
        row("Points Redeemed", 5, value=50),
        row("Points Expired", 1, value=20),
    )
    assert (held.points, held.tier) == (50.0, None)


def test_more_redeemed_than_earned_is_none_left():
    assert told(row("Points Earned", 9, value=10), row("Points Redeemed", 5, value=50)).points == 0


def test_the_nearest_expiry_comes_first_and_a_past_one_not_at_all():
    held = told(
        row("Points Earned", 90, value=100),
        row("Points Expiring", 9, value=30, measure=39),
        row("Points Expiring", 9, value=20, measure=12.5),
        row("Points Expiring", 9, value=10, measure=8),
    )
    assert [(e.at, e.points) for e in held.expiring] == [(ago(-3.5), 20.0), (ago(-30), 30.0)]


def test_a_reminder_of_the_same_day_counts_once():
    held = told(
        row("Points Earned", 90, value=100),
        row("Points Expiring", 9, value=30, measure=14),
        row("Points Expiring", 4, value=25, measure=9),
    )
    assert [(e.at, e.points) for e in held.expiring] == [(ago(-5), 25.0)]


def test_no_more_points_expire_than_there_are():
    held = told(
        row("Points Earned", 90, value=40),
        row("Points Expiring", 9, value=30, measure=14),
        row("Points Expiring", 9, value=30, measure=40),
        row("Points Expiring", 9, value=30, measure=80),
    )
    assert [e.points for e in held.expiring] == [30.0, 10.0]


def test_the_tier_is_the_last_one():
    held = told(row("Tier Changed", 90, value=1), row("Tier Changed", 9, value=2))
    assert (held.tier, held.tier_since) == (2, ago(9))
    assert told().tier_since is None
