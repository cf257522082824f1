"""The lists that were shown, in every store: each once, gone with the person."""

from dataclasses import replace

from serving.store import Impression
from tests.contracts.erasing import erase, everything
from tests.contracts.events import MINUTE, NOON, append, viewed

ITEMS = (("tea", 0.25, 0.9), ("pot", 0.125, 1.0))


def shown(number: int, customer_id: str | None = "ann", at: int = NOON + 1) -> Impression:
    return Impression(f"rec_{number}", customer_id, at, "home", "7", ITEMS)


def test_what_was_shown_is_told_under_any_of_a_persons_ids_oldest_first(store, open_another):
    append(store, viewed("e1", user="ann", visitor="v"), viewed("e2", user="ben"))
    later, to_nobody = shown(2, at=NOON + 9), replace(shown(4, None), version=None, items=())
    store.put_impressions([later, shown(1), shown(3, "ben"), to_nobody])
    for name in ("ann", "anonymous:v"):
        assert open_another().impressions(name) == [shown(1), later]
    assert store.impressions("nobody") == []
    assert store.impressions_after(0, 9) == [later, shown(1), shown(3, "ben"), to_nobody]


def test_each_list_is_kept_once_and_a_reader_goes_on_from_the_last(store):
    append(store, viewed("e1", user="ann"))
    store.put_impressions([shown(1), shown(1), shown(2)])
    store.put_impressions([shown(2), shown(3)])
    store.put_impressions([])
    first = store.impressions_after(0, 2)
    rest = store.impressions_after(first[-1].sequence, 9)
    assert first + rest == [shown(1), shown(2), shown(3)]
    assert store.impressions_after(rest[-1].sequence, 9) == []


def test_nothing_of_an_erased_person_is_left_or_comes_back_and_others_stay(settings, store):
    append(store, viewed("e1", user="secret-ann", visitor="v"), viewed("e2", user="ben"))
    others = [shown(2, "ben"), shown(3, None)]
    store.put_impressions([shown(1, "secret-ann"), *others])
    at = NOON + 60 * MINUTE
    assert erase(store, "anonymous:v", at).removed["impressions"] == 1
    store.put_impressions([shown(1, "secret-ann")])
    again = replace(viewed("e3", user="secret-ann"), timestamp=at + 5, received_at=at + 5)
    assert store.impressions_after(0, 9) == others
    assert "secret" not in everything(settings)
    append(store, again)
    store.put_impressions([shown(4, "secret-ann", at + 1), shown(5, "secret-ann", at + 6)])
    assert store.impressions("secret-ann") == [shown(5, "secret-ann", at + 6)]


def test_aged_lists_go_portion_by_portion(store):
    store.put_impressions([shown(day, None, NOON + day) for day in range(5)])
    assert [store.age_impressions(NOON + 3, limit=2) for _ in range(3)] == [2, 1, 0]
    assert [one.at for one in store.impressions_after(0, 9)] == [NOON + 3, NOON + 4]
