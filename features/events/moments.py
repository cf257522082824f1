"""When an event happened, by our clock rather than its sender's."""

from collections.abc import Mapping
from typing import Any

from features.columns import Columns as C
from features.errors import EventError
from features.events import reasons, values
from features.instants import DAY_MS

CLOCK_TOLERANCE_MS = DAY_MS
"""How far a clock may be off without being marked, and how far ahead of its arrival an event may
claim to have happened (it then counts as having happened on arrival). A day covers wrong time
zones."""

_MOMENTS = ("originalTimestamp", "timestamp", "sentAt")


def happened(message: Mapping[str, Any], received_at: int) -> tuple[int, bool]:
    """The instant of an event, and whether its sender's clock was days off.

    Segment's rule: timestamp = receivedAt − (sentAt − originalTimestamp). Clients that set only
    `timestamp` mean the original one by it. Without `sentAt` what is said is believed; without
    either it happened when it arrived.

    Raises:
        EventError: a moment cannot be read, or is far in the future or in 1970.

    Source: Segment's spec, common fields, timestamps.
    """
    original, claimed, told = (_moment(message, name) for name in _MOMENTS)
    sent_at = received_at if told is None else told
    off = abs(received_at - sent_at) > CLOCK_TOLERANCE_MS
    original = claimed if original is None else original
    if original is None:
        return received_at, off
    at = original + received_at - sent_at
    if at > received_at + CLOCK_TOLERANCE_MS:
        raise EventError(C.TIMESTAMP, _shown(message), reasons.FUTURE)
    if at < DAY_MS:
        raise EventError(C.TIMESTAMP, _shown(message), reasons.TOO_EARLY)
    return min(at, received_at), off


def said(moment: object) -> bool:
    """Whether a moment is there: null and blanks are absent."""
    return moment is not None and not (isinstance(moment, str) and not moment.strip())


def _moment(message: Mapping[str, Any], name: str) -> int | None:
    given = message.get(name)
    return values.moment(name, given) if said(given) else None


def _shown(message: Mapping[str, Any]) -> object:
    return message.get("originalTimestamp") or message.get("timestamp")
