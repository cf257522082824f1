"""Why a row or an event is rejected, in the same words for imports and for the service."""

from collections.abc import Iterable

from features.events.schema import MAX_ID_BYTES, MAX_NUMBER

MISSING = "missing, and this event needs it"
NOT_A_NUMBER = "not a finite number"
NOT_A_DATE = "no date that can be read; write it as 2011-09-10T12:00:00Z"
NOT_TRUE_OR_FALSE = "neither true nor false"
NOT_TEXT = "not text"
NOT_UTF_8 = "half a character (a lone surrogate), which UTF-8 cannot hold"
NOT_LINES = "no list of lines with product_id, quantity and price"
NOT_JSON = "no JSON object"
TOO_MUCH = f"price × quantity is above {MAX_NUMBER:g}"
NOT_PREFERENCES = "no object of consent categories, each true or false"
TOO_LONG = f"longer than {MAX_ID_BYTES} bytes in UTF-8; ids are not cut, two could become one"
CONTROL_CHARACTERS = "holds NUL bytes or other control characters"
NUL = "holds NUL bytes"
FUTURE = "in the future; look at the sender's clock and time zone"
TOO_EARLY = "1970 or earlier, a placeholder rather than a date"
NOBODY = "missing, and nothing else names anybody; an event belongs to someone"
RESERVED = "starts like another kind of identifier ('anonymous:', 'email:', …); send it as that"
INTERNAL = "made from an order's products; send the order with its products instead"
REPEATED = "listed before in this table; the first counts"
NO_ORDER = "no order has this id"
ORDER_REJECTED = "its order was rejected"


def below(minimum: float) -> str:
    """The reason for a number under its least.

    >>> below(1.0)
    'below 1'
    """
    return f"below {minimum:g}"


def above(maximum: float) -> str:
    """The reason for a number over its greatest."""
    return f"above {maximum:g}"


def none_of(values: Iterable[str]) -> str:
    """The reason for a text that is none of those allowed.

    >>> none_of(["granted", "denied"])
    'none of: granted, denied'
    """
    return f"none of: {', '.join(values)}"


def other_currency(currency: str) -> str:
    """The reason for money in a currency that is not the shop's."""
    return f"not {currency}, the shop's one currency; convert the amounts first"
