"""What the service needs of a database to keep what was served; a part of the store's interface."""

from collections.abc import Sequence
from typing import Protocol

from serving.store.records import Impression, Score


class ServedStore(Protocol):
    """What was served, until it can be judged. Every method may raise StorageError."""

    def put_scores(self, scores: Sequence[Score]) -> None:
        """Keep what was served: of each person, version and UTC day (of `at`) the first.

        Of who was erased since, nothing is kept.
        """
        ...

    def scores(self, customer_id: str) -> list[Score]:
        """What was served of a customer, under any of their ids, oldest first."""
        ...

    def scores_after(self, sequence: int, limit: int) -> list[Score]:
        """What was kept after `sequence`, oldest first; as `events_after`, none is missed."""
        ...

    def age_scores(self, before: int, *, limit: int) -> int:
        """Delete what was served before an instant, at most `limit`; how many they were."""
        ...

    def put_impressions(self, impressions: Sequence[Impression]) -> None:
        """Keep lists that were shown, each id once; of who was erased since, nothing."""
        ...

    def impressions(self, customer_id: str) -> list[Impression]:
        """What was shown to a customer, under any of their ids, oldest first."""
        ...

    def impressions_after(self, sequence: int, limit: int) -> list[Impression]:
        """What was kept after `sequence`, oldest first; as `events_after`, none is missed."""
        ...

    def age_impressions(self, before: int, *, limit: int) -> int:
        """Delete lists shown before an instant, at most `limit`; how many they were."""
        ...
