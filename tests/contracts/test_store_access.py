"""Keys and the access log, in every store: kept hashed, ended, counted once, forgotten."""

import threading

from serving.keys import hash_of, key_of, new_secret
from serving.scopes import Scope
from serving.store import Access
from tests.contracts.events import NOON, append, viewed


def key(name="site", *scopes, secret=None, **more):
    scopes = scopes or (Scope.WRITE,)
    return key_of(secret or new_secret(scopes), name, scopes, NOON, **more)


def access(customer_id, at=NOON, **more):
    fields = {"key_name": "crm", "scopes": ("read",), "method": "GET", "endpoint": "/v1/x"} | more
    return Access(at=at, customer_id=customer_id, **fields)


def test_a_key_is_kept_and_known_to_other_workers(store, open_another):
    first, second = key("site"), key("crm", Scope.READ, Scope.WRITE, ends_at=NOON + 5)
    assert store.put_key(first)
    assert store.put_key(second)
    assert open_another().api_keys() == [first, second]


def test_of_a_key_nothing_is_kept_that_opens_anything(store):
    secret = new_secret([Scope.ADMIN])
    store.put_key(key("ops", Scope.ADMIN, secret=secret))
    [kept] = store.api_keys()
    assert kept.hash == hash_of(secret)
    assert secret not in repr(kept) + str(vars(kept))


def test_a_key_is_kept_once(store):
    one = key()
    assert store.put_key(one)
    assert not store.put_key(one)
    assert store.api_keys() == [one]


def test_a_key_ends_when_it_is_told_and_never_later(store):
    one = key()
    store.put_key(one)
    assert store.end_key(one.key_id, NOON + 10)
    assert store.api_keys()[0].ends_at == NOON + 10
    store.end_key(one.key_id, NOON + 20)
    assert store.api_keys()[0].ends_at == NOON + 10
    store.end_key(one.key_id, NOON)
    assert store.api_keys()[0].ends_at == NOON


def test_a_key_that_does_not_exist_cannot_end(store):
    assert not store.end_key("nothing", NOON)


def test_of_several_that_start_at_once_one_makes_the_first_key(open_another):
    stores = [open_another() for _ in range(4)]
    made = []
    ready = threading.Barrier(len(stores))

    def start(store):
        ready.wait()
        made.append(store.put_key(key("development", Scope.ADMIN), only_first=True))

    threads = [threading.Thread(target=start, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False, False, False, True]
    assert len(stores[0].api_keys()) == 1


def test_who_asked_about_a_customer_is_found_under_any_of_their_ids(store):
    append(store, viewed("e1", user="ann", visitor="v1"))
    store.put_accesses(
        [access("ann"), access("bob", NOON + 1), access("anonymous:v1", NOON + 2), access(None)]
    )
    assert [a.customer_id for a in store.accesses(customer_id="ann")] == ["anonymous:v1", "ann"]
    by_visitor = store.accesses(customer_id="anonymous:v1")
    assert by_visitor == store.accesses(customer_id="ann")
    assert by_visitor[1] == access("ann")


def test_a_customer_who_is_asked_about_before_they_are_known_is_found_too(store):
    store.put_accesses([access("nobody")])
    assert store.accesses(customer_id="nobody") == [access("nobody")]


def test_the_access_log_is_read_page_by_page_newest_first(store):
    store.put_accesses([access(f"c{i}", NOON + i) for i in range(5)])
    newest = store.accesses(limit=2)
    assert [a.customer_id for a in newest] == ["c4", "c3"]
    older = store.accesses(before=newest[-1].sequence)
    assert [a.customer_id for a in older] == ["c2", "c1", "c0"]


def test_what_was_asked_about_erased_people_is_forgotten(store):
    store.put_accesses([access("ann"), access("anonymous:v1"), access("bob"), access(None)])
    assert store.forget_accesses(["ann", "anonymous:v1"]) == 2
    assert [a.customer_id for a in store.accesses()] == [None, "bob"]
    assert store.forget_accesses([]) == 0
