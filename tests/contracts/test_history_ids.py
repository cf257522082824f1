"""An id that a load and a client bring at the same time is counted for one of them."""

import threading

from serving.store import Incoming
from tests.contracts.events import viewed

IDS = [f"e{i}" for i in range(400)]


def test_of_a_load_and_a_client_at_the_same_time_exactly_one_counts(open_another) -> None:
    by_client, by_load = open_another(), open_another()
    own: set[str] = set()

    def load() -> None:
        for begin in range(0, len(IDS), 10):
            own.update(by_load.put_history_ids(IDS[begin : begin + 10]))

    loading = threading.Thread(target=load)
    loading.start()
    for begin in range(0, len(IDS), 4):
        events = [viewed(event_id, user="ann") for event_id in IDS[begin : begin + 4]]
        by_client.append([Incoming(event) for event in events])
    loading.join()
    stored = {stored.event.event_id for stored in by_client.events_after(0, len(IDS))}
    assert own == stored
    assert by_client.known_ids(IDS) == set(IDS)


def test_own_ids_are_given_back_and_stay_own(store) -> None:
    store.append([Incoming(viewed("e1", user="ann"))])
    assert store.put_history_ids(["e1", "e2"]) == {"e1"}
    assert store.put_history_ids(["e1", "e2"]) == {"e1"}
    assert store.append([Incoming(viewed("e2", user="ann"))]).duplicates == 1
