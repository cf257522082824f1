"""One value of an event, read as its property's type and checked against its bounds."""

import math
import re
from collections.abc import Mapping
from typing import Any

from features.columns import Columns as C
from features.errors import EventError, InputError
from features.events import reasons
from features.events.event import Line
from features.events.rules import kind_of
from features.events.schema import MAX_ID_BYTES, MAX_NUMBER, Property
from features.instants import instant

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_PRODUCT_ID_OF_SPEC_1 = "id"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def read(declared: Property, given: Mapping[str, Any]) -> Any:
    """A property's value as its type, or None where it is absent under all of its names."""
    value = given.get(declared.name)
    if declared.also and _nothing(value):
        value = next((given[n] for n in declared.also if not _nothing(given.get(n))), None)
    if value is None:
        return None
    kind = kind_of(declared)
    if kind in ("text", "id"):
        held = text(declared.name, value, identifier=kind == "id")
        if held and declared.values:
            allowed = declared.canonical(held)
            if allowed is None:
                raise EventError(declared.name, value, reasons.none_of(declared.values))
            return allowed
        return held.upper() if held and declared.name == C.CURRENCY else held
    if kind == "number":
        return number(declared.name, value, declared.minimum, declared.maximum)
    if kind == "instant":
        return moment(declared.name, value)
    if kind == "boolean":
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        if not isinstance(value, bool):
            raise EventError(declared.name, value, reasons.NOT_TRUE_OR_FALSE)
        return value
    if kind == "json":
        return preferences(declared.name, value)
    return _lines(declared.name, value)


def text(column: str, value: Any, *, identifier: bool) -> str | None:
    """Text without surrounding spaces, or None when nothing is left; numbers become text."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise EventError(column, value, reasons.NOT_TEXT)
    held = str(value).strip(" ")
    if held.isascii() and held.isprintable():  # nearly always: no need to look closer
        if identifier and len(held) > MAX_ID_BYTES:
            raise EventError(column, value, reasons.TOO_LONG)
        return held or None
    try:
        size = len(held.encode())
    except UnicodeEncodeError:
        raise EventError(column, ascii(value), reasons.NOT_UTF_8) from None
    if identifier and size > MAX_ID_BYTES:
        raise EventError(column, value, reasons.TOO_LONG)
    if identifier and _CONTROL.search(held):
        raise EventError(column, value, reasons.CONTROL_CHARACTERS)
    if "\x00" in held:
        raise EventError(column, value, reasons.NUL)
    return held or None


def number(column: str, value: Any, minimum: float | None, maximum: float | None) -> float | None:
    """A finite number within bounds, written as a number or as text; None where it is absent.

    Null, NaN and empty text are absent.
    """
    if value is None:
        return None
    if isinstance(value, str):
        written = value.strip()
        if not written or written.lower() == "nan":
            return None
        if not _NUMBER.fullmatch(written):
            raise EventError(column, value, reasons.NOT_A_NUMBER)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise EventError(column, value, reasons.NOT_A_NUMBER)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isnan(number):
        return None
    if math.isinf(number):
        raise EventError(column, value, reasons.NOT_A_NUMBER)
    if minimum is not None and number < minimum:
        raise EventError(column, value, reasons.below(minimum))
    if maximum is not None and number > maximum:
        raise EventError(column, value, reasons.above(maximum))
    return number


def moment(column: str, value: Any) -> int:
    """The instant of ISO 8601 text."""
    try:
        # A bare number could be seconds or milliseconds; guessing wrong is 1970.
        if not isinstance(value, str):
            raise InputError(reasons.NOT_A_DATE)
        return instant(value)
    except (InputError, OverflowError):
        raise EventError(column, value, reasons.NOT_A_DATE) from None


def preferences(column: str, value: Any) -> dict[str, bool]:
    """A consent banner's categories, each with whether it is allowed.

    A category that is null says nothing.
    """
    if not isinstance(value, dict):
        raise EventError(column, value, reasons.NOT_PREFERENCES)
    said = {}
    for category, allowed in value.items():
        name = text(column, category, identifier=True)
        if name is None or allowed is None:
            continue
        if not isinstance(allowed, bool):
            raise EventError(f"{column}.{name}", allowed, reasons.NOT_TRUE_OR_FALSE)
        said[name] = allowed
    return said


def _lines(column: str, value: Any) -> tuple[Line, ...] | None:
    if not isinstance(value, list | tuple):
        raise EventError(column, value, reasons.NOT_LINES)
    lines = []
    for part in value:
        if part is None:
            continue
        if not isinstance(part, dict):
            raise EventError(column, value, reasons.NOT_LINES)
        named = part.get(C.PRODUCT_ID)
        if _nothing(named):
            named = part.get(_PRODUCT_ID_OF_SPEC_1)
        product_id = text(f"{column}.product_id", named, identifier=True)
        if product_id is None:
            raise EventError(f"{column}.product_id", named, reasons.MISSING)
        quantity = number(f"{column}.quantity", part.get(C.QUANTITY), 0, MAX_NUMBER)
        quantity = 1.0 if quantity is None else quantity
        price = number(f"{column}.price", part.get(C.PRICE), 0, MAX_NUMBER)
        if price is not None and price * quantity > MAX_NUMBER:
            raise EventError(f"{column}.price", price, reasons.TOO_MUCH)
        lines.append(Line(product_id, quantity, price))
    return tuple(lines) or None


def _nothing(value: object) -> bool:
    """Whether a value is absent: null, or text of nothing but spaces."""
    return value is None or (isinstance(value, str) and not value.strip())
