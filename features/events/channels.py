"""Which channel an event came by."""

from collections.abc import Mapping
from typing import Any

from features.events.schema import EventType, schema

OTHER = "other"

_NAMED = {"browser": "web", "mobile": "app"}
"""Segment's words for channels. Its `server` says nothing of where the customer was."""

_LIBRARIES = {
    "analytics.js": "web",
    "analytics-next": "web",
    "analytics-ios": "app",
    "analytics-swift": "app",
    "analytics-android": "app",
    "analytics-kotlin": "app",
    "analytics-flutter": "app",
    "analytics_flutter": "app",
    "analytics-react-native": "app",
    "@segment/analytics-react-native": "app",
}
"""Segment's libraries that run at the customer's; the others run on servers."""


def channel_of(message: Mapping[str, Any], kind: EventType | None) -> str:
    """The channel that is named; else the event type's; else what the context tells."""
    context = message.get("context")
    if not isinstance(context, dict):
        context = {}
    named = _named(context.get("channel")) or _named(message.get("channel"))
    if named is not None:
        return named
    if kind is not None and kind.channel is not None:
        return kind.channel
    library = context.get("library")
    if isinstance(library, dict):
        library = library.get("name")
    if isinstance(library, str) and library.lower() in _LIBRARIES:
        return _LIBRARIES[library.lower()]
    if context.get("device"):
        return "app"
    if context.get("page") or message.get("type") == "page":
        return "web"
    return OTHER


def _named(channel: object) -> str | None:
    if not isinstance(channel, str) or not channel.strip():
        return None
    channel = channel.strip().lower()
    if channel == "server":
        return None
    channel = _NAMED.get(channel, channel)
    return channel if channel in schema().channels else OTHER
