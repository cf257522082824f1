"""Every event of the schema, sent as the specs show it: its rows, and what it changes."""

import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from features.compute import vector
from features.definitions import FEATURES
from features.events import texts
from features.events.schema import schema
from features.instants import instant

AT = instant("2011-09-10T11:30:00Z")

PRODUCT = {
    "product_id": "507f1f77",
    "sku": "G-32",
    "category": "Games",
    "name": "Monopoly: 3rd Edition",
    "brand": "Hasbro",
    "variant": "200 pieces",
    "price": "18.99",
    "quantity": "2",
    "coupon": None,
    "currency": "usd",
    "position": 3,
    "value": 37.98,
    "url": "https://www.example.com/product/path",
    "image_url": "https://www.example.com/product/path.jpg",
}
PRODUCTS = [
    {"product_id": "507f1f77", "sku": "45790-32", "name": "Monopoly", "price": "19", "quantity": 1},
    {"product_id": "505bd767", "sku": "46493-32", "name": "Uno", "price": 3, "quantity": "2"},
]
LINES = [(19.0, 1.0, 19.0, "507f1f77"), (6.0, 2.0, 3.0, "505bd767")]
ORDER = {
    "order_id": "50314b8e",
    "affiliation": "Google Store",
    "total": "27.50",
    "revenue": 25.0,
    "shipping": 3,
    "tax": "2",
    "discount": "2.5",
    "coupon": "hasbros",
    "currency": "USD",
    "products": PRODUCTS,
}
EMAIL = {
    "email_id": "18vzF7u3z",
    "email_subject": "First shirt on us!",
    "campaign_id": "123",
    "campaign_name": "New Customer Discount",
}
MESSAGE = {"message_id": "p1", "campaign": "Autumn", "decision_id": "dec_1"}


@dataclass(frozen=True)
class Sent:
    """An event's properties, and what its row holds."""

    properties: dict[str, Any] = field(default_factory=dict)
    value: float = math.nan
    quantity: float = math.nan
    measure: float = math.nan
    product: str | None = None
    lines: tuple[tuple[float, float, float, str], ...] = ()
    channel: str = "web"
    call: str = "track"
    message: dict[str, Any] = field(default_factory=dict)


def seen(**more: Any) -> Sent:
    return Sent({**PRODUCT, **more}, value=18.99, product="507f1f77")


def carted(**more: Any) -> Sent:
    return Sent({**PRODUCT, **more}, value=18.99, quantity=2, product="507f1f77")


def mailed(**more: Any) -> Sent:
    return Sent({**EMAIL, **more}, channel="email")


def returned(**more: Any) -> Sent:
    # what is sent back is worth its own total
    given = {"order_id": "50314b8e", "total": 30, "currency": "USD", "products": PRODUCTS, **more}
    return Sent(given, value=30, quantity=3, lines=tuple(LINES))


