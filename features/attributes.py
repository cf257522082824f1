"""The products' attributes as columns that can be searched.

An attribute is a key of the JSON object that the shop sends with a product: a text, a number,
true or false, or a list of them. The objects are read once, when an attribute is first asked
for; of equal ones, as many products have, one is read for all.
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

    @property
    def names(self) -> list[str]:
        """Names of the attributes that any product has, sorted."""
        return sorted(self._columns)

    def holding(self, name: str, wanted: Iterable[Value]) -> npt.NDArray[np.bool_]:
        """Which products have one of these values, in whatever case, shape (products,)."""
        there = np.zeros(len(self._texts) + 1, np.bool_)
        for value in wanted:
            there[self._columns.get(name, {}).get(_key(value), [])] = True
        return there[self._codes]

    def number(self, name: str) -> npt.NDArray[np.float64]:
        """A number of each product; NaN where it has none. Of a list the first counts."""
        out = np.full(len(self._texts) + 1, np.nan)
        for (kind, value), places in self._columns.get(name, {}).items():
            if kind == "number":
                unset = np.array(places)
                out[unset[np.isnan(out[unset])]] = value
        return out[self._codes]

    def of(self, product: int) -> Mapping[str, Any]:
        """The attributes of one product."""
        return self._read(self._texts[code]) if (code := self._codes[product]) >= 0 else {}

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

    @cached_property
    def _columns(self) -> dict[str, dict[_Key, list[int]]]:
        """Places of the objects that hold a value, by attribute and value."""
        out: dict[str, dict[_Key, list[int]]] = {}
        for place, text in enumerate(self._texts):
            for name, held in self._read(text).items():
                column = out.setdefault(name, {})
                for value in held if isinstance(held, list) else (held,):
                    if isinstance(value, str | bool | int | float):
                        column.setdefault(_key(value), []).append(place)
        return out

    @staticmethod
    def _read(text: str) -> dict[str, Any]:
        held: dict[str, Any] = orjson.loads(text)
        return held


def _key(value: Value) -> _Key:
    """What values are compared by: 3 is 3.0 and no `true`, `Red` is `red`."""
    if isinstance(value, bool):
        return ("boolean", value)
    return ("text", value.casefold()) if isinstance(value, str) else ("number", float(value))
