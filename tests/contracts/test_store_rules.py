"""The rules of the shelf, in every store: one of a name, known to all at once, never half."""

import threading

import pytest

from features.errors import InputError
from serving.store import KeptRule
from tests.contracts.events import NOON, append, viewed


def rule(name: str, at: int = NOON, by: str = "shop", **said) -> KeptRule:
    return KeptRule(name, {"name": name, **said}, at, by)


def kept(store):
    return (store.rules() or (0, []))[1]


def test_there_are_none_at_first_and_rules_are_listed_by_name(store, open_another):
    assert store.rules() is None
    other, first = rule("b", NOON + 5, "anna", action="pin", ids=["é", 'it\'s "q"']), rule("a")
    store.put_rule(other)
    store.put_rule(first)
    assert kept(open_another()) == [first, other]


def test_a_rule_takes_the_place_of_the_one_of_its_name(store):
    store.put_rule(rule("a", strength=1))
    store.put_rule(rule("a", NOON + 9, "ben", strength=2))
    assert kept(store) == [rule("a", NOON + 9, "ben", strength=2)]


def test_a_rule_that_is_let_go_is_gone_and_may_come_back(store):
    store.put_rule(rule("a"))
    assert not store.end_rule("b", at=NOON, by="ben")
    assert store.end_rule("a", at=NOON, by="ben")
    assert not store.end_rule("a", at=NOON, by="ben")
    assert kept(store) == []
    store.put_rule(rule("a", NOON + 1))
    assert kept(store) == [rule("a", NOON + 1)]


def test_whoever_looks_again_is_told_only_when_something_changed(store, open_another):
    append(store, viewed("e1", user="ann"))
    seen = 0
    for change in (
        lambda: open_another().put_rule(rule("a")),
        lambda: open_another().put_rule(rule("a", strength=2)),
        lambda: open_another().end_rule("a", at=NOON, by="ben"),
    ):
        assert store.rules(seen) is None
        change()
        assert store.person("ann").told == store.last_told()
        last, _ = store.rules(seen)
        assert store.last_told().ruled == last > seen
        seen = last
    assert store.rules(seen) is None


def test_a_rule_that_does_not_agree_with_the_others_is_not_kept(store):
    store.put_rule(rule("a"))

    def refuse(others):
        raise InputError(f"not beside {[other.name for other in others]}")

    for name, others in (("b", r"\['a'\]"), ("a", r"\[\]")):
        with pytest.raises(InputError, match=others):
            store.put_rule(rule(name, strength=9), refuse)
    assert kept(store) == [rule("a")]


def test_of_rules_that_come_at_once_each_sees_those_before_it(open_another):
    stores = [open_another() for _ in range(4)]
    refused = []

    def alone(others):
        if others:
            raise InputError("there is one already")

    def put(number):
        try:
            stores[number].put_rule(rule(f"r{number}"), alone)
        except InputError:
            refused.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept(stores[0])) == 1
    assert len(refused) == 3
