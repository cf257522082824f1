"""What was computed of a catalogue is kept for the next request, as long as the catalogue is."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from features.catalog import Catalog

T = TypeVar("T")


class Kept(Generic[T]):
    """The latest results for each catalogue.

    Arguments:
        most: how many for one catalogue.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._of: WeakKeyDictionary[Catalog, OrderedDict[Hashable, T]] = WeakKeyDictionary()

    def get(self, catalog: Catalog, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gave for this catalogue and key, or gives now."""
        held = self._of.setdefault(catalog, OrderedDict())
        found = held.pop(key, None)
        if found is None:
            found = make()
        held[key] = found
        if len(held) > self._most:
            held.popitem(last=False)
        return found
