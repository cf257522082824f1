"""What the documentation says of Segment's calls, and an example of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.segment import MAX_BATCH_EVENTS


@dataclass(frozen=True)
class Documented:
    """One call as the documentation shows it."""

    summary: str
    description: str
    example: Mapping[str, Any]


EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "description": "the call's name; needed in a batch only"},
        "event": {"type": "string", "description": "the event's name, for track"},
        "messageId": {"type": "string", "description": "counted once, however often it is sent"},
        "userId": {"type": "string"},
        "anonymousId": {"type": "string"},
        "previousId": {"type": "string", "description": "the id used until now, for alias"},
        "groupId": {"type": "string", "description": "the group, for group"},
        "name": {"type": "string", "description": "the page's or screen's name"},
        "timestamp": {
            "type": "string",
            "format": "date-time",
            "description": "when it happened, by the sender's clock; now, when absent",
        },
        "sentAt": {
            "type": "string",
            "format": "date-time",
            "description": "when it was sent, by the same clock, which is corrected by it",
        },
        "properties": {"type": "object"},
        "traits": {"type": "object"},
        "context": {"type": "object"},
        "writeKey": {"type": "string"},
    },
}

BATCH_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["batch"],
    "properties": {
        "batch": {"type": "array", "items": EVENT_SCHEMA, "maxItems": MAX_BATCH_EVENTS},
        "sentAt": {"type": "string", "format": "date-time"},
        "context": {"type": "object"},
        "writeKey": {"type": "string"},
    },
}

_VIEW = {
    "type": "track",
    "event": "Product Viewed",
    "messageId": "ajs-next-0f1e2d3c",
    "userId": "c-17",
    "anonymousId": "5d2f0f6e",
    "timestamp": "2011-09-10T12:00:00Z",
    "properties": {"product_id": "22423", "price": 12.75},
}
_ORDER = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "order-536365",
    "userId": "c-17",
    "timestamp": "2011-09-10T12:04:00Z",
    "properties": {
        "order_id": "536365",
        "total": 25.5,
        "currency": "GBP",
        "products": [{"product_id": "22423", "quantity": 2, "price": 12.75}],
    },
}

BATCH_EXAMPLE: dict[str, Any] = {"batch": [_VIEW, _ORDER], "sentAt": "2011-09-10T12:04:01Z"}

DOCUMENTED: Mapping[str, Documented] = {
    "track": Documented(
        "Track",
        "Store what a customer did. Answers when it is on disk; the next answer knows it.\n\n"
        "An event counts once by its `messageId`. An Order Completed counts once by its "
        "`order_id` instead, whatever its `messageId`, so that it counts once beside the shop's "
        "own tables; its event id is `order:<order_id>`. An id of yours that begins with `order:`, "
        "`content:` or `message:` is kept with `message:` before it.\n\n"
        "An optional property that cannot be read (a discount of -1) is left out and the event "
        "marked `unread:<property>`; one that the event needs, its money and its lines must be "
        "right, and numbers at most 1e12. NaN is absent.\n\n"
        "Order Refunded and Order Cancelled take back what they say: `total`, `revenue`, or the "
        "price of every product. Without, they count as a return of nothing and are marked "
        "`unpriced`.\n\n"
        "What looks like a bot's by its user agent or rate is kept, marked `bot`, and in nobody's "
        "features; it grants no consent, but a denial or an unsubscription holds. Who was too fast "
        "is taken for a bot until that minute is over.",
        _VIEW,
    ),
    "identify": Documented(
        "Identify",
        "Tie an anonymous id to a user id: what the visitor did becomes the user's.",
        {
            "messageId": "login-1",
            "userId": "c-17",
            "anonymousId": "5d2f0f6e",
            "traits": {"country": "GB"},
        },
    ),
    "page": Documented(
        "Page",
        "Store a page view.",
        {"messageId": "page-1", "anonymousId": "5d2f0f6e", "name": "Home"},
    ),
    "screen": Documented(
        "Screen",
        "Store a screen view of the app.",
        {"messageId": "screen-1", "userId": "c-17", "name": "Cart"},
    ),
    "group": Documented(
        "Group",
        "Store that a customer belongs to a group, such as a household or a company.",
        {"messageId": "group-1", "userId": "c-17", "groupId": "household-9"},
    ),
    "alias": Documented(
        "Alias",
        "Tie the id used until now to a user id, as identify does with an anonymous id.",
        {"messageId": "alias-1", "userId": "c-17", "previousId": "5d2f0f6e"},
    ),
    "batch": Documented(
        "Batch",
        "Store many events in one transaction.\n\n"
        "The good ones count; the bad ones are kept aside with the reason, see "
        "`GET /v1/quarantine`. The answer is the same: a client that was told of an error would "
        "send the batch for ever. One event with half a character, an infinite number or bytes "
        "that are no UTF-8 is put aside alone; only a body that is no JSON at all is refused.",
        BATCH_EXAMPLE,
    ),
}
