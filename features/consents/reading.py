"""The statements that an event makes: about consent itself, or along with something else."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from features.consents.rules import ConsentRules, channel_of
from features.consents.statement import ALL_CHANNELS, MARKETING, Consent, ConsentStatus
from features.events.event import Event
from features.events.preferences import PREFERENCES, UPDATED
from features.events.schema import schema
from features.instants import instant

_CHANGED = "Consent Changed"
_UNSUBSCRIBING = ("Unsubscribed", "Email Marked as Spam", "Message Unsubscribed")

_UNTOLD = "other"
"""The channel of an event that tells none."""

CONSENT_EVENTS = (_CHANGED, UPDATED, *_UNSUBSCRIBING)
"""The events that are about consent."""


def consents_of(event: Event, rules: ConsentRules) -> tuple[Consent, ...]:
    """The statements an event makes; a bot's are its denials.

    A person may look like a bot, and silence that was not asked for is the lesser harm; but what
    no person is known to have granted is not granted.

    Consent given or denied, a message unsubscribed, and a banner's categories: those of
    Segment Consent Preference Updated are statements of their own, those of any other event
    are `carried`. A category without a purpose says nothing.
    """
    if not event.of_a_person:
        person = replace(event, marks=())
        return tuple(
            c for c in consents_of(person, rules) if c.status == "denied" and not c.carried
        )
    changed, updated, unsubscribing = _codes()
    if event.type == changed:
        said = json.loads(event.properties or "{}")
        purpose = purpose_of(said["purpose"])
        channel = _canonical("consent_channel", said.get("consent_channel") or ALL_CHANNELS)
        granted = _canonical("status", said["status"]) == "granted"
        stated = _consent(event, purpose, channel, granted, said.get("expires_at"))
        return (stated, *_carried(event, rules))
    if event.type in unsubscribing:
        return (_consent(event, MARKETING, _unsubscribed(event), False), *_carried(event, rules))
    return _carried(event, rules, carried=event.type != updated)


def purpose_of(text: str) -> str:
    """The purpose that an event names, in the one spelling."""
    return _canonical("purpose", text)


def _carried(event: Event, rules: ConsentRules, *, carried: bool = True) -> tuple[Consent, ...]:
    """Of several categories for one purpose and channel each must be allowed."""
    if event.properties is None or PREFERENCES not in event.properties:
        return ()
    said: Mapping[str, bool | None] = json.loads(event.properties).get(PREFERENCES) or {}
    allowed: dict[tuple[str, str], bool] = {}
    for category, allows in said.items():
        for grant in () if allows is None else rules.of_category(category):
            about = grant.purpose, channel_of(grant, event.channel)
            allowed[about] = allowed.get(about, True) and bool(allows)
    return tuple(
        _consent(event, purpose, channel, granted, carried=carried)
        for (purpose, channel), granted in allowed.items()
    )


def _consent(
    event: Event,
    purpose: str,
    channel: str,
    granted: bool,
    expires_at: str | None = None,
    *,
    carried: bool = False,
) -> Consent:
    status: ConsentStatus = "granted" if granted else "denied"
    return Consent(
        purpose,
        channel,
        status,
        event.timestamp,
        event.event_id,
        event.source,
        None if expires_at is None else instant(expires_at),
        carried,
        event.customer_ids[1:],
    )


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
def _codes() -> tuple[int, int, frozenset[int]]:
    code = schema().code
    return code(_CHANGED), code(UPDATED), frozenset(code(name) for name in _UNSUBSCRIBING)
