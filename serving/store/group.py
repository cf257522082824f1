"""Group commit: appends that wait at the same time become durable in one transaction."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from features.errors import StorageError
from serving.store.errors import UnavailableError
from serving.store.interface import Store
from serving.store.records import Incoming, Rejected

GROUP_EVENTS = 1_000
"""Events from which a group takes no further caller: the write lock is held some 100 ms then."""


@dataclass(frozen=True)
class _Caller:
    events: Sequence[Incoming]
    rejected: Sequence[Rejected]
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[None]"

    def __len__(self) -> int:
        return len(self.events) + len(self.rejected)


class GroupCommit:
    """Appends for many callers at once; one per worker process.

    While one transaction is being made durable, further callers gather for the next: one wait
    for the disk serves them all, and nobody waits for company when there is none.

    Arguments:
        store: where to; its `append` runs on a thread of this object's own.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[_Caller] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    async def append(self, events: Sequence[Incoming], rejected: Sequence[Rejected] = ()) -> None:
        """Store a caller's events and rejected messages; returns when they are durable.

        Raises:
            StorageError: nothing of this caller's was kept.
        """
        loop = asyncio.get_running_loop()
        caller = _Caller(events, rejected, loop, loop.create_future())
        with self._changed:
            if self._closed:
                raise UnavailableError("cannot store the events: the service is stopping")
            self._waiting.append(caller)
            self._changed.notify()
        await caller.answer

    def close(self) -> None:
        """Store what waits, then end; who comes later is refused."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next():
            answers = self._stored(group)
            for loop in {caller.loop for caller in group}:
                theirs = [
                    (caller, error)
                    for caller, error in zip(group, answers, strict=True)
                    if caller.loop is loop
                ]
                with suppress(RuntimeError):  # the loop has ended: nobody waits for the answer
                    loop.call_soon_threadsafe(_answer, theirs)

    def _next(self) -> list[_Caller]:
        """The callers of the next transaction, in order of arrival; none when closed."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            group: list[_Caller] = []
            size = 0
            while self._waiting and (not group or size + len(self._waiting[0]) <= GROUP_EVENTS):
                group.append(self._waiting.popleft())
                size += len(group[-1])
            return group

    def _stored(self, group: Sequence[_Caller]) -> list[StorageError | None]:
        """What each caller is told; None is success."""
        error = self._append(group)
        if error is None or isinstance(error, UnavailableError) or len(group) == 1:
            return [error] * len(group)
        return list(self._one_by_one(group))

    def _one_by_one(self, group: Sequence[_Caller]) -> Iterator[StorageError | None]:
        error: StorageError | None = None
        for caller in group:
            if not isinstance(error, UnavailableError):  # else the others need not wait for it too
                error = self._append([caller])
            yield error

    def _append(self, group: Sequence[_Caller]) -> StorageError | None:
        try:
            self._store.append(
                [incoming for caller in group for incoming in caller.events],
                [rejected for caller in group for rejected in caller.rejected],
            )
        except StorageError as error:
            return error
        except Exception as error:  # the thread must live on, and the caller must hear of it
            failed = StorageError(f"cannot store the events: {type(error).__name__}")
            failed.__cause__ = error
            return failed
        return None


def _answer(answers: Sequence[tuple[_Caller, StorageError | None]]) -> None:
    for caller, error in answers:
        if caller.answer.done():  # its task was cancelled meanwhile
            continue
        if error is None:
            caller.answer.set_result(None)
        else:
            caller.answer.set_exception(error)
