"""Event ids: an event counts once by its id, so no sender may choose one that is another's."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from features.columns import Columns as C
from features.events import values
from features.events.moments import said

ORDER = "order:"
"""Before an order's id: the event id of its Order Completed, wherever it comes from."""

CONTENT = "content:"
"""Before a hash of the content: the event id of a message that brings none."""

SENDERS = "message:"
"""Before an id of the sender's that would otherwise be one of ours."""

RESERVED = (ORDER, CONTENT, SENDERS)

_NOT_CONTENT = frozenset(("sentAt", "writeKey", "receivedAt"))


def of_order(order_id: str) -> str:
    """The event id of an order."""
    return ORDER + order_id


def of_message(message: Mapping[str, Any], received_at: int, place: int) -> str:
    """The message's id; without one, a hash of what would be the same in a retry.

    That is everything but when it was sent, if it says when it happened. If it does not, two
    equal messages are one when they are at the same place of what was sent at the same instant.
    One that tells no time at all is a new event whenever it arrives.

    Arguments:
        message: one call of Segment's API.
        received_at: when it arrived (instant).
        place: of the event in its batch.

    Raises:
        EventError: the id is too long, or cannot be one.
    """
    message_id = given(message)
    if message_id is not None:
        return SENDERS + message_id if message_id.startswith(RESERVED) else message_id
    content = {key: value for key, value in message.items() if key not in _NOT_CONTENT}
    if not (said(message.get("originalTimestamp")) or said(message.get("timestamp"))):
        sent_at = message.get("sentAt")
        content["sentAt"] = [sent_at if said(sent_at) else received_at, place]
    text = json.dumps(content, sort_keys=True, default=str)
    return f"{CONTENT}{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def given(message: Mapping[str, Any]) -> str | None:
    """The id that a message brings.

    Raises:
        EventError: it is too long, or cannot be one.
    """
    return values.text(C.EVENT_ID, message.get("messageId"), identifier=True)