EVENTS = {
    "Products Searched": Sent({"query": "blue roses"}),
    "Product List Viewed": Sent({"list_id": "hot", "category": "Deals", "products": PRODUCTS}),
    "Product List Filtered": Sent({"list_id": "hot", "filters": [{"type": "department"}]}),
    "Promotion Viewed": Sent({"promotion_id": "promo_1", "creative": "top", "position": "home"}),
    "Promotion Clicked": Sent({"promotion_id": "promo_1", "creative": "top", "position": "home"}),
    "Product Clicked": seen(),
    "Product Viewed": seen(),
    "Product Added": carted(cart_id="skdjsidj"),
    "Product Removed": carted(cart_id="skdjsidj"),
    "Cart Viewed": Sent({"cart_id": "d92jd29j", "products": PRODUCTS}),
    "Checkout Started": Sent({**ORDER, "value": 30}, value=27.5),
    "Checkout Step Viewed": Sent({"checkout_id": "50314b8e", "step": "2"}, value=2),
    "Checkout Step Completed": Sent({"checkout_id": "50314b8e", "step": 2}, value=2),
    "Payment Info Entered": Sent({"checkout_id": "39f39fj3", "payment_method": "Visa"}),
    "Order Completed": Sent(ORDER, value=27.5, quantity=3, measure=2.5, lines=tuple(LINES)),
    "Order Updated": Sent({**ORDER, "total": 30}, value=30),
    "Order Refunded": returned(),
    "Order Cancelled": returned(affiliation="Google Store"),
    "Coupon Entered": Sent({"order_id": "50314b8e", "cart_id": "923", "coupon_id": "may_deals_3"}),
    "Coupon Applied": Sent({"coupon_id": "may", "coupon_name": "Deal", "discount": 23.32}, 23.32),
    "Coupon Denied": Sent({"coupon_id": "may", "reason": "Coupon expired"}),
    "Coupon Removed": Sent({"coupon_id": "may", "discount": "23.32"}, 23.32),
    "Product Added to Wishlist": seen(wishlist_id="skdjsidj", wishlist_name="Loved Games"),
    "Product Removed from Wishlist": seen(wishlist_id="skdjsidj"),
    "Wishlist Product Added to Cart": carted(wishlist_id="skdjsidj", cart_id="99j2d92j"),
    "Product Shared": Sent({**PRODUCT, "share_via": "email"}, product="507f1f77"),
    "Cart Shared": Sent({"cart_id": "d92jd29j", "products": [{"product_id": "507f1f77"}]}),
    "Product Reviewed": Sent(
        {"product_id": "507f1f77", "review_id": "k", "review_body": "Good", "rating": "5"},
        value=5,
        product="507f1f77",
    ),
    "Email Delivered": mailed(),
    "Email Opened": mailed(),
    "Email Link Clicked": mailed(link_id="101", link_url="https://www.buymyshirts.com"),
    "Email Bounced": mailed(),
    "Email Marked as Spam": mailed(),
    "Unsubscribed": mailed(list_id="1425", list_name="New customers"),
    "Points Earned": Sent({"points": "120", "order_id": "50314b8e"}, 120),
    "Points Redeemed": Sent({"points": 50}, 50),
    "Points Expiring": Sent({"points": 70, "expires_at": "2011-09-12T23:30:00Z"}, 70, measure=2.5),
    "Points Expired": Sent({"points": 70}, 70),
    "Tier Changed": Sent({"tier": "Gold", "tier_level": "2"}, 2),
    "Subscription Started": Sent(
        {"subscription_id": "s", "product_id": "507f1f77", "price": 9, "interval_days": "30"},
        value=9,
        measure=30,
        product="507f1f77",
    ),
    "Subscription Paused": Sent({"subscription_id": "s"}),
    "Subscription Cancelled": Sent({"subscription_id": "s", "reason": "too much"}),
    "Survey Answered": Sent({"score": "9", "comment": "fine"}, 9),
    "Ticket Opened": Sent({"ticket_id": "t", "topic": "delivery"}),
    "Ticket Resolved": Sent({"ticket_id": "t", "topic": "delivery"}),
    "Store Visited": Sent({"store_id": "soho"}, channel="store"),
    **{f"Message {n}": Sent(MESSAGE) for n in ("Sent", "Delivered", "Opened", "Unsubscribed")},
    "Message Clicked": Sent({**MESSAGE, "link_url": "https://shop.example"}),
    "Recommendation Shown": Sent(
        {"recommendation_id": "r", "product_id": "507f1f77"}, product="507f1f77"
    ),
    "Recommendation Clicked": Sent(
        {"recommendation_id": "r", "product_id": "507f1f77"}, product="507f1f77"
    ),
    "Recommendation Dismissed": Sent(
        {"recommendation_id": "r", "product_id": "507f1f77"}, product="507f1f77"
    ),
    **{f"Offer {n}": Sent({"offer_id": "o"}) for n in ("Shown", "Accepted", "Declined")},
    "Consent Changed": Sent({"purpose": "marketing", "status": "granted"}),
    "Segment Consent Preference Updated": Sent({"category_preferences": {"Advertising": False}}),
    "Page Viewed": Sent({"path": "/pots", "title": "Pots", "referrer": ""}, call="page"),
    "Screen Viewed": Sent(call="screen", message={"name": "Cart"}, channel="app"),
    "Identified": Sent(
        call="identify",
        message={"traits": {"country": "GB", "email": "a@b.c"}},
        measure=texts.number("GB"),
    ),
    "Aliased": Sent(call="alias", message={"previousId": "v"}),
    "Grouped": Sent(call="group", message={"groupId": "g", "traits": {"name": "Initech"}}),
}
"""What the specs' pages show, numbers as text and nulls among them."""

