"""Filters over any attribute of the catalogue, as masks over its products."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from features.catalog import Catalog
from features.errors import InputError, shown
from models.next_product.shelf.kept import Kept

FIELDS = ("category", "brand", "price", "available", "product_id")
"""Fields of every catalogue; they come before an attribute of the same name."""

Mask = npt.NDArray[np.bool_]


class Range(BaseModel):
    """Numbers from `min` to `max`, both included; what has no number is never within."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)

    def holds(self, number: npt.NDArray[np.floating[Any]]) -> Mask:
        """Which numbers are within."""
        out: Mask = ~np.isnan(number)
        if self.min is not None:
            out &= number >= self.min
        if self.max is not None:
            out &= number <= self.max
        return out


Value = StrictStr | StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
Condition = Value | tuple[Value, ...] | Range


class Filters(RootModel[dict[str, Condition]]):
    """What may be shown: every condition must hold; none allows everything.

    A field is one of FIELDS or any key of the products' attributes. A condition is a value, a
    list of which one must be met, or `{"min": …, "max": …}`:

        {"category": "Garden", "color": ["red", "blue"], "weight": {"max": 3}}

    A category is a path or its beginning: `Garden` allows `Garden > Pots`. Case does not count.
    """

    model_config = ConfigDict(frozen=True)

    root: dict[str, Condition] = {}

    @classmethod
    def of(cls, conditions: Mapping[str, Any]) -> "Filters":
        """Filters from what a caller sent.

        Raises:
            InputError: a condition is none of the three; the message names field and value.
        """
        try:
            return cls.model_validate(dict(conditions))
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0]) if first["loc"] else "filters"
            raise InputError(
                f"the filter {field} = {shown(conditions.get(field))} is no value, list of values "
                'or {"min": …, "max": …}'
            ) from error

    def __bool__(self) -> bool:
        return bool(self.root)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def allowed(self, catalog: Catalog) -> Mask | None:
        """Which products pass, shape (products,), read-only; None when all do.

        Raises:
            InputError: the catalogue has no such field; the message names those it has. A
                condition does not suit its field.
        """
        if not self.root:
            return None
        return _masks.get(catalog, self.model_dump_json(), lambda: self._mask(catalog))

    def _mask(self, catalog: Catalog) -> Mask:
        out = np.ones(len(catalog), np.bool_)
        for field, condition in self.root.items():
            out &= _holding(catalog, field, condition)
        out.flags.writeable = False
        return out


EVERYTHING = Filters({})
"""No condition at all."""

_masks: Kept[Mask] = Kept(32)


def _holding(catalog: Catalog, field: str, condition: Condition) -> Mask:
    """Which products fulfil one condition."""
    values = condition if isinstance(condition, tuple) else (condition,)
    if isinstance(condition, Range):
        if field == "price":
            return condition.holds(catalog.price)
        if field in FIELDS:
            raise InputError(f"the filter {field} has no minimum or maximum: it is no number")
        _known(catalog, field)
        return condition.holds(catalog.attributes.number(field))
    if field == "category":
        return _coded(catalog.category, catalog.categories, values, below=True)
    if field == "brand":
        return _coded(catalog.brand, catalog.brands, values)
    if field == "price":
        return np.isin(catalog.price, np.array([_number(field, v) for v in values], np.float32))
    if field == "available":
        return np.isin(catalog.available, [v for v in values if isinstance(v, bool)])
    if field == "product_id":
        out = np.zeros(len(catalog), np.bool_)
        out[[catalog.index[str(v)] for v in values if str(v) in catalog.index]] = True
        return out
    _known(catalog, field)
    return catalog.attributes.holding(field, (v for v in values if not isinstance(v, Range)))


def _coded(
    codes: npt.NDArray[np.int32], names: list[str], wanted: tuple[Any, ...], below: bool = False
) -> Mask:
    """Which products have one of the names, or, `below`, a path that begins with one."""
    texts = [str(text).casefold() for text in wanted]
    beginnings = tuple(f"{text} > " for text in texts)
    passes = np.zeros(len(names) + 1, np.bool_)  # the last is for those without any
    for code, name in enumerate(names):
        folded = name.casefold()
        passes[code] = folded in texts or (below and folded.startswith(beginnings))
    return passes[codes]


def _known(catalog: Catalog, field: str) -> None:
    """See that products have an attribute of this name."""
    names = catalog.attributes.names
    if field not in names:
        there = ", ".join((*FIELDS, *names[:50]))
        raise InputError(f"there is no field {shown(field)} to filter by; there are {there}")


def _number(field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"the filter {field} = {shown(value)} is no number")
    return float(value)
