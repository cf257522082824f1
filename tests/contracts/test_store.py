"""What every store must do, on SQLite and on PostgreSQL alike."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from features.catalog import Product
from features.columns import ProductId
from features.errors import StorageError
from features.events.schema import schema
from features.identity import Link
from features.timeline import ROW
from serving.store import (
    Consent,
    HistoryPerson,
    Incoming,
    Rejected,
    Store,
    Timer,
)
from tests.contracts.events import MINUTE, NOON, append, decision, ordered, viewed

# --- events and timelines -----------------------------------------------------------------------


def test_an_event_is_in_the_timeline_of_the_next_read_of_any_worker(open_another):
    one, other = open_another(), open_another()
    assert other.person("ann") is None
    assert append(one, viewed("e1", user="ann")).accepted == 1
    person = other.person("ann")
    assert person.customer_id == "ann"
    assert person.timeline.at.tolist() == [NOON]
    assert [p.product_id for p in other.products()] == ["tea"]


def test_an_event_id_counts_once_within_a_batch_and_over_batches(store):
    first = append(store, viewed("e1", user="ann"), viewed("e1", user="ann"))
    again = append(store, viewed("e1", user="ann"), viewed("e2", user="ann"))
    assert (first.accepted, first.duplicates) == (1, 1)
    assert (again.accepted, again.duplicates) == (1, 1)
    assert len(store.person("ann").timeline) == 2


def test_an_order_becomes_its_row_and_one_row_per_line(store):
    append(store, ordered("o1", "ann", "tea", "pot"))
    timeline = store.person("ann").timeline
    line, order = schema().code("Order Line"), schema().code("Order Completed")
    assert timeline.type.tolist() == [order, line, line]
    names = [p.product_id for p in store.products()]
    assert [names[i] for i in timeline.product[1:]] == ["tea", "pot"]


def test_a_long_past_is_read_back_whole_and_in_time_order(store):
    events = [viewed(f"e{i}", user="ann", timestamp=NOON - i) for i in range(1000)]
    for begin in range(0, 1000, 70):
        append(store, *events[begin : begin + 70])
    at = store.person("ann").timeline.at
    assert len(at) == 1000
    assert (np.diff(at) > 0).all()


def test_what_one_customer_does_is_not_in_anothers_timeline(store):
    append(store, viewed("e1", user="ann"), viewed("e2", user="bob"), viewed("e3", visitor="ann"))
    assert [len(store.person(i).timeline) for i in ("ann", "bob", "anonymous:ann")] == [1, 1, 1]


def test_numbers_of_products_never_change(open_another):
    one, other = open_another(), open_another()
    append(one, viewed("e1", user="ann", product_id="tea"))
    append(other, viewed("e2", user="ann", product_id="pot"))
    append(one, viewed("e3", user="ann", product_id="cup"), viewed("e4", user="ann"))
    assert [p.product_id for p in one.products()] == ["tea", "pot", "cup"]
    assert [p.product_id for p in other.products(2)] == ["cup"]


def test_the_products_bought_most_often_come_first(store):
    append(store, viewed("e1", user="ann", product_id="tea"))
    append(store, ordered("o1", "ann", "pot"), ordered("o2", "bob", "pot", "cup"))
    names = [p.product_id for p in store.products()]
    assert [names[i] for i in store.popular(3)] == ["pot", "cup", "tea"]


def test_writers_at_the_same_time_lose_nothing(open_another):
    stores = [open_another(), open_another()]

    def write(worker: int) -> None:
        for i in range(25):
            append(stores[worker], viewed(f"w{worker}-{i}", user="ann"))

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores[0].person("ann").timeline) == 50


# --- identity -----------------------------------------------------------------------------------


def test_a_visitor_who_logs_in_brings_what_they_did_since_the_link(store):
    append(store, viewed("e1", visitor="v"))
    append(store, viewed("e2", user="ann", visitor="v", received_at=NOON + MINUTE))
    person = store.person("ann")
    assert person.identifiers == ("ann", "anonymous:v")
    assert len(person.timeline) == 2
    assert sorted(person.timeline.known_at.tolist()) == [NOON + MINUTE, NOON + MINUTE]
    assert store.person("anonymous:v").customer_id == "ann"


def test_a_visitor_linked_with_two_users_belongs_to_neither(store):
    append(store, viewed("e1", visitor="v"))
    append(store, viewed("e2", user="ann", visitor="v"), viewed("e3", user="bob", visitor="v"))
    assert store.person("anonymous:v").identifiers == ("anonymous:v",)
    assert [len(store.person(i).timeline) for i in ("ann", "bob", "anonymous:v")] == [1, 1, 1]


def test_the_order_of_links_does_not_matter(open_another):
    links = [
        Link("ann", visitor, NOON - MINUTE * n)
        for visitor, n in (("anonymous:v", 0), ("anonymous:v", 1), ("anonymous:w", 0))
    ]
    store = open_another()
    append(store, viewed("e1", visitor="v", received_at=NOON - 2 * MINUTE))
    for link in links:
        store.put_links([link])
    person = store.person("ann")
    assert person.identifiers == ("ann", "anonymous:v", "anonymous:w")
    assert person.timeline.known_at.tolist() == [NOON - MINUTE]


# --- consents -----------------------------------------------------------------------------------


def test_consents_of_all_a_customers_ids_are_read_oldest_first(store):
    early = Consent("marketing", "email", "granted", NOON, "e1")
    late = Consent("marketing", "all", "denied", NOON + 1, "e2")
    store.append([Incoming(viewed("e2", user="ann", visitor="v"), consents=(late,))])
    store.append([Incoming(viewed("e1", visitor="v"), consents=(early,))])
    assert store.consents("ann") == [early, late]
    assert store.consents("nobody") == []


def test_a_consent_loaded_twice_is_kept_once(store):
    consent = Consent("marketing", "email", "granted", NOON, "e1")
    store.put_consents([("ann", consent)])
    store.put_consents([("ann", consent)])
    assert store.consents("ann") == [consent]


# --- timers and decisions -----------------------------------------------------------------------


def waiting(store: Store, due_at: int = NOON + 3 * MINUTE, event_id: str = "e1") -> None:
    timer = Timer("stalled_checkout", NOON, due_at)
    store.append([Incoming(viewed(event_id, user="ann"), timers=(timer,))])


def test_a_timer_is_claimed_once_when_due_and_again_after_its_lease(open_another):
    one, other = open_another(), open_another()
    waiting(one)
    due_at = NOON + 3 * MINUTE
    assert one.claim(due_at - 1, until=due_at + MINUTE) == []
    [due] = one.claim(due_at, until=due_at + MINUTE)
    assert (due.trigger, due.customer_id, due.due_at) == ("stalled_checkout", "ann", due_at)
    assert other.claim(due_at + 1, until=due_at + 2 * MINUTE) == []
    assert len(other.claim(due_at + MINUTE, until=due_at + 2 * MINUTE)) == 1


def test_a_timer_outlives_the_store_that_set_it(open_another):
    store = open_another()
    waiting(store)
    store.close()
    assert len(open_another().claim(NOON + 3 * MINUTE, until=NOON + 4 * MINUTE)) == 1


def test_a_later_timer_of_the_same_trigger_replaces_the_earlier(store):
    waiting(store)
    waiting(store, NOON + 5 * MINUTE, "e2")
    waiting(store, NOON + 4 * MINUTE, "e3")
    assert store.claim(NOON + 4 * MINUTE, until=NOON + 9 * MINUTE) == []
    assert len(store.claim(NOON + 5 * MINUTE, until=NOON + 9 * MINUTE)) == 1


def test_a_duplicate_event_sets_no_timer(store):
    waiting(store)
    [due] = store.claim(NOON + 3 * MINUTE, until=NOON + 4 * MINUTE)
    assert store.settle(due, None, version=store.person("ann").version)
    waiting(store)
    assert store.claim(NOON + 9 * MINUTE, until=NOON + 10 * MINUTE) == []


def test_a_settled_timer_is_gone_and_its_decision_kept(store):
    waiting(store)
    [due] = store.claim(NOON + 3 * MINUTE, until=NOON + 4 * MINUTE)
    assert store.settle(due, decision("d1"), version=store.person("ann").version)
    assert not store.settle(due, decision("d2"), version=store.person("ann").version)
    assert store.claim(NOON + 9 * MINUTE, until=NOON + 10 * MINUTE) == []
    assert store.decisions("ann") == [decision("d1")]


def test_a_decision_is_not_kept_when_the_customer_did_something_meanwhile(store):
    waiting(store)
    [due] = store.claim(NOON + 3 * MINUTE, until=NOON + 4 * MINUTE)
    version = store.person("ann").version
    append(store, ordered("o1", "ann", "tea"))
    assert not store.settle(due, decision("d1"), version=version)
    assert store.decisions("ann") == []
    assert len(store.claim(NOON + 3 * MINUTE, until=NOON + 4 * MINUTE)) == 1


def test_a_decision_is_not_kept_when_a_visitors_ids_were_joined_meanwhile(store):
    timer = Timer("stalled_checkout", NOON, NOON + 3 * MINUTE)
    store.append([Incoming(viewed("e1", visitor="v"), timers=(timer,))])
    [due] = store.claim(NOON + 3 * MINUTE, until=NOON + 4 * MINUTE)
    version = store.person("anonymous:v").version
    store.put_links([Link("ann", "anonymous:v", NOON)])
    assert not store.settle(due, decision("d1"), version=version)


def test_decisions_are_found_by_id_and_by_every_id_of_the_customer(store):
    append(store, viewed("e1", user="ann", visitor="v"))
    store.record(decision("d1", "anonymous:v", at=NOON))
    store.record(decision("d2", "ann", at=NOON + 1, kind="offer", details={"offer_id": "tea"}))
    store.record(decision("d3", "nobody"))
    assert [d.decision_id for d in store.decisions("ann")] == ["d2", "d1"]
    assert [d.decision_id for d in store.decisions("anonymous:v", limit=1)] == ["d2"]
    assert [d.decision_id for d in store.decisions("ann", kind="offer")] == ["d2"]
    assert [d.decision_id for d in store.decisions("nobody")] == ["d3"]
    assert store.decision("d2").details == {"offer_id": "tea"}
    assert store.decision("d9") is None


# --- quarantine, history, trouble ---------------------------------------------------------------


def test_rejected_messages_are_kept_beside_the_good_events(store):
    bad = Rejected("e2", NOON, "product_id", "is required", "{}")
    done = store.append([Incoming(viewed("e1", user="ann"))], [bad])
    assert (done.accepted, done.quarantined) == (1, 1)
    assert store.quarantined() == [bad]


def test_a_rejected_message_that_comes_again_stays_one_per_fault(store):
    bad = Rejected("e2", NOON, "product_id", "is required", "{}")
    other = replace(bad, column="user_id")
    unnamed = replace(bad, message_id="")
    store.append([], [bad, bad, unnamed])
    store.append([], [replace(bad, received_at=NOON + 5), other, unnamed])
    assert store.quarantined() == [unnamed, other, unnamed, replace(bad, received_at=NOON + 5)]
    assert store.quarantined(message_id="e2") == [other, replace(bad, received_at=NOON + 5)]


def past(*at: int) -> bytes:
    rows = np.zeros(len(at), ROW)
    rows["at"] = rows["known_at"] = at
    rows["type"] = schema().code("Page Viewed")
    rows["product"] = -1
    return rows.tobytes()


def test_history_comes_before_what_the_store_took_in_and_can_be_replaced(store):
    append(store, viewed("e1", user="ann"))
    store.put_history("abc", 1, [HistoryPerson("ann", past(1, 2))])
    assert store.person("ann").timeline.at.tolist() == [1, 2, NOON]
    assert store.history_position("abc") == 1
    assert store.history_position("def") == 0
    store.put_history("def", 1, [HistoryPerson("ann", past(1, 2, 3))])
    assert store.person("ann").timeline.at.tolist() == [1, 2, 3, NOON]


def test_history_sets_no_timer(store):
    store.put_history("abc", 1, [HistoryPerson("ann", past(1, 2))])
    assert store.claim(NOON, until=NOON + MINUTE) == []


def test_products_keep_their_numbers_and_learn_what_is_told_of_them(store):
    append(store, viewed("e1", user="ann", product_id="tea"))
    tea = Product(ProductId("tea"), title="Tea", price=3.5, attributes={"organic": True})
    assert store.put_products([Product(ProductId("pot")), tea]).tolist() == [1, 0]
    store.put_products([Product(ProductId("tea"), available=False)])
    told = store.products()[0]
    assert (told.title, told.price, told.available) == ("Tea", 3.5, False)
    assert told.attributes == {"organic": True}


def test_counts_of_a_history_replace_those_of_the_one_before(store):
    numbers = store.put_products([Product(ProductId(i)) for i in ("tea", "pot")]).tolist()
    append(store, ordered("o1", "ann", "tea"))
    store.put_bought({numbers[1]: 5})
    assert store.popular(2) == [numbers[1], numbers[0]]
    store.put_bought({})
    assert store.popular(2) == [numbers[0], numbers[1]]


def test_a_failed_write_leaves_nothing_behind(store):
    good = viewed("e1", user="ann")
    broken = replace(viewed("e2", user="ann"), name=None)  # the column refuses it
    with pytest.raises(StorageError, match="cannot store the events"):
        append(store, good, broken)
    assert store.person("ann") is None
    assert store.products() == []
    assert append(store, good).accepted == 1