# the mobile app's screens and the mail tool tell their channel by what they are
TOLD = {"channel": None, "page": {"path": "/"}}
KINDS = [kind for kind in schema().events if not kind.internal]


def send(client, name, sent, message_id="m1", at="2011-09-10T11:30:00Z", user="ann"):
    """Sends an event; of each user it has an order and a message of its own."""
    properties = dict(sent.properties)
    if "order_id" in properties:
        properties["order_id"] += user
    body = {
        "event": name,
        "messageId": f"{message_id}-{user}",
        "userId": user,
        "timestamp": at,
        "context": TOLD,
        "properties": properties,
        **sent.message,
    }
    answer = client.post(f"/v1/{sent.call}", body)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_event_of_the_specs_becomes_its_rows(standing, kind):
    sent = EVENTS[kind.name]
    user = f"{kind.name} of the specs"
    send(standing, kind.name, sent, user=user)
    timeline = standing.service.store.person(user).timeline
    numbers = {p.product_id: n for n, p in enumerate(standing.service.store.products())}
    expected = [
        (kind.code, sent.value, sent.quantity, sent.measure, numbers.get(sent.product, -1)),
        *(
            (schema().code(kind.lines), value, quantity, measure, numbers[product])
            for value, quantity, measure, product in sorted(sent.lines)
        ),
    ]
    rows = timeline.rows()
    assert len(rows) == len(expected)
    for row, (code, value, quantity, measure, product) in zip(rows, expected, strict=True):
        assert (row["type"], row["product"]) == (code, product)
        numbers_held = [float(row[name]) for name in ("value", "quantity", "measure")]
        assert numbers_held == pytest.approx([value, quantity, measure], nan_ok=True)
        assert (row["at"], row["known_at"]) == (AT, instant("2011-09-10T12:00:00Z"))
        assert schema().channel_names[int(row["channel"])] == sent.channel
    assert standing.get(f"/v1/customers/{user}").json()["events"] == 1


@pytest.mark.parametrize("alias", [(a, k.name) for k in KINDS for a in k.aliases], ids=str)
def test_the_names_of_the_first_spec_mean_the_same(standing, alias):
    older, name = alias
    send(standing, older, Sent(EVENTS[name].properties), user=older)
    [event] = standing.get("/v1/events", params={"customer_id": older}).json()["events"]
    assert event["name"] == name


@pytest.mark.parametrize(
    ("name", "feature", "expected"),
    [
        ("Order Completed", "purchase_orders_7d", 1),
        ("Order Completed", "purchase_spend_7d", 27.5),
        ("Order Completed", "purchase_discount_90d", 2.5),
        ("Order Completed", "purchase_lines_90d", 2),
        ("Order Completed", "purchase_basket_size_mean_90d", 3),
        ("Order Completed", "channel_web_orders_life", 1),
        ("Order Updated", "purchase_spend_7d", 0),
        ("Order Updated", "purchase_orders_7d", 0),
        ("Order Refunded", "purchase_returned_life", 30),
        ("Order Cancelled", "purchase_returns_90d", 1),
        ("Product Viewed", "engagement_views_7d", 1),
        ("Product Added", "engagement_carts_7d", 1),
        ("Wishlist Product Added to Cart", "engagement_carts_7d", 1),
        ("Products Searched", "engagement_searches_30d", 1),
        ("Product Added to Wishlist", "engagement_wishes_90d", 1),
        ("Checkout Started", "engagement_checkouts_30d", 1),
        ("Email Opened", "engagement_email_opened_30d", 1),
        ("Email Link Clicked", "engagement_email_clicked_30d", 1),
        ("Unsubscribed", "engagement_unsubscribes_life", 1),
        ("Coupon Denied", "experience_denied_coupons_90d", 1),
        ("Product Reviewed", "experience_rating_last", 5),
        ("Survey Answered", "experience_nps_last", 9),
        ("Ticket Opened", "experience_open_tickets", 1),
        ("Points Earned", "loyalty_balance_life", 120),
        ("Points Expiring", "loyalty_points_expiry_days_until", 2.5),
        ("Tier Changed", "loyalty_tier_last", 2),
        ("Subscription Started", "loyalty_subscriptions", 1),
        ("Subscription Cancelled", "loyalty_subscription_stops_365d", 1),
    ],
)
def test_an_event_changes_the_profile(standing, name, feature, expected):
    send(standing, name, EVENTS[name], user=feature + name)
    features = standing.get(f"/v1/customers/{feature + name}").json()["features"]
    assert features[feature] == pytest.approx(expected, abs=0.03)


