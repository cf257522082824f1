"""kill -9 at random moments under load: what was acknowledged is there, once and whole.

    python -m tests.crash --rounds 50
    python -m tests.crash --rounds 50 --store postgresql

It kills processes, not the machine: that a commit outlives a power cut is the database's doing
(`synchronous=FULL`, PostgreSQL's defaults), and not tested here.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from features.events.event import Event
from features.events.validation import rows
from serving.settings import ServingSettings
from serving.store import Store, open_store
from tests.forked_service import ForkedService
from tests.keys import BEARER
from tests.postgres import Postgres

CLIENTS = 4
BAD = "Points Earned"
"""Sent without what it requires, so that it is put aside."""

FAR = 4_000_000_000_000
"""An instant after all timers."""


@dataclass
class Batch:
    """One request; `answer` is None as long as nobody knows what became of it."""

    messages: list[dict[str, object]]
    answer: int | None = None

    @property
    def ids(self) -> list[str]:
        """The event ids of its good messages; an order's is made of its number."""
        return [
            f"order:{m['messageId']}" if m["event"] == "Order Completed" else str(m["messageId"])
            for m in self.messages
            if m["event"] != BAD
        ]

    @property
    def bad(self) -> list[str]:
        return [str(m["messageId"]) for m in self.messages if m["event"] == BAD]


@dataclass
class Figures:
    """What the rounds showed."""

    rounds: int = 0
    acknowledged: int = 0
    in_doubt: int = 0
    """Batches that were never answered…"""
    in_doubt_kept: int = 0
    """…and of these, those that the store has whole."""
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds in {self.seconds:.0f} s: {self.acknowledged:,} events "
            f"acknowledged, each stored once and whole; {self.in_doubt} batches were cut off, "
            f"{self.in_doubt_kept} of them stored whole, the rest not at all; "
            f"{len(self.failures)} failures"
        )


def crash(settings: dict[str, str], log: Path, *, rounds: int, seed: int, workers: int) -> Figures:
    """Run the rounds on one store, which is not emptied between them."""
    figures = Figures()
    began = time.monotonic()
    store = open_store(_settings(settings))
    with closing(store), ForkedService(settings, log, workers=workers) as service:
        for number in range(rounds):
            rng = random.Random(seed * 1_000 + number)
            start = max((stored.sequence for stored in store.events(limit=1)), default=0)
            batches = _load_and_kill(service, rng, f"r{seed}-{number}")
            service.start()
            found = f"seed {seed} round {number}: "
            figures.failures += [found + f for f in failures(store, start, batches)]
            cut_off = [batch for batch in batches if batch.answer is None]
            stored = {s.event.event_id for s in _since(store, start)}
            figures.rounds += 1
            figures.acknowledged += sum(len(b.ids) for b in batches if b.answer == 200)
            figures.in_doubt += len(cut_off)
            figures.in_doubt_kept += sum(set(b.ids) <= stored for b in cut_off)
            # a client sends again what was not answered: it must count once
            again = _Client(service.port)
            with closing(again.connection):
                for batch in cut_off:
                    batch.answer = again.send(batch.messages)
            figures.failures += [found + f"again, {f}" for f in failures(store, start, batches)]
    figures.seconds = time.monotonic() - began
    return figures


def failures(store: Store, start: int, batches: Sequence[Batch]) -> list[str]:
    """What is wrong with the events stored after `start`, given what was sent and answered."""
    events = [stored.event for stored in _since(store, start)]
    times = Counter(event.event_id for event in events)
    out = [f"{i} stored {n} times" for i, n in times.items() if n > 1]
    sent = {i for batch in batches for i in batch.ids}
    out += [f"{i} stored but never sent" for i in times.keys() - sent]
    aside = _aside(store)
    for batch in batches:
        kept = sum(i in times for i in batch.ids)
        if batch.answer == 200:
            out += [f"{i} acknowledged but lost" for i in batch.ids if i not in times]
            out += [f"{i} put aside but lost" for i in batch.bad if i not in aside]
        elif 0 < kept < len(batch.ids):
            out.append(f"{kept} of a batch's {len(batch.ids)} events stored")
    return out + list(_partial(store, events))


def _partial(store: Store, events: Sequence[Event]) -> Iterator[str]:
    """Customers whose rows, statements or timers are not those of their events."""
    numbers = {product.product_id: i for i, product in enumerate(store.products())}
    if len(numbers) != len(store.products()):
        yield "a product is numbered twice"
    under: dict[str, list[Event]] = {}
    for event in events:
        under.setdefault(event.customer_id, []).append(event)
    waked = {due.customer_id for due in store.claim(FAR, until=FAR, limit=1_000_000)}
    for customer, theirs in under.items():
        person = store.person(customer)
        if person is None:
            yield f"{customer} has events and is unknown"
            continue
        everything = [event for i in person.identifiers for event in under.get(i, [])]
        if not _same(person.timeline.rows(), [rows(event, numbers) for event in everything]):
            yield f"{customer} has {len(person.timeline)} rows of {len(everything)} events"
        said = {e.event_id for e in everything if e.name == "Consent Changed"}
        if {consent.event_id for consent in store.consents(customer)} != said:
            yield f"{customer}'s statements are not those of their events"
        started = any(event.name == "Checkout Started" for event in theirs)
        if started != (customer in waked):
            yield f"{customer}'s timer is not that of their events"


