"""An erased person is nowhere in the store, stays out of it, and a backup does not change that."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from features.errors import InputError
from features.events.erasures import Erasures
from features.events.event import Event
from features.events.schema import schema as event_schema
from features.identity import RULINGS, Link
from features.timeline import ROW
from serving.store import (
    Access,
    Consent,
    HistoryPerson,
    Incoming,
    Rejected,
    Store,
    StoredAnswer,
    Timer,
    schema,
)
from tests.contracts.erasing import LATER, erase, everything, live, rejected
from tests.contracts.events import MINUTE, NOON, append, decision, viewed


def test_nothing_of_an_erased_person_is_left_under_any_of_their_ids(settings, store):
    live(store, "secret-ann", "secret-device")
    live(store, "ben", "another-device")
    for key, name in (("k1", "anonymous:secret-device"), ("k2", "ben")):
        store.put_answer(key, StoredAnswer("hash", 200, json.dumps([{"a": name}]).encode(), NOON))
    receipt = erase(store, "anonymous:secret-device")
    assert receipt.removed == {
        "accesses": 0,
        "answers": 1,
        "consents": 1,
        "decisions": 2,
        "events": 3,
        "impressions": 1,
        "links": 1,
        "people": 2,
        "quarantine": 2,
        "rulings": 0,
        "scores": 1,
        "timeline_parts": 3,
        "timers": 1,
    }
    assert "secret" not in everything(settings)
    for name in ("secret-ann", "anonymous:secret-device"):
        assert store.person(name) is None
        assert store.events(customer_id=name) == store.decisions(name) == store.timers(name) == []
    ben = store.person("ben")
    assert ben is not None
    assert len(ben.timeline) == 8
    assert len(store.quarantined()) == len(store.timers("ben")) + 1 == 2
    assert len(store.consents("ben")) == 1
    assert store.answer("k2") is not None


def test_who_was_erased_is_told_once_by_hash_and_again_after_the_next(settings, store):
    assert store.erased() is None
    receipt = erase(store, "ann")
    first, told = store.erased()
    listed = Erasures(settings.erasures)
    assert told.until == {listed.hash("ann"): receipt.until}
    assert told.key_id == listed.key_id
    assert store.erased(first) is None
    erase(store, "ben")
    _, told = store.erased(first)
    assert set(told.until) == {listed.hash("ann"), listed.hash("ben")}


@pytest.mark.parametrize("name", ["ben", "🦊 Zoë", 'it\'s "q"\\ %_', "7"])
def test_answers_that_name_the_person_as_a_text_go_and_others_stay(store, name):
    bodies = {"a": {"customer_id": name}, "b": [[name]], "c": {"n": 7, "why": f"{name}x"}, "d": {}}
    for key, body in bodies.items():
        told = json.dumps(body, ensure_ascii=False).encode() if body else b""
        assert store.put_answer(key, StoredAnswer("hash", 200, told, NOON))
    assert erase(store, name).removed["answers"] == 2
    assert [key for key in bodies if store.answer(key) is not None] == ["c", "d"]


def ruled(event_id: str, into: str, other: str, name: str = RULINGS[0], at: int = NOON) -> Event:
    told = {"other_id": other, "by": "desk", "why": f"called, and is {other}"}
    event = viewed(event_id, user=into, timestamp=at, received_at=at, properties=json.dumps(told))
    return replace(event, type=event_schema().code(name), name=name, product_id=None)


def test_what_was_ruled_of_an_erased_person_is_in_no_other_persons_events(settings, store):
    append(store, viewed("e1", user="ann"), viewed("e2", user="secret"), viewed("e3", user="ben"))
    append(store, ruled("r1", "ann", "secret"))
    append(store, ruled("r2", "ann", "secret", RULINGS[1], NOON + 1))
    append(store, ruled("r3", "ann", "ben", at=NOON + 2))
    receipt = erase(store, "secret")
    assert (receipt.removed["events"], receipt.removed["rulings"]) == (3, 2)
    assert {s.event.event_id for s in store.events(customer_id="ann")} == {"e1", "r3", "e3"}
    assert "secret" not in everything(settings)
    again = append(store, ruled("r1", "ann", "secret"), ruled("r4", "ann", "secret"))
    assert (again.accepted, again.erased) == (0, 2)
    assert store.person("secret") is None


def test_who_asked_about_an_erased_person_is_kept_without_whom(settings, store):
    asked = Access(LATER, "crm", ("read",), "GET", "/v1/x", "secret")
    append(store, viewed("e1", user="secret"))
    store.put_accesses([asked])
    receipt = erase(store, "secret")
    assert receipt.removed["accesses"] == 1
    others = [replace(asked, customer_id="ben"), replace(asked, customer_id=None)]
    store.put_accesses([asked, replace(asked, at=LATER + MINUTE), *others])
    told = [access.customer_id for access in store.accesses()]
    assert told == [None, "ben", receipt.erasure_id, receipt.erasure_id]
    assert "secret" not in everything(settings)
    after = {"timestamp": LATER + 1, "received_at": LATER + 1}
    append(store, viewed("n1", user="secret", **after))
    store.put_accesses([asked, replace(asked, at=LATER + 1)])
    assert [a.at for a in store.accesses(customer_id="secret")] == [LATER + 1]


def test_spellings_of_a_person_go_with_them_and_may_not_stand_in_the_receipt(store):
    append(store, viewed("e1", user="ann"))
    store.append([], [rejected({"userId": "Ann@shop.example"})])
    store.put_accesses([Access(NOON, "crm", ("read",), "GET", "/v1/x", "Ann@shop.example")])
    with pytest.raises(InputError, match="why: holds an id"):
        erase(store, "ann", spellings=["Ann@shop.example"], why="mail of Ann@shop.example")
    removed = erase(store, "ann", spellings=["Ann@shop.example"]).removed
    assert (removed["people"], removed["quarantine"], removed["accesses"]) == (1, 1, 1)
    assert append(store, viewed("e2", user="Ann@shop.example")).erased == 1
    assert store.was_erased("Ann@shop.example")
    assert not store.was_erased("ben")


def test_whom_identifiers_lead_to_is_told_of_those_that_are_known(store):
    append(store, viewed("e1", user="ann", visitor="v"), viewed("e2", user="ben"))
    asked = ["anonymous:v", "ben", "cleo"]
    assert store.leaders(asked) == {"anonymous:v": "ann", "ben": "ben"}
    assert store.leaders([]) == {}


def test_a_ruling_ahead_of_the_clock_is_of_before_the_erasure(store):
    append(store, viewed("e1", user="ann"), viewed("e2", user="ben"))
    append(store, ruled("r1", "ann", "ben", at=LATER + 7))
    assert erase(store, "ben").until == LATER + 7


def test_sqlites_file_holds_no_byte_of_an_erased_person(settings, store):
    if settings.store:
        pytest.skip("PostgreSQL's pages are overwritten by its own VACUUM")
    live(store, "secret-ann", "secret-device")
    files = [p for p in settings.data.iterdir() if p.is_file()]
    assert any(b"secret" in path.read_bytes() for path in files)
    erase(store, "secret-ann")
    assert [path.name for path in files if b"secret" in path.read_bytes()] == []


def test_a_receipt_names_nobody_and_can_be_asked_for(store):
    live(store, "ann", "v")
    first = erase(store, "ann")
    second = erase(store, "ben", at=LATER + 1, who="somebody else")
    assert store.receipt(first.erasure_id) == first
    assert store.receipt("era_none") is None
    assert store.receipts() == [second, first]
    assert store.receipts(limit=1) == [second]
    assert store.receipts(before=store.receipts()[0].sequence) == [first]
    assert (first.at, first.applied_at, first.who) == (LATER, LATER, "the officer")


@pytest.mark.parametrize("field", ["who", "why"])
def test_a_receipt_that_would_name_the_person_is_refused_and_nobody_erased(store, field):
    append(store, viewed("e1", user="ann", visitor="v"))
    with pytest.raises(InputError, match=f"{field}: holds an id of the customer"):
        erase(store, "ann", **{field: "letter of ann, who is v"})
    assert store.person("ann") is not None
    assert store.receipts() == []
    erase(store, "ann", why="annual letter")


def test_a_retry_is_a_duplicate_and_a_late_event_of_before_is_dropped_and_counted(store):
    append(store, viewed("e1", user="ann", visitor="v"))
    receipt = erase(store, "ann")
    late = [viewed("e2", user="ann"), viewed("e3", visitor="v"), viewed("e4", user="ann")]
    done = append(store, *(replace(event, received_at=LATER + MINUTE) for event in late))
    assert (done.accepted, done.duplicates, done.erased) == (0, 0, 3)
    untold = {"timestamp": LATER + MINUTE, "received_at": LATER + MINUTE}
    done = append(store, viewed("e1", user="ann", **untold))
    assert (done.accepted, done.duplicates, done.erased) == (0, 1, 0)
    assert store.person("ann") is store.person("anonymous:v") is None
    told = store.receipt(receipt.erasure_id)
    assert told is not None
    assert told.dropped == 3


def test_who_logs_in_again_is_a_new_person_with_nothing_of_the_old(store):
    live(store, "ann", "v")
    erase(store, "ann")
    after = {"timestamp": LATER + 1, "received_at": LATER + 1}
    append(store, viewed("n1", user="ann", visitor="v", **after))
    ann = store.person("ann")
    assert ann is not None
    assert ann.identifiers == ("ann", "anonymous:v")
    assert ann.timeline.at.tolist() == [LATER + 1]
    assert store.consents("ann") == store.decisions("ann") == []
    again = erase(store, "ann", at=LATER + 2)
    assert again.removed["events"] == 1


def test_who_may_not_return_stays_out(store):
    live(store, "ann", "v")
    erase(store, "ann", may_return=False)
    after = {"timestamp": LATER + 99 * MINUTE, "received_at": LATER + 99 * MINUTE}
    assert append(store, viewed("n1", user="ann", **after)).erased == 1
    assert store.person("ann") is None


def test_erasing_whom_nobody_knows_keeps_their_late_events_out(store):
    receipt = erase(store, "ann")
    assert set(receipt.removed.values()) == {0}
    assert append(store, viewed("e1", user="ann")).erased == 1
    assert erase(store, "ann").removed == receipt.removed


def test_a_decision_made_from_what_was_erased_is_not_kept(store):
    append(store, viewed("e1", user="ann"))
    store.claim(0, until=1)
    erase(store, "ann")
    store.record(decision("d1", "ann", inputs_at=LATER + 1))
    assert store.decision("d1") is None
    store.record(decision("d2", "ann", inputs_at=LATER + 2))
    assert store.decision("d2") is not None


def test_a_timer_that_a_worker_holds_ends_without_a_decision(store):
    store.append([Incoming(viewed("e1", user="ann"), timers=(Timer("t", NOON, NOON),))])
    [due] = store.claim(NOON, until=LATER)
    person = store.person("ann")
    assert person is not None
    erase(store, "ann")
    assert not store.settle(due, decision("d1", "ann"), version=person.version)
    assert store.decision("d1") is None
    assert store.claim(FAR, until=FAR + 1) == []


FAR = 4_000_000_000_000


def test_history_of_an_erased_person_that_is_still_being_loaded_stays_out(store):
    erase(store, "ann")
    rows = np.zeros(2, ROW)
    rows["at"] = rows["known_at"] = [NOON, LATER + 1]
    store.put_history("h", 1, [HistoryPerson("ann", rows.tobytes())])
    store.put_history("h", 2, [HistoryPerson("ben", rows.tobytes())])
    store.put_links([Link("ann", "v", NOON), Link("ben", "w", NOON)])
    store.put_consents([("ann", Consent("marketing", "all", "granted", NOON, "c1"))])
    ann, ben = store.person("ann"), store.person("ben")
    assert ann is not None
    assert ben is not None
    assert ann.timeline.at.tolist() == [LATER + 1]
    assert len(ben.timeline) == 2
    assert store.person("anonymous:v") is None
    assert store.consents("ann") == []


def test_a_device_shared_with_others_stays_nobodys_and_what_was_done_on_it_goes(store):
    append(
        store,
        viewed("e1", user="ann", visitor="tablet"),
        viewed("e2", user="ben", visitor="tablet"),
        viewed("e3", visitor="tablet"),
    )
    erase(store, "ann")
    assert store.person("anonymous:tablet") is None
    assert [s.event.event_id for s in store.events()] == ["e2"]
    after = {"timestamp": LATER + 1, "received_at": LATER + 1}
    append(store, viewed("n1", visitor="tablet", **after))
    append(store, viewed("n2", user="cid", visitor="tablet", **after))
    ben, tablet = store.person("ben"), store.person("anonymous:tablet")
    assert ben is not None
    assert tablet is not None
    assert (len(ben.timeline), len(tablet.timeline)) == (1, 1)
    assert tablet.customer_id == "anonymous:tablet"


@pytest.mark.parametrize("name", ["🦊 Zoë", "عائشة", "x" * 255, 'it\'s "q"\\ %_', "7"])
def test_any_id_can_be_erased_and_messages_of_others_stay(store, name):
    append(store, viewed("e1", user=name))
    kept = [rejected({"userId": f"{name}x"}, 2), rejected({"why": f"like {name}"}, 3)]
    store.append([], [rejected({"userId": name}), rejected([{"a": {"b": name}}], 4), *kept])
    cut = json.dumps({"userId": name, "text": "…"}, ensure_ascii=False)[:-3]
    store.append([], [Rejected("cut", NOON, "event", "too long", cut)])
    assert len(store.quarantined_of(name)) == 3
    assert erase(store, name).removed["quarantine"] == 3
    assert [r.message_id for r in store.quarantined()] == ["m3", "m2"]
    assert store.person(name) is None


def test_a_number_that_is_the_persons_id_is_found_in_messages_too(store):
    store.append([], [rejected({"userId": 17}), rejected({"price": 170}, 2)])
    assert erase(store, "17").removed["quarantine"] == 1


def test_erasing_while_events_arrive_leaves_nothing_of_before(
    open_another: Callable[[], Store],
):
    """Four writers, of which some see the erasure in the middle of what they send."""
    stores = [open_another() for _ in range(6)]
    ended = []

    def send(writer: int) -> int:
        dropped = 0
        for number in range(60):
            event = viewed(
                f"{writer}-{number}",
                user="ann" if number % 3 else None,
                visitor=f"v{number % 5}",
                timestamp=NOON + number,
                received_at=NOON + number,
            )
            dropped += append(stores[writer], event).erased
        return dropped

    def stop() -> None:
        while len(stores[4].events(limit=60)) < 60:
            pass
        ended.append(erase(stores[4], "ann"))

    with ThreadPoolExecutor(5) as threads:
        works = [threads.submit(send, writer) for writer in range(4)]
        stopping = threads.submit(stop)
        dropped = sum(work.result() for work in works)
        stopping.result()
    store = stores[5]
    [receipt] = ended
    assert store.person("ann") is None
    left = [s.event for s in store.events(limit=1000)]
    assert all(event.user_id is None for event in left)
    assert receipt.removed["events"] + dropped + len(left) == 240
    told = store.receipt(receipt.erasure_id)
    assert told is not None
    assert told.dropped == dropped > 0


def test_two_who_erase_the_same_person_at_once_both_succeed(open_another):
    stores = [open_another() for _ in range(4)]
    live(stores[0], "ann", "v")
    with ThreadPoolExecutor(4) as threads:
        receipts = list(threads.map(lambda store: erase(store, "ann"), stores))
    assert sorted(receipt.removed["events"] for receipt in receipts) == [0, 0, 0, 3]
    assert len(stores[0].receipts()) == 4
    assert stores[0].person("ann") is None


ERASED = {
    "accesses",
    "answers",
    "consents",
    "decisions",
    "events",
    "impressions",
    "links",
    "people",
    "quarantine",
    "rulings",
    "scores",
    "timeline_parts",
    "timers",
}
"""Tables that hold people; a receipt counts what went from each."""

OF_NOBODY = {"api_keys", "erased", "erasures", "history_ids", "positions", "products", "rules"}


def test_of_every_table_it_is_said_whether_it_holds_people(store):
    """A new table goes into one of the two lists, and if it holds people, into `erasing.erase`."""
    assert set(schema.metadata.tables) == ERASED | OF_NOBODY
    assert set(erase(store, "ann").removed) == ERASED
