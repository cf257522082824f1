"""An example of a customer's profile, for the documentation."""

from typing import Any

_LINE = {
    "product_id": "22423",
    "title": "Regency cake stand",
    "quantity": 2.0,
    "price": 12.75,
}

_NEVER = {"times": 0, "last_at": None}

PROFILE: dict[str, Any] = {
    "customer_id": "c-17",
    "identifiers": ["c-17", "anonymous:5d2f0f6e"],
    "at": "2011-09-10T12:05:00Z",
    "first_seen_at": "2011-05-02T09:30:00Z",
    "last_seen_at": "2011-09-10T12:04:00Z",
    "events": 61,
    "currency": "GBP",
    "lifecycle": {
        "stage": "repeat",
        "rhythm_days": 43.5,
        "silent_days": 9.2,
        "at_risk_at": "2011-11-27T08:00:00Z",
        "lapsed_at": "2012-02-22T08:00:00Z",
    },
    "persona": {
        "key": "p2",
        "name": "Small-basket shoppers",
        "description": "Typically 32.50 spent per order (all customers: 61.20), 3 pieces per order "
        "(7) and 3 orders so far (5).",
        "membership": 0.87,
    },
    "purchases": {
        "orders": 3,
        "first_order_at": "2011-06-06T08:00:00Z",
        "last_order_at": "2011-09-01T08:00:00Z",
        "spent": 96.0,
        "returned": 12.75,
        "kept": 83.25,
        "order_value": 32.0,
    },
    "last_orders": [
        {"at": "2011-09-01T08:00:00Z", "total": 25.5, "channel": "web", "lines": [_LINE]}
    ],
    "last_refunds": [
        {
            "at": "2011-09-05T10:00:00Z",
            "kind": "refunded",
            "total": 12.75,
            "lines": [_LINE | {"quantity": 1.0}],
        }
    ],
    "cart": {
        "items": [
            {
                "product_id": "85123A",
                "title": "White hanging heart T-light holder",
                "quantity": 2.0,
                "price": 2.95,
                "available": True,
                "since": "2011-09-10T12:01:00Z",
                "channel": "app",
            }
        ],
        "quantity": 2.0,
        "value": 5.9,
        "since": "2011-09-10T12:01:00Z",
        "touched_at": "2011-09-10T12:04:00Z",
        "given_up_at": "2011-10-10T12:04:00Z",
        "channels": ["app"],
    },
    "wishlist": [
        {
            "product_id": "47566",
            "title": "Party bunting",
            "price": 4.95,
            "available": True,
            "since": "2011-08-20T19:12:00Z",
        }
    ],
    "preferences": {
        "categories": [{"name": "Kitchen > Baking", "share": 0.75}],
        "brands": [],
        "price_level": 1.2,
    },
    "channels": [
        {
            "channel": "web",
            "events": 40,
            "share": 0.8,
            "orders": 2,
            "first_at": "2011-05-02T09:30:00Z",
            "last_at": "2011-09-10T12:04:00Z",
        },
        {
            "channel": "store",
            "events": 10,
            "share": 0.2,
            "orders": 1,
            "first_at": "2011-06-06T08:00:00Z",
            "last_at": "2011-07-19T16:20:00Z",
        },
    ],
    "habits": {
        "channel": "web",
        "channel_days": 12,
        "hour": 20,
        "hour_evidence": 15,
        "time_zone": "Europe/London",
    },
    "loyalty": {
        "points": 140.0,
        "expiring": [{"at": "2011-10-01T00:00:00Z", "points": 60.0}],
        "tier": 1,
        "tier_since": "2011-07-19T16:20:00Z",
    },
    "subscriptions": [
        {
            "product_id": "21094",
            "title": "Set of 6 red spotty paper plates",
            "status": "active",
            "started_at": "2011-08-01T10:00:00Z",
            "status_since": "2011-08-01T10:00:00Z",
            "interval_days": 30.0,
            "price": 0.85,
            "next_due_at": "2011-09-30T10:00:00Z",
        }
    ],
    "voice": {
        "nps": {
            "score": 9,
            "group": "promoter",
            "at": "2011-08-15T10:00:00Z",
            "answers": 1,
        },
        "ratings": {
            "reviews": 1,
            "mean": 4.0,
            "last": 4.0,
            "last_at": "2011-07-01T10:00:00Z",
            "last_low": False,
            "last_product_id": "22423",
            "last_title": "Regency cake stand",
        },
        "open_tickets": 0,
        "tickets": [],
        "sentiment": "positive",
        "sentiment_because": "would recommend us: 9 of 10",
    },
    "consents": [
        {
            "purpose": "marketing",
            "channel": "email",
            "status": "granted",
            "at": "2011-05-02T09:31:00Z",
            "source": "web",
            "expires_at": None,
            "carried": False,
            "customer_id": "c-17",
            "event_id": "m-17",
        }
    ],
    "standing": {
        "marketing": {
            "email": {
                "allowed": True,
                "said": True,
                "reason": "consent to marketing by email is given",
            }
        }
    },
    "responses": {
        "recommendations_shown": {"times": 12, "last_at": "2011-09-10T12:00:00Z"},
        "recommendations_clicked": {"times": 2, "last_at": "2011-09-10T12:01:00Z"},
        "offers_shown": {"times": 1, "last_at": "2011-08-30T09:00:00Z"},
        "offers_accepted": {"times": 1, "last_at": "2011-08-30T09:01:00Z"},
        "offers_declined": _NEVER,
        "messages_sent": _NEVER,
        "messages_delivered": {"times": 4, "last_at": "2011-09-08T07:00:00Z"},
        "messages_opened": {"times": 2, "last_at": "2011-09-08T07:40:00Z"},
        "messages_clicked": _NEVER,
        "unsubscribed": _NEVER,
    },
    "decided": [
        {
            "kind": "stalled_checkout",
            "action": "withheld",
            "times": 1,
            "last_at": "2011-08-29T18:03:00Z",
            "last_reason": "withheld: no consent to marketing by chat was ever given; the "
            "checkout's last step was at 18:00 UTC, 3 minutes ago, and no order has followed",
        }
    ],
    "decisions": [
        {
            "decision_id": "dec_0b7f5f0e8a6c4d7f9e21f2a4b6c8d0e1",
            "kind": "stalled_checkout",
            "customer_id": "c-17",
            "at": "2011-08-29T18:03:00Z",
            "action": "withheld",
            "reason": "withheld: no consent to marketing by chat was ever given; the "
            "checkout's last step was at 18:00 UTC, 3 minutes ago, and no order has followed",
            "channel": "chat",
            "model_version": "7",
            "inputs_at": "2011-08-29T18:03:00Z",
            "probability": 1.0,
            "arm": None,
            "details": {},
        }
    ],
    "features": {"purchase_orders_life": 3.0, "cadence_order_gap_mean_life": 43.5},
    "model_version": "7",
}
