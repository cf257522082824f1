"""What is past its time goes portion by portion, and is not taken anew."""

from tests.contracts.events import NOON, append, ordered, viewed


def test_aged_events_go_portion_by_portion_and_their_retries_are_known(store):
    old = [viewed(f"e{n}", user="ann", timestamp=NOON + n) for n in range(5)]
    append(store, *old, ordered("o1", "ann", "tea"))
    cutoffs = {old[0].type: NOON + 3}
    assert [store.age_events(cutoffs, limit=2) for _ in range(3)] == [2, 1, 0]
    assert {s.event.event_id for s in store.events()} == {"e3", "e4", "o1"}
    assert append(store, *old).duplicates == 5
    ann = store.person("ann")
    assert ann is not None
    assert len(ann.timeline) == 7
    assert store.age_events({}, limit=2) == 0


def test_aged_rows_go_person_by_person(store):
    for user in ("ann", "ben", "cid"):
        append(store, *(viewed(f"{user}{n}", user=user, timestamp=NOON + n) for n in range(3)))
        append(store, ordered(f"o{user}", user, "tea"))
    cutoffs = {viewed("x", user="x").type: NOON + 2}
    after, gone = store.age_rows(cutoffs, after=-1, limit=2)
    assert (after is not None, gone) == (True, 4)
    assert store.age_rows(cutoffs, after=after, limit=2) == (None, 2)
    for user in ("ann", "ben", "cid"):
        person = store.person(user)
        assert person is not None
        assert person.timeline.at.tolist() == [NOON, NOON, NOON + 2]
    append(store, viewed("later", user="ann"))
