"""What product feeds say: told in order, known beside every customer, never taken back."""

from concurrent.futures import ThreadPoolExecutor

from features.catalog import Product
from features.columns import ProductId
from serving.store import ProductChange
from tests.contracts.events import NOON, append, viewed


def told(store, after=0):
    return [(fed.product.product_id, fed.product.price) for fed in store.fed(after)]


def test_a_feed_adds_products_and_changes_what_it_says(store):
    store.put_products([Product(ProductId("tea"), title="Tea", price=1.0, attributes={"a": 1})])
    assert store.fed(0) == []
    store.feed([ProductChange("tea", price=2.0, available=False), ProductChange("pot")], NOON)
    tea, pot = (fed.product for fed in store.fed(0))
    assert (tea.title, tea.price, tea.available, tea.attributes) == ("Tea", 2.0, False, {"a": 1})
    assert (pot.product_id, pot.first_seen_at, pot.available) == ("pot", NOON, True)
    assert store.product("tea") == tea


def test_the_last_change_of_a_product_holds_and_keeps_what_it_does_not_say(store):
    store.feed(
        [ProductChange("tea", price=1.0, title="Tea"), ProductChange("tea", price=2.0)], NOON
    )
    assert store.product("tea").title == "Tea"
    assert told(store) == [("tea", 2.0)]


def test_whoever_goes_on_from_the_last_feed_hears_only_what_is_new(store):
    store.feed([ProductChange("tea", price=1.0), ProductChange("pot", price=1.0)], NOON)
    last = store.fed(0)[-1].fed
    assert store.fed(last) == []
    store.feed([ProductChange("pot", price=2.0)], NOON)
    assert told(store, last) == [("pot", 2.0)]
    assert [product for product, _ in told(store)] == ["tea", "pot"]
    store.feed([], NOON)
    assert len({fed.fed for fed in store.fed(0)}) == 2


def test_every_customer_is_read_with_the_last_feed(store, open_another):
    append(store, viewed("e1", user="ann"))
    assert store.person("ann").told.fed == store.last_told().fed == 0
    open_another().feed([ProductChange("tea", price=1.0)], NOON)
    assert store.person("ann").told == store.last_told()
    assert store.last_told().fed == store.fed(0)[-1].fed > 0


def test_what_a_feed_said_is_not_undone_by_events(store):
    store.feed([ProductChange("tea", price=1.0, available=False)], NOON)
    append(store, viewed("e1", user="ann", product_id="tea"))
    assert (store.product("tea").price, store.product("tea").available) == (1.0, False)


def test_feeds_of_several_workers_are_all_heard_by_one_who_follows(open_another):
    reader, *writers = (open_another() for _ in range(4))
    heard, last = {}, 0

    def write(number):
        for turn in range(10):
            changes = [ProductChange(f"p{(number + i) % 5}", price=float(turn)) for i in range(3)]
            writers[number].feed([*changes, ProductChange(f"w{number}-{turn}")], NOON)

    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(write, number) for number in range(3)]
        while True:
            done = all(one.done() for one in working)
            for fed in reader.fed(last):
                assert fed.fed > last
                heard[fed.product.product_id] = fed.fed
            last = max(heard.values(), default=0)
            if done:
                break
    for one in working:
        one.result()
    assert {p for p in heard if p.startswith("w")} == {
        f"w{number}-{turn}" for number in range(3) for turn in range(10)
    }
    assert heard == {fed.product.product_id: fed.fed for fed in reader.fed(0)}
