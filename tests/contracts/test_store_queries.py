"""What the store tells of the events it took in, and what else it remembers."""

from dataclasses import replace

import pytest

from features.events.event import BOT
from serving.store import Rejected, StoredAnswer
from tests.contracts.events import MINUTE, NOON, append, ordered, viewed


def ids(found):
    return [stored.event.event_id for stored in found]


def test_an_event_comes_back_as_it_was_stored(store):
    event = ordered("o1", "ann", "tea", "pot", properties='{"coupon":"ten"}', marks=("clock",))
    append(store, event)
    assert [stored.event for stored in store.events()] == [event]


def test_events_come_newest_first_and_page_by_sequence(store):
    append(store, *(viewed(f"e{i}", user="ann") for i in range(5)))
    page = store.events(limit=2)
    assert ids(page) == ["e4", "e3"]
    assert ids(store.events(before=page[-1].sequence)) == ["e2", "e1", "e0"]


def test_events_of_a_customer_are_those_of_all_their_ids(store):
    append(store, viewed("e1", visitor="v"), viewed("e2", user="bob"))
    append(store, viewed("e3", user="ann", visitor="v"))
    assert ids(store.events(customer_id="ann")) == ["e3", "e1"]
    assert ids(store.events(customer_id="anonymous:v")) == ["e3", "e1"]
    assert store.events(customer_id="nobody") == []


def test_events_are_found_by_name_and_unknown_ones_together(store):
    append(
        store,
        viewed("e1", user="ann"),
        replace(viewed("e2", user="ann"), type=0, name="Lamp Rubbed"),
        replace(viewed("e3", user="bob"), type=0, name="Carpet Flown"),
        ordered("o1", "ann", "tea"),
    )
    assert ids(store.events(name="Order Completed")) == ["o1"]
    assert ids(store.events(name="order completed")) == ["o1"]
    assert ids(store.events(name="Lamp Rubbed")) == ["e2"]
    assert ids(store.events(unknown=True)) == ["e3", "e2"]
    assert ids(store.events(unknown=True, customer_id="ann")) == ["e2"]
    assert store.events(name="Never Seen") == []


def test_events_are_followed_from_a_sequence_on(store):
    append(store, viewed("e1", user="ann"), viewed("e2", user="ann"))
    first = store.events_after(0, 1)
    assert ids(first) == ["e1"]
    append(store, viewed("e3", user="ann"))
    assert ids(store.events_after(first[-1].sequence, 10)) == ["e2", "e3"]


def test_a_bots_event_is_kept_but_in_nobodys_timeline_nor_among_what_is_bought(store):
    append(store, ordered("o1", "bot", "tea", marks=(BOT,)), ordered("o2", "ann", "pot"))
    assert ids(store.events(customer_id="bot")) == ["o1"]
    assert len(store.person("bot").timeline) == 0
    names = [product.product_id for product in store.products()]
    assert [names[i] for i in store.popular(2)] == ["pot", "tea"]


def test_an_id_of_loaded_history_counts_as_known(store):
    store.put_history_ids(["h1", "h2"])
    store.put_history_ids(["h2", "h3"])
    append(store, viewed("e1", user="ann"))
    assert store.known_ids(["h1", "h3", "e1", "e2"]) == {"h1", "h3", "e1"}
    done = append(store, viewed("h2", user="ann"), viewed("e2", user="ann"))
    assert (done.accepted, done.duplicates) == (1, 1)
    assert len(store.person("ann").timeline) == 2


def test_more_ids_than_one_statement_takes_are_looked_up(store):
    store.put_history_ids([f"h{i}" for i in range(1200)])
    assert len(store.known_ids([f"h{i}" for i in range(2000)])) == 1200
    assert store.known_ids([]) == set()


def test_a_position_is_remembered_by_its_name(open_another):
    one, other = open_another(), open_another()
    assert one.position("export") is None
    one.put_position("export", "17")
    one.put_position("export", "18")
    one.put_position("load", "x")
    assert (other.position("export"), other.position("load")) == ("18", "x")


def test_the_quarantine_is_searched_by_message_and_paged(store):
    bad = [Rejected(f"m{i % 2}", NOON, "product_id", f"fault {i}", str(i)) for i in range(4)]
    store.append([], bad)
    assert [r.message for r in store.quarantined(limit=2)] == ["3", "2"]
    page = store.quarantined(limit=2)
    assert [r.message for r in store.quarantined(before=page[-1].sequence)] == ["1", "0"]
    assert [r.message for r in store.quarantined(message_id="m0")] == ["2", "0"]
    assert store.quarantined(message_id="m9") == []


def test_a_message_is_kept_aside_whatever_characters_are_wrong_with_it(store):
    store.append([], [Rejected("a\0b", NOON, "user\ud800id", "holds \0", '{"x": "\0"}')])
    [kept] = store.quarantined()
    assert (kept.message_id, kept.column, kept.reason) == ("a\ufffdb", "user?id", "holds \ufffd")


def test_a_product_is_read_by_its_id(store):
    append(store, viewed("e1", user="ann", product_id="tea"))
    assert store.product("tea").first_seen_at == NOON
    assert store.product("pot") is None


def test_an_answer_is_kept_once_under_its_key_and_forgotten_in_time(open_another):
    one, other = open_another(), open_another()
    first = StoredAnswer("abc", 200, b'{"id":1}', NOON)
    assert one.answer("k") is None
    assert one.put_answer("k", first)
    assert not other.put_answer("k", StoredAnswer("def", 200, b"{}", NOON))
    assert other.answer("k") == first
    assert one.put_answer("l", StoredAnswer("abc", 201, b"", NOON + MINUTE))
    assert one.forget_answers(NOON + 1) == 1
    assert (one.answer("k"), one.answer("l") is None) == (None, False)


@pytest.mark.parametrize("limit", [0, 1])
def test_a_limit_holds(store, limit):
    append(store, viewed("e1", user="ann"), viewed("e2", user="ann"))
    assert len(store.events(limit=limit)) == limit
    assert len(store.events_after(0, limit)) == limit
