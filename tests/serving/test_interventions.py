"""A stalled checkout, end to end: noticed in time, consent asked, decided once, kept."""

import numpy as np
import pytest

from features.events.event import Event
from features.events.schema import schema
from features.timeline import ROW, Timeline
from serving.decisions.triggers import TRIGGERS, StalledCheckout
from serving.store.sql import SqlStore

MINUTE = 60_000


def allow(client, *, channel="chat", status="granted", message_id="consent", user="ann"):
    client.track(
        "Consent Changed",
        message_id,
        userId=user,
        purpose="marketing",
        status=status,
        **({"consent_channel": channel} if channel else {}),
    )


def decisions(client, user="ann"):
    return client.get("/v1/decisions", params={"customer_id": user}).json()["decisions"]


def test_three_minutes_after_the_last_step_a_chat_is_decided(client, clock):
    allow(client)
    client.track("Checkout Started", "m1", userId="ann", checkout_id="c")
    clock.advance(minutes=2.9)
    client.run_timers()
    assert decisions(client) == []
    clock.advance(minutes=0.1)
    client.run_timers()
    [decision] = decisions(client)
    assert (decision["kind"], decision["action"]) == ("stalled_checkout", "send")
    assert decision["channel"] == "chat"
    assert (decision["probability"], decision["arm"]) == (1.0, None)
    assert "12:00 UTC, 3 minutes ago" in decision["reason"]
    assert client.get(f"/v1/decisions/{decision['decision_id']}").json() == decision
    assert client.get("/v1/customers/ann").json()["decisions"] == [decision]


def test_a_further_step_starts_the_three_minutes_anew(client, clock):
    allow(client)
    client.track("Checkout Started", "m1", userId="ann")
    clock.advance(minutes=2)
    client.track("Checkout Step Completed", "m2", userId="ann", step=1)
    clock.advance(minutes=2)
    client.run_timers()
    assert decisions(client) == []
    clock.advance(minutes=1)
    client.run_timers()
    assert len(decisions(client)) == 1


def test_an_order_ends_the_checkout(client, clock):
    allow(client)
    client.track("Checkout Started", "m1", userId="ann")
    clock.advance(minutes=1)
    client.track("Order Completed", "m2", userId="ann", order_id="o1", total=5)
    client.track("Checkout Step Completed", "m3", userId="ann", step=4)
    clock.advance(minutes=10)
    client.run_timers()
    assert decisions(client) == []


def test_an_order_after_logging_in_ends_the_visitors_checkout(client, clock):
    client.track("Checkout Started", "m1", anonymousId="v")
    clock.advance(minutes=1)
    client.post("/v1/identify", {"messageId": "m2", "userId": "ann", "anonymousId": "v"})
    client.track("Order Completed", "m3", userId="ann", order_id="o1", total=5)
    clock.advance(minutes=10)
    client.run_timers()
    assert decisions(client) == []


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        ([], "withheld: no consent to marketing by chat was ever given"),
        ([("email", "granted")], "withheld: no consent to marketing by chat was ever given"),
        ([("chat", "denied")], "withheld: consent to marketing by chat is denied"),
        ([("chat", "granted"), (None, "denied")], "withheld: consent to marketing by chat"),
    ],
)
def test_without_consent_it_is_withheld_and_says_why(client, clock, statements, says):
    for i, (channel, status) in enumerate(statements):
        allow(client, channel=channel, status=status, message_id=f"c{i}")
        clock.advance(minutes=1)
    client.track("Checkout Started", "m1", userId="ann")
    clock.advance(minutes=3)
    client.run_timers()
    [decision] = decisions(client)
    assert decision["action"] == "withheld"
    assert decision["reason"].startswith(says)


def test_consent_for_all_channels_covers_chat(client, clock):
    allow(client, channel=None)
    client.track("Checkout Started", "m1", userId="ann")
    clock.advance(minutes=3)
    client.run_timers()
    assert decisions(client)[0]["action"] == "send"


def test_one_chat_a_day_is_enough(client, clock):
    allow(client)
    for hour in range(2):
        client.track("Checkout Started", f"m{hour}", userId="ann")
        clock.advance(minutes=30)
        client.run_timers()
    second, first = decisions(client)
    assert first["action"] == "send"
    assert second["reason"].startswith("withheld: already sent at 2011-09-10 12:30 UTC")


def test_a_service_that_slept_too_long_does_not_chat_to_who_has_left(client, clock):
    allow(client)
    client.track("Checkout Started", "m1", userId="ann")
    clock.advance(minutes=61)
    client.run_timers()
    assert decisions(client)[0]["reason"].startswith("withheld: too long ago")


def test_a_timer_outlives_the_process(start, clock):
    first = start()
    allow(first)
    first.track("Checkout Started", "m1", userId="ann")
    clock.advance(minutes=4)
    second = start()
    second.run_timers()
    assert len(decisions(second)) == 1


