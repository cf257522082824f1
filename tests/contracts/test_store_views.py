"""A customer together with what was decided for them."""

from dataclasses import replace

from tests.contracts.events import NOON, append, decision, ordered, viewed


def same(one, other):
    """Whether two reads tell the same of a person; arrays are compared by their bytes."""
    told = [
        (p.customer_id, p.identifiers, p.version, p.told, p.timeline.to_bytes())
        for p in (one, other)
    ]
    return told[0] == told[1]


def test_the_customer_is_the_one_that_is_read_alone(store):
    append(store, viewed("e1", visitor="v"), ordered("o1", "ann", "tea", "pot"))
    append(store, viewed("e2", user="ann", visitor="v"))
    for asked in ("ann", "anonymous:v"):
        person, decisions = store.decided(asked, 10)
        assert same(person, store.person(asked))
        assert decisions == []


def test_decisions_come_newest_first_under_every_id_and_only_so_many(store):
    append(store, viewed("e1", user="ann", visitor="v"), viewed("e2", user="bob"))
    store.record(decision("d1", at=NOON))
    store.record(decision("d2", customer="anonymous:v", at=NOON + 5, details={"offer_id": "x"}))
    store.record(decision("d3", at=NOON + 5, channel=None, model_version=None, arm="a"))
    store.record(decision("d4", customer="bob"))
    _, decisions = store.decided("anonymous:v", 10)
    assert decisions == store.decisions("ann")
    assert [d.decision_id for d in decisions] == ["d3", "d2", "d1"]
    assert [d.decision_id for d in store.decided("ann", 2)[1]] == ["d3", "d2"]


def test_a_long_timeline_keeps_its_order_beside_decisions(store):
    event = viewed("e", user="ann")
    append(store, *(replace(event, event_id=f"e{i}", timestamp=NOON + i) for i in range(400)))
    for i in range(20):
        store.record(decision(f"d{i}", at=NOON + i))
    person, decisions = store.decided("ann", 50)
    assert same(person, store.person("ann"))
    assert len(person.timeline) == 400
    assert [d.at for d in decisions] == [NOON + i for i in reversed(range(20))]


def test_nobody_known_has_no_decisions_either(store):
    store.record(decision("d1", customer="nobody"))
    assert store.decided("nobody", 10) == (None, [])
