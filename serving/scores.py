"""Scores that were answered: to the store a moment later; see `serving.buffer`."""

from collections.abc import Sequence

from serving.buffer import Buffer
from serving.store import Score, Store


class ScoreLog(Buffer[Score]):
    """Collects scores and writes them.

    Arguments:
        store: where to.
    """

    what = "scores that were served"

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def add(
        self, customer_id: str, version: str, at: int, horizon_days: int, probability: float
    ) -> None:
        """Say what was answered of a customer; see `Score`."""
        self._add(Score(customer_id, version, at, horizon_days, probability))

    def _put(self, entries: Sequence[Score]) -> None:
        self._store.put_scores(entries)
