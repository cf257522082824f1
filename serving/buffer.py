"""What may be written a moment later: kept in memory, then in the store, many at once.

An answer must not wait for such a write, so that what was added in the last moments before a crash
is lost; a service that is stopped in good order writes everything.
"""

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

import structlog

from features.errors import StorageError

log = structlog.get_logger()

T = TypeVar("T")

AT_ONCE = 1_000
"""Entries in one transaction, so that events wait milliseconds for it at most."""


class Buffer(ABC, Generic[T]):
    """Collects entries and writes them, in their order."""

    what: ClassVar[str]
    """The entries are, in words, for the log."""

    kept: ClassVar[int] = 100_000
    """Entries that wait for a store that does not answer; then the oldest are lost, and counted."""

    def __init__(self) -> None:
        self._waiting: deque[T] = deque()
        self._writing = threading.Lock()
        self._lost = 0

    @abstractmethod
    def _put(self, entries: Sequence[T]) -> None:
        """Write some, or raise StorageError."""

    def _add(self, entry: T) -> None:
        """Write this with the next ones; from one thread."""
        if len(self._waiting) >= self.kept:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(entry)

    def flush(self) -> None:
        """Write what waits; what the store refuses goes on waiting.

        Raises:
            StorageError: the store refused.
        """
        with self._writing:
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
                try:
                    self._put(some)
                except StorageError:
                    self._waiting.extendleft(reversed(some))
                    raise
        self._tell_lost()

    def close(self) -> None:
        """Write what waits, as far as the store lets us."""
        try:
            self.flush()
        except Exception as error:  # whatever it is: others are still to be closed
            log.error(f"{self.what} cannot be written", exc_info=error)
            self._lost += len(self._waiting)
            self._tell_lost()

    def _tell_lost(self) -> None:
        if self._lost:
            log.error(f"{self.what} are lost", entries=self._lost)
            self._lost = 0
