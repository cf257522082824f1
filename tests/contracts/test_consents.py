"""The consent ledger in every store: what is kept, of whom, and in whatever order it arrives."""

import json
from dataclasses import replace
from itertools import count, permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.consents import ConsentRules, consents_of, standing
from features.identity import Link
from serving.store import Consent, Incoming
from tests.contracts.events import MINUTE, NOON, append, viewed

RULES = ConsentRules()


def stamped(event_id, minute, user="ann", **categories):
    """A product view with a banner's categories, and what it says."""
    event = viewed(
        event_id,
        user=user,
        timestamp=NOON + minute * MINUTE,
        received_at=NOON + 99 * MINUTE,
        properties=json.dumps({"category_preferences": categories}),
    )
    return Incoming(event, consents_of(event, RULES))


def says(event_id, minute, status, *, user=None, visitor=None, purpose="marketing"):
    at = NOON + minute * MINUTE
    event = viewed(event_id, user=user, visitor=visitor, timestamp=at, received_at=at)
    return Incoming(event, (Consent(purpose, "all", status, at, event_id),))


def allowed(store, customer, purpose="marketing", minute=200):
    at = NOON + minute * MINUTE
    return standing(store.consents(customer), RULES, purpose, at=at).allowed


def test_a_statement_is_read_back_as_it_was_made(store):
    full = Consent(
        "marketing", "email", "granted", NOON, "e1", "web", NOON + MINUTE, True, ("anonymous:v",)
    )
    store.append([Incoming(viewed("e1", user="ann"), (full,))])
    [found] = store.consents("ann")
    assert found == full
    assert (found.customer_id, found.joined_at) == ("ann", None)


def test_each_statement_tells_under_which_id_it_was_made_and_since_when_that_is_theirs(store):
    store.append([says("e1", 0, "denied", visitor="v")])
    store.append([says("e2", 1, "granted", user="ann")])
    store.put_links([Link("ann", "anonymous:v", NOON + 5 * MINUTE)])
    assert [(c.customer_id, c.joined_at) for c in store.consents("anonymous:v")] == [
        ("anonymous:v", NOON + 5 * MINUTE),
        ("ann", None),
    ]


def test_unmerged_ids_have_what_each_of_them_said(store):
    store.append([says("e1", 0, "denied", visitor="v"), says("e2", 1, "granted", user="ann")])
    store.put_links([Link("ann", "anonymous:v", NOON + 5 * MINUTE)])
    assert not allowed(store, "ann")
    store.append([says("e3", 6, "granted", user="ann")])
    assert allowed(store, "ann")
    store.put_links(
        [Link("bob", "anonymous:v", NOON + 7 * MINUTE)]
    )  # a shared device belongs to neither
    assert [c.event_id for c in store.consents("ann")] == ["e2", "e3"]
    assert [c.event_id for c in store.consents("anonymous:v")] == ["e1"]
    assert (allowed(store, "ann"), allowed(store, "anonymous:v")) == (True, False)


def test_a_banner_that_says_the_same_with_every_event_is_kept_once(store):
    store.append([stamped(f"e{i}", i, Analytics=True, Functional=False) for i in range(50)])
    store.append([stamped("e50", 50, Analytics=True, Functional=False)])
    assert [(c.event_id, c.purpose) for c in store.consents("ann")] == [
        ("e0", "profiling"),
        ("e0", "personalisation"),
    ]


def test_a_banner_that_is_answered_anew_is_kept_each_time(store):
    for i, analytics in enumerate([True, True, False, False, True]):
        store.append([stamped(f"e{i}", i, Analytics=analytics)])
    assert [c.event_id for c in store.consents("ann")] == ["e0", "e2", "e4"]
    assert allowed(store, "ann", "profiling")


def test_an_old_banner_does_not_undo_an_objection_by_telephone(store):
    store.append([stamped("e1", 1, Analytics=True)])
    store.append([says("e2", 2, "denied", user="ann", purpose="profiling")])
    store.append([stamped("e3", 3, Analytics=True)])
    assert not allowed(store, "ann", "profiling")


def test_one_customers_banner_says_nothing_of_another(store):
    store.append([stamped("e1", 1, Analytics=False), stamped("e2", 2, "bob", Analytics=True)])
    assert (allowed(store, "ann", "profiling"), allowed(store, "bob", "profiling")) == (False, True)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_last_word_is_the_same_in_whatever_order_a_banner_arrives(store, order):
    for name, answers in (("ann", (1, 0, 1, 1)), ("bob", (0, 1, 0, 0)), ("cid", (0, 0, 1, 0))):
        for i in order:
            store.append([stamped(f"{name}{i}", i, name, Analytics=bool(answers[i]))])
        assert allowed(store, name, "profiling") == bool(answers[-1]), name


EXAMPLES = count()
EVERY_ORDER = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@EVERY_ORDER
@given(data=st.data())
def test_any_interleaving_of_statements_and_logins_gives_the_same_standing(store, data):
    """Banners, statements and a login, in any order and any batches: one standing."""
    tag = next(EXAMPLES)  # people of its own: the store is all examples'
    user, visitor = f"u{tag}", f"v{tag}"
    told = []
    for minute in range(data.draw(st.integers(1, 7), label="statements")):
        who = data.draw(st.sampled_from([user, visitor]))
        by = {"user": user} if who == user else {"visitor": visitor}
        status = data.draw(st.sampled_from(["granted", "denied"]))
        event_id = f"{tag}-{minute}"
        if data.draw(st.booleans(), label="carried"):
            at = NOON + minute * MINUTE
            event = viewed(
                event_id,
                timestamp=at,
                received_at=at,
                properties=json.dumps({"category_preferences": {"Analytics": status == "granted"}}),
                **by,
            )
            told.append(Incoming(event, consents_of(event, RULES)))
        else:
            told.append(says(event_id, minute, status, purpose="profiling", **by))
    login = viewed(
        f"{tag}-login",
        user=user,
        visitor=visitor,
        timestamp=NOON,
        received_at=NOON + data.draw(st.integers(0, 7), label="login") * MINUTE,
    )
    told.append(Incoming(login))
    store.append(told)
    expected = [allowed(store, f"{user}", "profiling")]
    again = [_of_another(incoming, user, visitor) for incoming in told]
    order = data.draw(st.permutations(again))
    cut = data.draw(st.integers(0, len(order)))
    store.append(order[:cut])
    store.append(order[cut:])
    assert [allowed(store, f"{user}'", "profiling")] == expected


def _of_another(incoming, user, visitor):
    """The same of two further ids."""
    event = incoming.event
    event = replace(
        event,
        event_id=f"{event.event_id}'",
        user_id=event.user_id and f"{user}'",
        anonymous_id=event.anonymous_id and f"{visitor}'",
    )
    consents = tuple(replace(c, event_id=event.event_id) for c in incoming.consents)
    return Incoming(event, consents)


def test_a_statement_that_tells_no_more_was_said_on_its_own_and_never_expires(store):
    append(store, viewed("e1", user="ann"))
    store.put_consents([("ann", Consent("marketing", "email", "granted", NOON, "e1"))])
    [found] = store.consents("ann")
    assert (found.source, found.expires_at, found.carried, found.together) == (
        "api", None, False, (),
    )  # fmt: skip