def features_at(client, day):
    known = client.service.profiles.find("ann")
    live = known.live
    values = vector(known.timeline, instant(day), live.catalog, live.reference)
    return {f.name: float(v) for f, v in zip(FEATURES, values, strict=True)}


def test_refunds_updates_and_cancellations_act_from_their_own_instant(client, clock):
    for day, name, sent in (
        (1, "Order Completed", Sent({**ORDER, "order_id": "o1"})),
        (3, "Order Completed", Sent({**ORDER, "order_id": "o2"})),
        (4, "Order Updated", Sent({**ORDER, "order_id": "o1", "total": 99})),
        (5, "Order Refunded", Sent({"order_id": "o1", "total": 7})),
        (7, "Order Cancelled", Sent({"order_id": "o2", "total": 27.5, "products": PRODUCTS})),
    ):
        clock.now = instant(f"2011-09-0{day}T12:00:00Z")
        send(client, name, sent, f"m{day}", at=f"2011-09-0{day}T12:00:00Z")
    told = [features_at(client, f"2011-09-0{day}") for day in (2, 4, 5, 6, 8)]
    assert [f["purchase_orders_life"] for f in told] == [1, 2, 2, 2, 2]
    assert [f["purchase_spend_life"] for f in told] == [27.5, 55, 55, 55, 55]
    assert [f["purchase_returns_life"] for f in told] == [0, 0, 0, 1, 2]
    assert [f["purchase_returned_life"] for f in told] == [0, 0, 0, 7, 34.5]


def test_an_order_that_comes_twice_counts_once_whatever_its_message_id(client):
    send(client, "Order Completed", EVENTS["Order Completed"], "m1")
    send(client, "Completed Order", EVENTS["Order Completed"], "m2")
    assert client.get("/v1/customers/ann").json()["features"]["purchase_orders_life"] == 1


def test_an_alias_makes_what_was_done_under_the_previous_id_the_users(client):
    client.track("Product Viewed", "m1", anonymousId="v", product_id="tea")
    send(client, "", EVENTS["Aliased"], "m2")
    profile = client.get("/v1/customers/ann").json()
    assert set(profile["identifiers"]) == {"ann", "v", "anonymous:v"}, "it may be an id of either"
    assert profile["features"]["engagement_views_7d"] == 1


def test_an_alias_makes_two_user_ids_one_person(client):
    client.track("Product Viewed", "m1", userId="old", product_id="tea")
    client.post("/v1/alias", {"previousId": "old", "userId": "new", "messageId": "m2"})
    profile = client.get("/v1/customers/new").json()
    assert profile["features"]["engagement_views_7d"] == 1
    assert client.get("/v1/customers/old").json()["customer_id"] == profile["customer_id"]


def test_a_clock_that_is_days_off_puts_the_event_where_it_belongs(client):
    client.post(
        "/v1/batch",
        {
            "sentAt": "2031-01-05T00:10:00Z",
            "batch": [
                {
                    "type": "track",
                    "event": "Store Visited",
                    "messageId": "m1",
                    "userId": "ann",
                    "timestamp": "2031-01-05T00:00:00Z",
                    "sentAt": None,
                }
            ],
        },
    )
    [event] = client.get("/v1/events").json()["events"]
    assert (event["at"], event["marks"]) == ("2011-09-10T11:50:00Z", ["clock"])
