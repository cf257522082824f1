"""What anybody may send with a public key: what a visitor does in their own browser.

A page's key is known to everybody who opens the page. With it nobody may speak for a user, tie
ids together, say what only the shop knows, or take the id of an event that the shop will send.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from features.columns import Columns as C
from features.errors import EventError
from features.events.event import PAGE, Event

SHOP_ONLY = frozenset(
    (
        "Order Completed",
        "Order Updated",
        "Order Refunded",
        "Order Cancelled",
        "Email Delivered",
        "Email Bounced",
        "Email Marked as Spam",
        "Points Earned",
        "Points Redeemed",
        "Points Expiring",
        "Points Expired",
        "Tier Changed",
        "Subscription Started",
        "Subscription Paused",
        "Subscription Cancelled",
        "Ticket Opened",
        "Ticket Resolved",
        "Store Visited",
        "Message Sent",
        "Message Delivered",
    )
)
"""Events whose truth the shop's own systems know: money, points, tickets, what was delivered."""

_FROM_SERVER = "a page cannot say so with a public key; send it from the shop's server"


def as_visitor(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A page's message as its visitor's: the user that it names is left out.

    Pages go on naming the user after a login, so that is no error; the event becomes the user's
    when the shop's server has said that the visitor is that user.

    Raises:
        EventError: it names no visitor, or ties ids together.
    """
    if message.get("type") == "alias":
        raise EventError("type", "alias", _FROM_SERVER)
    if not message.get("anonymousId"):
        raise EventError(
            C.ANONYMOUS_ID, None, "missing, and with a public key an event is a visitor's"
        )
    return {**message, "userId": None}


def of_visitor(event: Event) -> Event:
    """A page's event, marked, with an id that is not the shop's.

    Raises:
        EventError: only the shop can say so.
    """
    if event.name in SHOP_ONLY:
        raise EventError("event", event.name, _FROM_SERVER)
    return replace(
        event,
        event_id=f"{PAGE}:{event.event_id}",
        marks=(*event.marks, PAGE),
        identifiers=(),  # an address that a page names may be anybody's
    )
