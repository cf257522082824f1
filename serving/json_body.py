"""JSON as clients write it: one event that cannot be read does not cost the rest of its batch."""

import codecs
import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

from features.errors import EventError

DEEPEST = 300
"""Containers within one another that are read. An event may have 254, so that one of which the
rest is left out is refused by itself."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)
_LONGEST_WHOLE = 300
"""Digits of a number from which on it is read as a float, which then is infinite."""


def json_object(content: bytes) -> Mapping[str, Any]:
    """The JSON object that a body is.

    What orjson refuses is read once more in Python's way: half characters (as JSON.stringify
    writes them when it cuts an emoji), bytes that are no UTF-8, NaN, Infinity, numbers and nesting
    beyond all bounds, line breaks inside of texts. The event that holds it is then judged like
    any other, and put aside.

    Raises:
        EventError: it is no JSON, or no object.
    """
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        body = _leniently(content, error)
    if not isinstance(body, Mapping):
        raise EventError("body", type(body).__name__, "must be a JSON object")
    return body


def _leniently(content: bytes, refused: orjson.JSONDecodeError) -> Any:
    text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    try:
        return json.loads(_shallow(text), strict=False, parse_int=_whole)
    except ValueError:
        raise EventError("body", "…", f"is no JSON: {refused}") from None


def _shallow(text: str) -> str:
    """The text with null for every container below `DEEPEST` others."""
    depth, begin, kept = 0, 0, []
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                kept.append(text[begin : token.start()] + "null")
                begin = len(text)
        elif token[0] in "]}":
            if depth == DEEPEST + 1:
                begin = token.end()
            depth -= 1
    return "".join(kept) + text[begin:]


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_WHOLE else float(digits)
