"""The one currency of the shop's money."""

from contextlib import suppress

from features.errors import StorageError
from features.instants import SECOND_MS
from serving.clock import Clock
from serving.history import CURRENCY
from serving.store import Store


class Currency:
    """Of the settings, else of the loaded history, looked for once a second until there is one.

    Arguments:
        setting: ISO 4217 code, or empty.
        store: where a load leaves the history's.
        clock: the present.
    """

    def __init__(self, setting: str, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._code: str | None = setting or None
        self._look_at = 0

    def code(self) -> str | None:
        """The currency; None while nobody has said it."""
        if self._code is None and self._clock() >= self._look_at:
            self._look_at = self._clock() + SECOND_MS
            with suppress(StorageError):  # what stores the event will say so
                self._code = self._store.position(CURRENCY)
        return self._code
