"""Group commit: many callers, few transactions, and nobody pays for another's mistake."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from features.errors import StorageError
from serving.store import Appended, GroupCommit, Incoming, Rejected
from serving.store.errors import UnavailableError
from tests.contracts.events import NOON, viewed


class Gate:
    """A store whose appends wait at a gate and are counted."""

    def __init__(self, store) -> None:
        self._store = store
        self.open = threading.Event()
        self.entered = threading.Event()
        self.calls: list[int] = []
        self.unavailable = False

    def append(self, events: Sequence[Incoming], rejected: Sequence[Rejected] = ()) -> Appended:
        self.calls.append(len(events))
        self.entered.set()
        self.open.wait()
        if self.unavailable:
            raise UnavailableError("cannot store the events: gone")
        return self._store.append(events, rejected)


@pytest.fixture
def gate(store):
    return Gate(store)


@pytest.fixture
def group(gate):
    out = GroupCommit(gate)
    yield out
    gate.open.set()
    out.close()


async def gathered(gate: Gate, group: GroupCommit, *batches: Sequence[Incoming]) -> list[object]:
    """The first batch is being stored while all others arrive."""
    loop = asyncio.get_running_loop()
    first = asyncio.create_task(group.append(batches[0]))
    await loop.run_in_executor(None, gate.entered.wait)
    others = [asyncio.create_task(group.append(batch)) for batch in batches[1:]]
    await asyncio.sleep(0)  # each others' append has queued
    gate.open.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


def one(event_id: str, **more) -> list[Incoming]:
    return [Incoming(viewed(event_id, user="ann", **more))]


def test_those_who_wait_at_the_same_time_are_stored_together(gate, group, store):
    batches = [one(f"e{i}") for i in range(10)]
    assert asyncio.run(gathered(gate, group, *batches)) == [None] * 10
    assert gate.calls == [1, 9]
    assert len(store.person("ann").timeline) == 10


def test_one_bad_caller_fails_alone(gate, group, store):
    broken = [Incoming(replace(viewed("bad", user="ann"), name=None))]
    answers = asyncio.run(gathered(gate, group, one("e0"), one("e1"), broken, one("e2")))
    assert [type(answer) for answer in answers] == [
        type(None),
        type(None),
        StorageError,
        type(None),
    ]
    assert store.known_ids(["e0", "e1", "bad", "e2"]) == {"e0", "e1", "e2"}


def test_a_database_that_is_gone_is_not_asked_for_each_caller(gate, group):
    gate.unavailable = True
    answers = asyncio.run(gathered(gate, group, *(one(f"e{i}") for i in range(10))))
    assert all(isinstance(answer, UnavailableError) for answer in answers)
    assert len(gate.calls) == 2


def test_the_same_event_from_two_callers_counts_once(gate, group, store):
    asyncio.run(gathered(gate, group, one("e0"), one("e1"), one("e1")))
    assert len(store.person("ann").timeline) == 2


def test_a_caller_who_goes_away_takes_nobody_along(gate, group, store):
    async def leave() -> None:
        gone = asyncio.create_task(group.append(one("e1")))
        await asyncio.get_running_loop().run_in_executor(None, gate.entered.wait)
        stays = asyncio.create_task(group.append(one("e2")))
        await asyncio.sleep(0)
        gone.cancel()
        gate.open.set()
        await stays

    asyncio.run(leave())
    assert store.known_ids(["e1", "e2"]) == {"e1", "e2"}


def test_who_waits_at_the_end_is_stored_and_who_comes_later_refused(gate, group, store):
    async def end() -> None:
        waits = asyncio.create_task(group.append(one("e1"), [Rejected("m", NOON, "c", "r", "{}")]))
        await asyncio.sleep(0)
        gate.open.set()
        await asyncio.get_running_loop().run_in_executor(None, group.close)
        await waits
        with pytest.raises(StorageError, match="stopping"):
            await group.append(one("e2"))

    asyncio.run(end())
    assert store.known_ids(["e1", "e2"]) == {"e1"}
    assert len(store.quarantined()) == 1
