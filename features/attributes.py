"""The products' attributes as columns that can be searched.

An attribute is a key of the JSON object that the shop sends with a product: a text, a number,
true or false, or a list of them. An attribute is read from the objects when it is first asked
for; of equal objects, as many products have, one is read for all.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

Value = str | bool | int | float
"""What an attribute holds, or each element of its list."""

_Key = tuple[str, Value]


class Attributes:
    """All attributes of a catalogue's products.

    Arguments:
        column: JSON objects as text, by product; null where a product has none.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column
        self._columns: dict[str, dict[_Key, npt.NDArray[np.int32]]] = {}
        self._numbers: dict[str, npt.NDArray[np.float64]] = {}

    @cached_property
    def names(self) -> list[str]:
        """Names of the attributes that any product has, sorted."""
        return sorted({name for text in self._texts for name in _read(text)})

    def holding(self, name: str, wanted: Iterable[Value]) -> npt.NDArray[np.bool_]:
        """Which products have one of these values, in whatever case, shape (products,)."""
        there = np.zeros(len(self._texts) + 1, np.bool_)
        places = self._places(name)
        for value in wanted:
            if _key(value) in places:
                there[places[_key(value)]] = True
        return there[self._codes]

    def number(self, name: str) -> npt.NDArray[np.float64]:
        """A number of each product; NaN where it has none. Of a list the first counts."""
        if name not in self._numbers:
            out = np.full(len(self._texts) + 1, np.nan)
            for (kind, value), places in self._places(name).items():
                if kind == "number":
                    out[places[np.isnan(out[places])]] = value
            self._numbers[name] = out[self._codes]
        return self._numbers[name]

    def of(self, product: int) -> Mapping[str, Any]:
        """The attributes of one product."""
        code = self._codes[product]
        return _read(self._texts[code]) if code >= 0 else {}

    @cached_property
    def _encoded(self) -> pa.DictionaryArray:
        return pc.dictionary_encode(self._column.combine_chunks())

    @cached_property
    def _texts(self) -> list[str]:
        """The different objects."""
        texts: list[str] = self._encoded.dictionary.to_pylist()
        return texts

    @cached_property
    def _codes(self) -> npt.NDArray[np.int32]:
        """Place of each product's object among the different ones; -1 where it has none."""
        return np.asarray(self._encoded.indices.fill_null(-1).to_numpy(), np.int32)

    def _places(self, name: str) -> Mapping[_Key, npt.NDArray[np.int32]]:
        """Places of the objects that hold each value of an attribute."""
        if name not in self._columns:
            found: dict[_Key, list[int]] = {}
            for place, text in enumerate(self._texts):
                held = _read(text).get(name)
                for value in held if isinstance(held, list) else (held,):
                    if isinstance(value, str | bool | int | float):
                        found.setdefault(_key(value), []).append(place)
            self._columns[name] = {key: np.array(places, np.int32) for key, places in found.items()}
        return self._columns[name]


def _read(text: str) -> dict[str, Any]:
    held: dict[str, Any] = orjson.loads(text)
    return held


def _key(value: Value) -> _Key:
    """What values are compared by: 3 is 3.0 and no `true`, `Red` is `red`."""
    if isinstance(value, bool):
        return ("boolean", value)
    return ("text", value.casefold()) if isinstance(value, str) else ("number", float(value))