def _same(stored: np.ndarray, expected: Sequence[np.ndarray]) -> bool:
    """Whether two sets of rows are equal, but for since when they are known."""
    compared = [
        np.sort(
            np.rec.fromarrays([np.nan_to_num(part[name], nan=-1) for name in _COMPARED])
        ).tolist()
        for part in (stored, np.concatenate(expected))
    ]
    return compared[0] == compared[1]


_COMPARED = ("at", "value", "quantity", "measure", "product", "type", "channel")


def _since(store: Store, sequence: int) -> Iterator:
    while page := store.events_after(sequence, 10_000):
        yield from page
        sequence = page[-1].sequence


def _aside(store: Store) -> set[str]:
    return {rejected.message_id for rejected in store.quarantined(limit=1_000_000)}


def _load_and_kill(service: ForkedService, rng: random.Random, name: str) -> list[Batch]:
    """Send from several clients until the service is killed at a random moment."""
    clients = [
        _Client(service.port, random.Random(rng.random()), f"{name}-{i}") for i in range(CLIENTS)
    ]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    clients[rng.randrange(CLIENTS)].acknowledged.wait(30)
    threading.Event().wait(rng.uniform(0.0, 0.4))  # nothing happens: this is the random moment
    service.kill()
    for thread in threads:
        thread.join()
    return [batch for client in clients for batch in client.batches]


class _Client:
    """Sends batches as fast as they are answered, until nobody answers any more."""

    def __init__(self, port: int, rng: random.Random | None = None, name: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._rng = rng or random.Random(0)
        self._name = name
        self.batches: list[Batch] = []
        self.acknowledged = threading.Event()

    def run(self) -> None:
        with closing(self.connection):
            while True:
                batch = Batch(list(messages(self._rng, self._name, self._rng.randint(1, 40))))
                self.batches.append(batch)
                try:
                    batch.answer = self.send(batch.messages)
                except (OSError, http.client.HTTPException):
                    return
                self.acknowledged.set()

    def send(self, messages: Iterable[dict[str, object]]) -> int:
        body = json.dumps({"batch": list(messages)})
        self.connection.request(
            "POST", "/v1/batch", body, BEARER | {"Content-Type": "application/json"}
        )
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


def messages(rng: random.Random, name: str, count: int) -> Iterator[dict[str, object]]:
    """Events of a shop's customers, some of them wrong; `name` is the round's and the client's."""
    everyone = name.rpartition("-")[0]
    for _ in range(count):
        message_id = f"{name}-{rng.getrandbits(64):x}"
        # names are shared by the clients of a round, so that transactions meet
        customer = f"{everyone}-c{rng.randrange(30)}"
        products = [f"{everyone}-p{rng.randrange(50)}" for _ in range(3)]
        event = rng.choice([*_EVENTS, "Product Viewed", "Product Viewed", "Product Viewed"])
        yield {
            "type": "track",
            "event": event,
            "messageId": message_id,
            "properties": _EVENTS[event](message_id, products),
            **rng.choice(
                [
                    {"userId": customer},
                    {"anonymousId": f"{customer}-at-home"},
                    {"userId": customer, "anonymousId": f"{customer}-at-home"},
                ]
            ),
        }


_EVENTS: dict[str, Callable[[str, list[str]], dict[str, object]]] = {
    "Product Viewed": lambda _, products: {"product_id": products[0]},
    "Order Completed": lambda message_id, products: {
        "order_id": message_id,
        "products": [{"product_id": p, "quantity": 2, "price": 2.5} for p in products],
    },
    "Checkout Started": lambda *_: {},
    "Consent Changed": lambda *_: {"purpose": "marketing", "status": "granted"},
    BAD: lambda *_: {},
}


def _settings(settings: dict[str, str]) -> ServingSettings:
    known = {name.removeprefix("REGULARS_").lower(): value for name, value in settings.items()}
    return ServingSettings(**known)


def main() -> None:
    """Run the rounds and print what they showed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = ""
        if given.store == "postgresql":
            address = stack.enter_context(Postgres(settings={})).database()
        settings = {"REGULARS_DATA": str(folder), "REGULARS_STORE": address}
        rounds, seed, workers = given.rounds, given.seed, given.workers
        figures = crash(settings, folder / "log", rounds=rounds, seed=seed, workers=workers)
    for failure in figures.failures:
        print(failure)  # noqa: T201
    print(f"{given.store}, {workers} workers, seed {seed}: {figures}")  # noqa: T201
    sys.exit(bool(figures.failures))


if __name__ == "__main__":
    main()
