"""How fast one key may write: a bucket of tokens for each, in this process."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from features.errors import RegularsError, StorageError


class TooManyEventsError(RegularsError):
    """A key wrote faster than it may.

    Arguments:
        seconds: after which the next request is taken.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"too many events for this key; send them again after {seconds} s, "
            "or have REGULARS_WRITE_EVENTS_PER_SECOND raised"
        )
        self.seconds = seconds


@dataclass
class _Bucket:
    tokens: float
    at: int


class RateLimit:
    """One bucket per key, filled evenly.

    A request is taken as long as its bucket is not empty, however many events it brings, and the
    next ones wait until that is paid back: a batch can be larger than the bucket.

    Arguments:
        per_second: events; 0 limits nothing.
        burst: events that may come at once after a pause.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = max(float(burst), 1.0)
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: str, events: int, now: int) -> None:
        """Take a request of so many events.

        Arguments:
            key: whose; only keys that were accepted, so that there are few.
            events: how many.
            now: the present instant.

        Raises:
            TooManyEventsError: the key has to wait.
        """
        if not self._per_second:
            return
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
        passed = max(now - bucket.at, 0) / 1000
        bucket.tokens = min(bucket.tokens + passed * self._per_second, self._burst)
        bucket.at = now
        if bucket.tokens <= 0:
            wait = (-bucket.tokens + 1) / self._per_second
            raise TooManyEventsError(max(math.ceil(wait), 1))
        bucket.tokens -= events

    @contextmanager
    def taken(self, key: str, events: int, now: int) -> Iterator[None]:
        """Take a request, and give back what it took when the store refuses it.

        Raises:
            TooManyEventsError: the key has to wait.
        """
        self.take(key, events, now)
        try:
            yield
        except StorageError:
            if self._per_second:
                self._buckets[key].tokens += events
            raise
