"""Several workers, or replicas, on one store: every event once, and all agree on everything."""

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from features.identity import Link
from serving.settings import ServingSettings
from serving.store import Incoming, Store, Timer, open_store
from tests.contracts.events import MINUTE, NOON, append, decision, ordered, viewed

WRITERS = 4


def at_once(works: Sequence[Callable[[], object]]) -> None:
    """Runs them at the same time, and raises what any of them raised."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        start.wait()
        work()

    with ThreadPoolExecutor(len(works)) as threads:
        for done in [threads.submit(run, work) for work in works]:
            done.result()


def busy_shop(writer: int, batches: int) -> list[list]:
    """Batches whose events, products and people overlap with those of the other writers."""
    rng = np.random.default_rng(writer)

    def event(number: int):
        user = f"user{number % 7}" if number % 3 else None
        visitor = f"visitor{number % 11}" if user is None or number % 2 else None
        at = {"timestamp": NOON + number, "received_at": NOON + number}
        if user and number % 5 == 0:
            return ordered(f"e{number}", user, f"p{number % 13}", f"p{number % 4}", **at)
        return viewed(f"e{number}", user=user, visitor=visitor, product_id=f"p{number % 17}", **at)

    return [[event(int(n)) for n in rng.integers(0, 400, 20)] for _ in range(batches)]


def write(settings: ServingSettings, writer: int, batches: int) -> int:
    """One process of its own: how many events were new."""
    store = open_store(settings)
    try:
        return sum(append(store, *batch).accepted for batch in busy_shop(writer, batches))
    finally:
        store.close()


def check(store: Store, accepted: int, written: Sequence[list[list]]) -> None:
    """The store holds each event once, and rows, numbers and counts agree with the events."""
    events = {e.event_id: e for batches in written for batch in batches for e in batch}
    stored = store.events_after(0, 10_000)
    assert sorted(s.event.event_id for s in stored) == sorted(events)
    assert accepted == len(events)
    assert len({s.sequence for s in stored}) == len(stored)

    products = [product.product_id for product in store.products()]
    named = {i for e in events.values() for i in (e.product_id, *lines_of(e)) if i}
    assert sorted(products) == sorted(named)

    bought = {i: sum(i in lines_of(e) for e in events.values()) for i in named}
    ranks = [bought[products[number]] for number in store.popular(len(products))]
    assert ranks == sorted(bought.values(), reverse=True)

    customers = {e.user_id or f"anonymous:{e.anonymous_id}" for e in events.values()}
    people = {id_: store.person(id_) for id_ in customers}
    assert sum(
        len(p.timeline) for p in {p.customer_id: p for p in people.values()}.values()
    ) == sum(1 + len(e.products or ()) for e in events.values())
    for e in events.values():
        timeline = people[e.user_id or f"anonymous:{e.anonymous_id}"].timeline
        rows = (timeline.at == e.timestamp) & (timeline.type == e.type)
        assert rows.sum() == 1
        if e.product_id:
            assert [products[i] for i in timeline.product[rows]] == [e.product_id]


def lines_of(event) -> set[str]:
    return {line.product_id for line in event.products or ()}


def test_replicas_that_write_the_same_at_the_same_time_count_it_once(open_another):
    stores = [open_another() for _ in range(WRITERS)]
    written = [busy_shop(writer, 12) for writer in range(WRITERS)]
    accepted = [0] * WRITERS

    def work(writer: int) -> None:
        for batch in written[writer]:
            accepted[writer] += append(stores[writer], *batch).accepted

    at_once([lambda w=writer: work(w) for writer in range(WRITERS)])
    check(stores[0], sum(accepted), written)


def test_processes_that_write_the_same_at_the_same_time_count_it_once(settings, store):
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(2) as pool:
        accepted = sum(pool.starmap(write, [(settings, writer, 20) for writer in range(2)]))
    check(store, accepted, [busy_shop(writer, 20) for writer in range(2)])


def test_a_reader_who_follows_the_sequence_misses_no_event_of_any_writer(open_another):
    stores = [open_another() for _ in range(WRITERS)]
    reader = open_another()
    written = threading.Event()
    seen: list[str] = []

    def work(writer: int) -> None:
        for i in range(30):
            append(stores[writer], *(viewed(f"w{writer}-{i}-{j}", user=f"u{i}") for j in range(2)))

    def follow() -> None:
        last, ended = 0, False
        while not ended:
            ended = written.is_set()
            while page := reader.events_after(last, 7):
                seen.extend(stored.event.event_id for stored in page)
                last = page[-1].sequence

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        at_once([lambda w=writer: work(w) for writer in range(WRITERS)])
    finally:
        written.set()
        follower.join()
    assert len(seen) == len(set(seen)) == WRITERS * 30 * 2


def test_the_dictionary_of_products_grows_at_its_end_only(open_another):
    stores = [open_another() for _ in range(WRITERS)]
    reader = open_another()
    known: list[str] = []

    def work(writer: int) -> None:
        for i in range(20):
            names = [f"p{i}", f"w{writer}-{i}"]
            append(
                stores[writer], *(viewed(f"{writer}{n}", user="ann", product_id=n) for n in names)
            )

    def learn() -> None:
        while len(known) < 20 + WRITERS * 20:
            known.extend(product.product_id for product in reader.products(len(known)))

    at_once([learn, *(lambda w=writer: work(w) for writer in range(WRITERS))])
    assert known == [product.product_id for product in reader.products()]
    assert len(set(known)) == len(known)


def test_links_that_are_told_at_the_same_time_settle_as_if_told_in_turn(open_another):
    stores = [open_another() for _ in range(WRITERS)]
    visitors = [f"v{i}" for i in range(30)]
    for visitor in visitors:
        append(stores[0], viewed(f"e-{visitor}", visitor=visitor))

    def work(writer: int) -> None:
        # every second visitor is claimed by one user only, the others by all of them
        for i, visitor in enumerate(visitors):
            user = "shared" if i % 2 else f"user{writer}"
            stores[writer].put_links([Link(user, f"anonymous:{visitor}", NOON + writer)])

    at_once([lambda w=writer: work(w) for writer in range(WRITERS)])
    for i, visitor in enumerate(visitors):
        person = stores[0].person(f"anonymous:{visitor}")
        assert person.customer_id == ("shared" if i % 2 else f"anonymous:{visitor}")


def test_a_due_timer_is_claimed_by_one_worker_only(open_another):
    stores = [open_another() for _ in range(WRITERS)]
    timer = Timer("stalled_checkout", NOON, NOON)
    for i in range(40):
        stores[0].append([Incoming(viewed(f"e{i}", user=f"u{i}"), timers=(timer,))])
    claimed: list[str] = []

    def work(writer: int) -> None:
        for _ in range(20):
            due = stores[writer].claim(NOON, until=NOON + MINUTE, limit=3)
            claimed.extend(d.customer_id for d in due)

    at_once([lambda w=writer: work(w) for writer in range(WRITERS)])
    assert sorted(claimed) == sorted(f"u{i}" for i in range(40))


def test_a_decision_and_an_event_at_the_same_time_are_told_apart(open_another):
    one, other = open_another(), open_another()
    for i in range(25):
        timer = Timer("stalled_checkout", NOON, NOON)
        one.append([Incoming(viewed(f"e{i}", user=f"u{i}", visitor=f"v{i}"), timers=(timer,))])
        [due] = one.claim(NOON, until=NOON + MINUTE)
        version = one.person(f"u{i}").version
        settled: list[bool] = []
        at_once(
            [
                lambda d=due, v=version, n=i, s=settled: s.append(
                    one.settle(d, decision(f"d{n}", d.customer_id), version=v)
                ),
                lambda n=i: append(other, viewed(f"f{n}", visitor=f"v{n}")),
            ]
        )
        assert settled == [bool(one.decisions(f"u{i}"))]
        assert len(one.person(f"u{i}").timeline) == 2
        if not settled[0]:
            assert one.settle(
                one.claim(NOON, until=NOON + MINUTE)[0], None, version=one.person(f"u{i}").version
            )
