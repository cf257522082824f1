"""What a customer has allowed: statements read from events, and what they add up to."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from features.events.event import Event
from features.events.schema import schema
from serving.store import ALL_CHANNELS, Consent, ConsentStatus

MARKETING = "marketing"
"""The purpose of messages that want to sell."""

_CHANGED = "Consent Changed"
_UNSUBSCRIBING = ("Unsubscribed", "Email Marked as Spam", "Message Unsubscribed")

CONSENT_EVENTS = (_CHANGED, *_UNSUBSCRIBING)
"""The events that make statements."""


@dataclass(frozen=True)
class Standing:
    """Whether a purpose is allowed on a channel, and since when; `said` False: never asked."""

    allowed: bool
    said: bool
    at: int | None = None


def consents_of(event: Event) -> tuple[Consent, ...]:
    """The statements an event makes: consent given or denied, or a message unsubscribed."""
    changed, unsubscribing = _codes()
    if event.type == changed:
        said = json.loads(event.properties or "{}")
        status: ConsentStatus = "granted" if said["status"].casefold() == "granted" else "denied"
        channel = said.get("consent_channel") or ALL_CHANNELS
        return (Consent(said["purpose"], channel, status, event.timestamp, event.event_id),)
    if event.type in unsubscribing:
        return (Consent(MARKETING, event.channel, "denied", event.timestamp, event.event_id),)
    return ()


def standing(consents: Iterable[Consent], purpose: str, channel: str) -> Standing:
    """What holds for a purpose on a channel: the latest statement that covers it.

    A statement for all channels covers each. Of two at the same instant the denial holds.
    Never said means not allowed.
    """
    covering = [
        c for c in consents if c.purpose == purpose and c.channel in (channel, ALL_CHANNELS)
    ]
    if not covering:
        return Standing(allowed=False, said=False)
    last = max(covering, key=lambda consent: (consent.at, consent.status == "denied"))
    return Standing(allowed=last.status == "granted", said=True, at=last.at)


@cache
def _codes() -> tuple[int, frozenset[int]]:
    code = schema().code
    return code(_CHANGED), frozenset(code(name) for name in _UNSUBSCRIBING)
