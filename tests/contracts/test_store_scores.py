"""What was served, in every store: one a day for each person and version, gone with the person."""

import threading
from dataclasses import replace

from features.identity import RULINGS
from features.instants import DAY_MS
from serving.store import Score
from tests.contracts.erasing import erase, everything
from tests.contracts.events import MINUTE, NOON, append, viewed
from tests.contracts.test_store_erasure import ruled


def score(customer_id: str, at: int = NOON + 1, probability: float = 0.25, version: str = "7"):
    return Score(customer_id, version, at, 90, probability)


def test_what_was_served_is_told_under_any_of_a_persons_ids_oldest_first(store, open_another):
    append(store, viewed("e1", user="ann", visitor="v"), viewed("e2", user="ben"))
    later = score("ann", NOON + DAY_MS, 0.5)
    store.put_scores([later, score("ben"), score("ann")])
    for name in ("ann", "anonymous:v"):
        assert open_another().scores(name) == [score("ann"), later]
    assert store.scores("nobody") == []


def test_of_a_day_the_first_of_each_person_and_version_is_kept(store):
    append(store, viewed("e1", user="ann"))
    midnight = NOON // DAY_MS * DAY_MS
    kept = [
        score("ann", midnight, 0.1),
        score("ann", midnight, 0.2, version="8"),
        score("ann", midnight + DAY_MS, 0.3),
    ]
    store.put_scores([kept[0], score("ann", midnight + DAY_MS - 1, 0.9), kept[1]])
    store.put_scores([score("ann", midnight + 5, 0.9), kept[2]])
    assert store.scores_after(0, 100) == kept


def test_a_reader_goes_on_from_the_last_it_was_given(store):
    append(store, viewed("e1", user="ann"))
    assert store.scores_after(0, 5) == []
    served = [score("ann", NOON + day * DAY_MS) for day in range(5)]
    for one in served:
        store.put_scores([one])
    store.put_scores([])
    first = store.scores_after(0, 2)
    rest = store.scores_after(first[-1].sequence, 100)
    assert first + rest == served
    assert store.scores_after(rest[-1].sequence, 100) == []


def test_workers_that_write_at_once_keep_each_score_once_and_none_appears_behind(open_another):
    stores = [open_another() for _ in range(4)]
    names = [f"c{number}" for number in range(20)]
    append(stores[0], *(viewed(f"e{name}", user=name) for name in names))

    def write(store):
        for name in names:
            store.put_scores([score(name)])

    threads = [threading.Thread(target=write, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    followed, after = [], 0
    while any(thread.is_alive() for thread in threads) or stores[0].scores_after(after, 1):
        page = stores[0].scores_after(after, 3)
        followed += page
        after = page[-1].sequence if page else after
    assert sorted(one.customer_id for one in followed) == sorted(names)


def test_a_score_follows_its_identifier_through_merge_and_unmerge(store):
    append(store, viewed("e1", user="ann"), viewed("e2", user="ben"))
    store.put_scores([score("ann"), score("ben", NOON + 2)])
    append(store, ruled("r1", "ann", "ben"))
    assert store.scores("ann") == store.scores("ben") == [score("ann"), score("ben", NOON + 2)]
    append(store, ruled("r2", "ann", "ben", RULINGS[1], NOON + 1))
    assert (store.scores("ann"), store.scores("ben")) == ([score("ann")], [score("ben", NOON + 2)])


def test_an_erased_persons_scores_are_gone_under_every_id_and_others_stay(settings, store):
    append(store, viewed("e1", user="secret-ann", visitor="v"), viewed("e2", user="ben"))
    store.put_scores([score("secret-ann"), score("ben")])
    assert erase(store, "anonymous:v").removed["scores"] == 1
    assert store.scores_after(0, 100) == [score("ben")]
    assert "secret" not in everything(settings)


def test_what_was_served_before_an_erasure_and_comes_after_it_is_not_kept(store):
    append(store, viewed("e1", user="ann"))
    at = NOON + 60 * MINUTE
    erase(store, "ann", at)
    store.put_scores([score("ann")])
    again = replace(viewed("e2", user="ann"), timestamp=at + 5, received_at=at + 5)
    append(store, again)
    store.put_scores([score("ann"), score("ann", at + 1)])  # of the very instant of the erasure
    assert store.scores_after(0, 100) == []
    store.put_scores([score("ann", at + 6)])
    assert store.scores("ann") == [score("ann", at + 6)]


def test_aged_scores_go_portion_by_portion(store):
    append(store, viewed("e1", user="ann"))
    store.put_scores([score("ann", NOON + day * DAY_MS) for day in range(5)])
    before = NOON + 3 * DAY_MS
    assert [store.age_scores(before, limit=2) for _ in range(3)] == [2, 1, 0]
    assert [one.at for one in store.scores("ann")] == [before, before + DAY_MS]
