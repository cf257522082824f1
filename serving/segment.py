"""Segment's HTTP API by its names: the calls, their short forms, their limits."""

from dataclasses import dataclass

BATCH = "batch"


@dataclass(frozen=True)
class Call:
    """One call of the API."""

    name: str
    short: str
    """How analytics.js writes it in the browser."""


CALLS = (
    Call("identify", "i"),
    Call("track", "t"),
    Call("page", "p"),
    Call("screen", "s"),
    Call("group", "g"),
    Call("alias", "a"),
    Call(BATCH, "b"),
)

MAX_EVENT_BYTES = 32_768
"""Longest event, as Segment has it."""

MAX_BATCH_EVENTS = 2_500
"""Events in a batch, as Segment has it."""

MAX_BODY_BYTES = 512_000
"""Longest body, decompressed; Segment's 500 kB."""

_NAMES = frozenset(name for call in CALLS for name in (call.name, call.short))


def is_segment_path(path: str) -> bool:
    """Whether a path is answered as Segment's clients expect, errors included.

    >>> is_segment_path("/v1/track/"), is_segment_path("/v1/t"), is_segment_path("/v1/products")
    (True, True, False)
    """
    _, _, rest = path.partition("/v1/")
    return path.startswith("/v1/") and rest.split("/", 1)[0] in _NAMES
