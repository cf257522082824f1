"""Erasing a person: from the store, and, by the list that the store adds to, from the log."""

from collections.abc import Collection

from serving.champion import Champion
from serving.clock import Clock
from serving.store import Receipt, Store


class Erasing:
    """Erases people.

    Of this process only the bundle knows one, by a keyed hash: timelines are read for each
    answer, and counts of visitors are kept by a hash that no other process shares.

    Arguments:
        store: where they are.
        champion: holds the bundle.
        clock: the present.
        may_return: whether what they do later makes a new customer.
    """

    def __init__(self, store: Store, champion: Champion, clock: Clock, may_return: bool) -> None:
        self._store = store
        self._champion = champion
        self._clock = clock
        self._may_return = may_return

    def erase(
        self, customer_id: str, *, who: str, why: str, spellings: Collection[str] = ()
    ) -> Receipt:
        """Erase a person under any of their ids, known or not; see `Store.erase`."""
        receipt = self._store.erase(
            customer_id,
            who=who,
            why=why,
            clock=self._clock,
            may_return=self._may_return,
            spellings=spellings,
        )
        self._champion.forget()  # other workers look once a second
        return receipt
