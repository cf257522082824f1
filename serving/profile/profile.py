"""The 360° view of a customer: every topic's part, put together at one instant."""

import itertools
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from features.definitions import FEATURES
from features.instants import moment
from serving.profile.cart import Cart, cart
from serving.profile.channels import ChannelUse, Habits, channels, habits
from serving.profile.consents import ConsentView, StandingView, consents, standing
from serving.profile.decided import DecidedKind, DecisionView, decided, decided_by_kind
from serving.profile.known import Known
from serving.profile.lifecycle import Lifecycle, lifecycle
from serving.profile.loyalty import Loyalty, loyalty
from serving.profile.orders import (
    LINE,
    REFUND_LINE,
    Order,
    Purchases,
    Refund,
    last_orders,
    last_refunds,
    purchases,
)
from serving.profile.past import Past
from serving.profile.persona import PersonaView, persona
from serving.profile.preferences import Preferences, preferences
from serving.profile.responses import Responses, responses
from serving.profile.section import section
from serving.profile.subscriptions import Subscription, subscriptions
from serving.profile.voice import Voice, voice
from serving.profile.wishlist import Wish, wishlist
from serving.store import Decision


@section
class Profile:
    """Everything known of a customer at an instant."""

    customer_id: str
    identifiers: tuple[str, ...]
    """All ids that lead to this customer."""
    at: datetime
    """The instant of the answer: what was acknowledged before it counts."""
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    events: int
    """What is known to have happened; the lines of an order are not counted."""
    currency: str | None
    """ISO 4217 code of all money here; null while nobody has said it."""
    lifecycle: Lifecycle
    persona: PersonaView | None
    """Null for who never ordered or does not allow to be profiled, and without trained personas."""
    purchases: Purchases
    last_orders: tuple[Order, ...]
    """At most five, newest first."""
    last_refunds: tuple[Refund, ...]
    """At most five, newest first."""
    cart: Cart
    wishlist: tuple[Wish, ...]
    """At most 50, newest first."""
    preferences: Preferences
    channels: tuple[ChannelUse, ...]
    """The most used first."""
    habits: Habits
    loyalty: Loyalty
    subscriptions: tuple[Subscription, ...]
    """Active and paused ones; who cancelled has none."""
    voice: Voice
    consents: tuple[ConsentView, ...]
    """What the customer said, oldest first; lines are added, never changed."""
    standing: dict[str, dict[str, StandingView]]
    """What holds now, by purpose and channel: `all`, and each that a statement names."""
    responses: Responses
    decided: tuple[DecidedKind, ...]
    """What was offered, sent and withheld, by kind and outcome."""
    decisions: tuple[DecisionView, ...]
    """The latest ten, newest first."""
    features: dict[str, float | None]
    """By the names of features/definitions; null where undefined."""
    model_version: str | None
    """The published model that serves; null before there is one."""


def profile(
    known: Known,
    decisions: Sequence[Decision],
    *,
    currency: str | None,
    time_zone: str,
) -> Profile:
    """The view of one customer.

    Arguments:
        known: the customer.
        decisions: what was decided for them, newest first.
        currency: of the shop's money.
        time_zone: in which the shop's hours are told.
    """
    catalog = known.live.catalog
    past = Past(known.timeline, known.at, catalog)
    values = known.features()
    features: dict[str, float | None] = dict(zip(_NAMES, values.tolist(), strict=True))
    features.update(dict.fromkeys(itertools.compress(_NAMES, np.isnan(values))))
    return Profile(
        customer_id=known.person.customer_id,
        identifiers=known.person.identifiers,
        at=moment(known.at),
        first_seen_at=moment(int(past.rows.at[0])) if len(past) else None,
        last_seen_at=moment(int(past.rows.at[-1])) if len(past) else None,
        events=len(past) - past.count(LINE, REFUND_LINE),
        currency=currency,
        lifecycle=lifecycle(past, features),
        persona=persona(known, features),
        purchases=purchases(past, features),
        last_orders=last_orders(past),
        last_refunds=last_refunds(past),
        cart=cart(known.timeline, past),
        wishlist=wishlist(past),
        preferences=preferences(catalog, features),
        channels=channels(past),
        habits=habits(past, time_zone),
        loyalty=loyalty(past, features),
        subscriptions=subscriptions(past),
        voice=voice(past, features),
        consents=consents(known.consents),
        standing=standing(known),
        responses=responses(past),
        decided=decided_by_kind(decisions),
        decisions=decided(decisions),
        features=features,
        model_version=known.live.version,
    )


_NAMES = tuple(feature.name for feature in FEATURES)
