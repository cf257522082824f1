"""Subscriptions and their next delivery."""

from serving.profile.subscriptions import subscriptions
from tests.serving.profile.story import POT, TEA, ago, past, row

STARTED, PAUSED, CANCELLED = (f"Subscription {word}" for word in ("Started", "Paused", "Cancelled"))


def test_the_next_delivery_is_whole_intervals_after_the_start():
    [held] = subscriptions(past(row(STARTED, 40, TEA, measure=30, value=3.5)))
    assert (held.title, held.status, held.price) == ("Tea", "active", 3.5)
    assert (held.started_at, held.next_due_at) == (ago(40), ago(-20))


def test_what_is_due_at_this_very_instant_was_just_delivered():
    [held] = subscriptions(past(row(STARTED, 30, TEA, measure=30)))
    assert held.next_due_at == ago(-30)


def test_a_paused_one_is_due_again_when_it_is_started_again():
    parts = [row(STARTED, 50, TEA, measure=30), row(PAUSED, 20, TEA)]
    [held] = subscriptions(past(*parts))
    assert (held.status, held.status_since, held.next_due_at) == ("paused", ago(20), None)
    [held] = subscriptions(past(*parts, row(STARTED, 5, TEA)))
    assert (held.status, held.started_at, held.status_since) == ("active", ago(50), ago(5))
    assert held.next_due_at == ago(-25)


def test_a_cancelled_one_is_not_there_and_can_be_started_anew():
    parts = [row(STARTED, 50, TEA, measure=30), row(CANCELLED, 20, TEA)]
    assert subscriptions(past(*parts)) == ()
    [held] = subscriptions(past(*parts, row(STARTED, 5, TEA)))
    assert (held.started_at, held.interval_days, held.next_due_at) == (ago(5), None, None)


def test_each_product_has_its_own_and_one_without_a_product_too():
    held = subscriptions(
        past(row(STARTED, 9, TEA), row(STARTED, 8, POT), row(PAUSED, 7, POT), row(PAUSED, 6))
    )
    assert [(s.product_id, s.status, s.started_at) for s in held] == [
        ("tea", "active", ago(9)),
        ("pot", "paused", ago(8)),
        (None, "paused", None),
    ]
