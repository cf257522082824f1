"""By which channels a customer comes, and when."""

from features.instants import DAY_MS, instant
from serving.profile.channels import OWN, channels, habits
from serving.profile.past import Past
from tests.serving.profile.story import CATALOG, NOW, TEA, ago, order, past, row, story

HOUR = 1 / 24
"""In days; NOW is noon."""


def visits(*days, channel="web"):
    return [row("Product Viewed", day, TEA, channel=channel) for day in days]


def test_channels_have_shares_orders_and_first_and_last_days():
    used = channels(past(*visits(9, 8, 7), order(5, TEA, channel="store")))
    assert [(u.channel, u.events, u.share, u.orders) for u in used] == [
        ("web", 3, 0.75, 0),
        ("store", 1, 0.25, 1),
    ]
    assert (used[0].first_at, used[0].last_at) == (ago(9), ago(7))
    assert channels(past()) == ()


def test_what_was_sent_to_the_customer_is_not_what_they_did():
    sent = [row(name, 1, channel="email") for name in ("Email Delivered", "Email Opened")]
    assert channels(past(*sent)) == ()
    assert [u.channel for u in channels(past(row("Email Link Clicked", 1, channel="email")))] == [
        "email"
    ]
    assert len(OWN) == len(set(OWN))


def test_the_preferred_channel_has_the_most_days_not_the_most_clicks():
    busy = visits(*[1 + i / 1000 for i in range(50)])
    kept = habits(past(*busy, *visits(9, 8, channel="store")), "UTC")
    assert (kept.channel, kept.channel_days) == ("store", 3)


def test_on_a_tie_the_channel_used_last_is_preferred():
    assert habits(past(*visits(9, 3), *visits(8, 7, channel="app")), "UTC").channel == "web"
    assert habits(past(*visits(9, 8), *visits(7, 3, channel="app")), "UTC").channel == "app"


def test_too_little_evidence_prefers_nothing_and_says_how_little():
    kept = habits(past(*visits(9, 8)), "UTC")
    assert (kept.channel, kept.channel_days, kept.hour, kept.hour_evidence) == (None, 2, None, 2)
    unnamed = habits(past(*visits(9, 8, 7, 6, 5, channel="other")), "UTC")
    assert (unnamed.channel, unnamed.channel_days, unnamed.hour) == (None, 0, 12)
    old = habits(past(*visits(400, 401, 402, 403, 404)), "UTC")
    assert (old.channel_days, old.hour_evidence) == (0, 0)


def test_the_preferred_hour_is_told_in_the_shops_time():
    evenings = past(*visits(*[day - 8 * HOUR for day in range(2, 12)]))
    assert habits(evenings, "UTC").hour == 20
    assert habits(evenings, "Europe/Berlin").hour == 22
    assert habits(evenings, "Asia/Kolkata").hour == 1
    assert habits(evenings, "Asia/Kolkata").time_zone == "Asia/Kolkata"


def test_the_hour_follows_the_clocks_in_spring():
    local = [f"2026-03-{day}T19:30:00Z" for day in (26, 27, 28)]
    local += [f"2026-03-{day}T18:30:00Z" for day in (29, 30, 31)]
    rows = visits(*[(NOW - instant(at)) / DAY_MS for at in local])
    kept = habits(Past(story(*rows), NOW, CATALOG), "Europe/Berlin")
    assert (kept.hour, kept.hour_evidence) == (20, 6)


def test_an_hour_with_a_busy_neighbourhood_beats_a_lonely_one():
    mornings = visits(*[day + 3 * HOUR for day in (2, 3, 4)])
    evenings = visits(*[5 - 8 * HOUR, 6 - 9 * HOUR, 7 - 10 * HOUR, 8 - 9 * HOUR])
    assert habits(past(*mornings, *evenings), "UTC").hour == 21


def test_hours_all_over_the_day_prefer_none():
    spread = past(*visits(*[2 + (2 * hour + 0.5) * HOUR for hour in range(12)]))
    kept = habits(spread, "UTC")
    assert (kept.hour, kept.hour_evidence) == (None, 12)


def test_dates_without_a_time_say_nothing_of_the_hour():
    dates = past(*visits(*[day + 0.5 for day in range(2, 12)]))
    kept = habits(dates, "Europe/Berlin")
    assert (kept.hour, kept.hour_evidence, kept.channel_days) == (None, 0, 10)
