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

_UNTOLD = "other"
"""The channel of an event that tells none."""

CONSENT_EVENTS = (_CHANGED, *_UNSUBSCRIBING)
"""The events that make statements."""


@dataclass(frozen=True)
class Standing:
    """Whether a purpose is allowed on a channel, and since when; `said` False: never asked."""

    allowed: bool
    said: bool
    at: int | None = None


def consents_of(event: Event) -> tuple[Consent, ...]:
    """The statements an event makes: consent given or denied, or a message unsubscribed.

    What is marked as a bot's grants nothing. Its denials hold: a person may look like a bot, and
    silence that was not asked for is the lesser harm.
    """
    changed, unsubscribing = _codes()
    if event.type == changed:
        said = json.loads(event.properties or "{}")
        purpose = _canonical("purpose", said["purpose"])
        channel = _canonical("consent_channel", said.get("consent_channel") or ALL_CHANNELS)
        granted = _canonical("status", said["status"]) == "granted"
        if granted and not event.of_a_person:
            return ()
        status: ConsentStatus = "granted" if granted else "denied"
        return (Consent(purpose, channel, status, event.timestamp, event.event_id),)
    if event.type in unsubscribing:
        channel = _unsubscribed(event)
        return (Consent(MARKETING, channel, "denied", event.timestamp, event.event_id),)
    return ()


def purposes() -> tuple[str, ...]:
    """What there is to consent to."""
    return schema().properties["purpose"].values


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


def _unsubscribed(event: Event) -> str:
    """The channel of the messages that are no longer wanted.

    Not the one the event came by: whoever leaves a newsletter does so in a browser, and the
    mailing service tells of it from a server. Where nothing tells which messages are meant,
    all are: silence that was not asked for is the lesser harm.
    """
    kind = schema().of_code(event.type)
    if kind is not None and kind.channel is not None:
        return kind.channel
    return ALL_CHANNELS if event.channel == _UNTOLD else event.channel


def _canonical(name: str, text: str) -> str:
    """A text in the one spelling; logs that are older than the list of values hold others."""
    text = text.strip()
    return schema().properties[name].canonical(text) or text.casefold()


@cache
def _codes() -> tuple[int, frozenset[int]]:
    code = schema().code
    return code(_CHANGED), frozenset(code(name) for name in _UNSUBSCRIBING)