def test_two_workers_decide_once(start, clock):
    one, other = start(), start()
    allow(one)
    one.track("Checkout Started", "m1", userId="ann")
    clock.advance(minutes=3)
    one.run_timers()
    other.run_timers()
    assert len(decisions(one)) == 1


def test_two_workers_with_timers_of_one_persons_two_ids_send_once(start, clock, monkeypatch):
    one, other = start(), start()
    allow(one)
    one.track("Checkout Started", "m1", anonymousId="v")
    one.track("Checkout Started", "m2", userId="ann")
    one.post("/v1/identify", {"messageId": "m3", "userId": "ann", "anonymousId": "v"})
    clock.advance(minutes=3)
    claim = SqlStore.claim
    monkeypatch.setattr(
        SqlStore, "claim", lambda self, now, *, until: claim(self, now, until=until, limit=1)
    )
    look = StalledCheckout.look
    looks = []

    def look_while_the_other_does(self, timeline, at):
        looks.append(at)
        if len(looks) == 1:
            other.run_timers()
        return look(self, timeline, at)

    monkeypatch.setattr(StalledCheckout, "look", look_while_the_other_does)
    one.run_timers()
    assert len(looks) == 2
    assert [decision["action"] for decision in decisions(one)] == ["send"]
    clock.advance(minutes=10)
    one.run_timers()
    assert len(looks) == 2, "both timers have ended"


def test_a_login_during_the_checkout_does_not_lose_the_decision(client, clock):
    allow(client)
    client.track("Checkout Started", "m1", anonymousId="v")
    client.post("/v1/identify", {"messageId": "m2", "userId": "ann", "anonymousId": "v"})
    clock.advance(minutes=3)
    client.run_timers()
    assert [decision["action"] for decision in decisions(client)] == ["send"]


@pytest.mark.parametrize(
    ("at", "decided"), [("2011-09-10T11:05:00Z", 1), ("2010-01-01T12:00:00Z", 0)]
)
def test_a_checkout_told_of_long_afterwards_wakes_nobody(client, clock, at, decided):
    allow(client)
    client.track("Checkout Started", "m1", userId="ann", timestamp=at)
    clock.advance(minutes=3)
    client.run_timers()
    assert len(decisions(client)) == decided


def test_what_happens_while_a_decision_is_made_is_looked_at_again(client, clock, monkeypatch):
    allow(client)
    client.track("Checkout Started", "m1", userId="ann")
    clock.advance(minutes=3)
    look = StalledCheckout.look
    orders = []

    def look_while_the_customer_orders(self, timeline, at):
        found = look(self, timeline, at)
        if not orders:
            orders.append("o1")
            client.track("Order Completed", "o1", userId="ann", order_id="o1", total=5)
        return found

    monkeypatch.setattr(StalledCheckout, "look", look_while_the_customer_orders)
    client.run_timers()
    assert orders == ["o1"]
    assert decisions(client) == []


def test_a_trigger_that_fails_is_tried_again_after_its_lease(client, clock, monkeypatch):
    allow(client)
    client.track("Checkout Started", "m1", userId="ann")
    clock.advance(minutes=3)
    with monkeypatch.context() as broken:
        broken.setattr(StalledCheckout, "look", lambda *_: 1 / 0)
        client.run_timers()
    client.run_timers()
    assert decisions(client) == []
    clock.advance(minutes=1)
    client.run_timers()
    assert len(decisions(client)) == 1


def test_an_unknown_decision_is_told_where_to_look(client):
    answer = client.get("/v1/decisions/dec_none")
    assert answer.status_code == 404
    assert "GET /v1/decisions" in answer.json()["detail"]


# --- what every trigger must do -----------------------------------------------------------------


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.name)
def test_a_trigger_is_silent_about_a_stranger_and_of_one_mind(trigger):
    assert trigger.look(Timeline.empty(), 0) is None
    assert trigger.cooldown_ms > 0
    assert trigger.channel in schema().channels
    rows = np.zeros(1, ROW)
    rows["type"] = schema().code("Checkout Started")
    timeline = Timeline.of(rows)
    found = trigger.look(timeline, 3 * MINUTE)
    assert found == trigger.look(timeline, 3 * MINUTE)
    assert found is None or found.reason


def test_only_steps_of_a_checkout_set_the_timer():
    def event(name):
        return Event("e", schema().code(name), name, 1000, 1000, "web", user_id="ann")

    assert StalledCheckout().due_at(event("Payment Info Entered")) == 1000 + 3 * MINUTE
    assert StalledCheckout().due_at(event("Order Completed")) is None
    assert StalledCheckout().due_at(event("Product Viewed")) is None
