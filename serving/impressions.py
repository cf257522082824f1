"""Lists that were shown: to the store a moment later; see `serving.buffer`.

They stand outside the timelines: what we showed is nothing that a customer did.
"""

from collections.abc import Sequence
from typing import ClassVar

from serving.buffer import Buffer
from serving.store import Impression, Store


class ImpressionLog(Buffer[Impression]):
    """Collects lists and writes them.

    Arguments:
        store: where to.
    """

    what = "lists that were shown"
    kept: ClassVar[int] = 20_000  # of ten products or so each: some thirty megabytes

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def add(self, impression: Impression) -> None:
        """Say what was shown."""
        self._add(impression)

    def _put(self, entries: Sequence[Impression]) -> None:
        self._store.put_impressions(entries)
