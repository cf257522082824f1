"""The 360° view over HTTP: one person, every channel, right after the events."""

import json

import numpy as np
import pytest
from pydantic import TypeAdapter

from features.errors import InputError
from features.events.schema import schema
from features.timeline import ROW
from serving.profile import Profile
from serving.routes.profile_example import PROFILE
from serving.settings import ServingSettings
from serving.store import HistoryPerson
from tests.serving.conftest import NOON


def view(client, customer="ann"):
    answer = client.get(f"/v1/customers/{customer}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def buy(client, message_id, *products, user="ann", **more):
    lines = [{"product_id": product, "quantity": 1, "price": 5} for product in products]
    fields = {"order_id": message_id, "total": 20, "products": lines} | more
    client.track("Order Completed", message_id, userId=user, **fields)


def test_web_app_and_store_are_one_cart_and_one_person(trained_client, clock):
    client = trained_client
    web, app, store = ({"channel": name} for name in ("web", "app", "store"))
    client.track("Product Added", "m1", anonymousId="v", product_id="tea", quantity=2, context=web)
    clock.advance(minutes=1)
    client.track("Product Added", "m2", userId="ann", product_id="pot", context=app)
    client.track("Product Viewed", "m3", userId="ann", anonymousId="v", product_id="tea")
    cart = view(client)["cart"]
    assert [(i["product_id"], i["quantity"], i["channel"]) for i in cart["items"]] == [
        ("tea", 2.0, "web"),
        ("pot", 1.0, "app"),
    ]
    assert (cart["value"], cart["channels"]) == (18.0, ["web", "app"])
    buy(client, "o1", "pot", context=store)
    seen = view(client, "anonymous:v")
    assert [item["product_id"] for item in seen["cart"]["items"]] == ["tea"]
    assert {use["channel"]: use["orders"] for use in seen["channels"]} == {
        "web": 0,
        "app": 0,
        "store": 1,
        "other": 0,
    }


def test_a_cart_is_given_up_after_a_month(client, clock):
    client.track("Product Added", "m1", userId="ann", product_id="tea")
    assert view(client)["cart"]["given_up_at"] == "2011-10-10T12:00:00Z"
    clock.advance(minutes=30 * 24 * 60)
    assert view(client)["cart"]["quantity"] == 0
    assert view(client)["cart"]["since"] is None


def test_the_stage_moves_with_orders_and_with_silence(client, clock):
    client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    stages = [view(client)["lifecycle"]["stage"]]
    for number in range(4):
        buy(client, f"o{number}", "tea")
        stages.append(view(client)["lifecycle"]["stage"])
        clock.advance(minutes=31 * 24 * 60)
        stages.append(view(client)["lifecycle"]["stage"])
    for days in (32, 63):
        clock.advance(minutes=days * 24 * 60)
        stages.append(view(client)["lifecycle"]["stage"])
    assert stages == [
        "visitor",
        "new", "one-time",
        "repeat", "repeat",
        "repeat", "repeat",
        "loyal", "loyal",
        "at risk", "lapsed",
    ]  # fmt: skip


def test_preferences_loyalty_voice_and_subscriptions_follow_from_events(trained_client):
    client = trained_client
    buy(client, "o1", "tea", "pot", "rake")
    for number, (event, fields) in enumerate(
        [
            ("Points Earned", {"points": 120}),
            ("Points Expiring", {"points": 50, "expires_at": "2011-10-01T00:00:00Z"}),
            ("Tier Changed", {"tier": "Gold", "tier_level": 2}),
            ("Survey Answered", {"score": 9}),
            ("Product Reviewed", {"product_id": "tea", "rating": 2}),
            ("Ticket Opened", {"product_id": "tea"}),
            ("Subscription Started", {"product_id": "tea", "interval_days": 30}),
            ("Product Added to Wishlist", {"product_id": "hose"}),
            ("Order Refunded", {"order_id": "o1", "total": 5}),
        ]
    ):
        client.track(event, f"m{number}", userId="ann", **fields)
    seen = view(client)
    assert [c["name"] for c in seen["preferences"]["categories"]] == [
        "Kitchen > Things",
        "Garden > Things",
    ]
    assert seen["loyalty"]["points"] == 120
    assert seen["loyalty"]["expiring"] == [{"at": "2011-10-01T00:00:00Z", "points": 50.0}]
    assert seen["loyalty"]["tier"] == 2
    assert seen["voice"]["nps"]["group"] == "promoter"
    assert seen["voice"]["ratings"]["last_low"] is True
    assert (seen["voice"]["sentiment"], seen["voice"]["open_tickets"]) == ("negative", 1)
    [subscription] = seen["subscriptions"]
    assert (subscription["title"], subscription["next_due_at"]) == ("Tea", "2011-10-10T12:00:00Z")
    assert [wish["title"] for wish in seen["wishlist"]] == ["Hose"]
    assert seen["purchases"] | {"first_order_at": "", "last_order_at": ""} == {
        "orders": 1,
        "first_order_at": "",
        "last_order_at": "",
        "spent": 20.0,
        "returned": 5.0,
        "kept": 15.0,
        "order_value": 20.0,
    }
    assert seen["last_refunds"][0]["kind"] == "refunded"


def test_what_was_offered_and_shown_is_counted(trained_client):
    buy(trained_client, "o1", "tea")
    for _ in range(12):
        made = trained_client.post("/v1/offers/next", {"customer_id": "ann"}).json()
    trained_client.track("Offer Shown", "m1", userId="ann", decision_id=made["decision_id"])
    seen = view(trained_client)
    assert [(d["kind"], d["action"], d["times"]) for d in seen["decided"]] == [
        ("offer", "no_offer", 12)
    ]
    assert "consent to marketing" in seen["decided"][0]["last_reason"]
    assert len(seen["decisions"]) == 10
    assert seen["responses"]["offers_shown"]["times"] == 1


def test_a_visitor_of_whom_only_a_bots_events_are_known_has_an_empty_profile(start):
    client = start(bot_events_per_minute=2)
    for number in range(5):
        client.track("Product Viewed", f"m{number}", anonymousId="crawler", product_id="tea")
    crawler = view(client, "anonymous:crawler")
    assert crawler["lifecycle"]["stage"] == "visitor"
    agent = {"userAgent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
    client.track("Product Added", "b1", anonymousId="bot", product_id="tea", context=agent)
    seen = view(client, "anonymous:bot")
    assert (seen["events"], seen["first_seen_at"], seen["cart"]["items"]) == (0, None, [])
    assert (seen["channels"], seen["voice"]["sentiment"]) == ([], None)
    assert seen["habits"]["hour_evidence"] == 0


def test_titles_of_every_script_come_back_as_they_were_sent(client, clock):
    titles = {"cup": "🫖 Tasse – «groß»", "kos": "כוס \u200fלתה", "cay": "چای"}
    for product, title in titles.items():
        client.request("PUT", f"/v1/products/{product}", json={"title": title, "category": title})
    buy(client, "o1", *titles)
    clock.advance(minutes=1)
    client.track("Product Added", "m1", userId="ann", product_id="kos")
    seen = view(client)
    assert {line["title"] for line in seen["last_orders"][0]["lines"]} == set(titles.values())
    assert seen["cart"]["items"][0]["title"] == titles["kos"]
    assert {c["name"] for c in seen["preferences"]["categories"]} == set(titles.values())


def test_money_has_the_shops_currency_and_hours_its_time_zone(start):
    client = start(currency="EUR", time_zone="Asia/Tokyo")
    for day in range(1, 7):
        client.track(
            "Product Viewed",
            f"m{day}",
            userId="ann",
            product_id="tea",
            timestamp=f"2011-09-0{day}T11:30:00Z",
        )
    seen = view(client)
    assert (seen["currency"], seen["habits"]["time_zone"]) == ("EUR", "Asia/Tokyo")
    assert seen["habits"]["hour"] == 20


def test_a_time_zone_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv("REGULARS_TIME_ZONE", "Middle/Earth")
    with pytest.raises(InputError, match="no such time zone"):
        ServingSettings.of_environment()


def test_fifty_thousand_rows_are_a_profile_too(client):
    rng = np.random.default_rng(0)
    client.request("PUT", "/v1/products/tea", json={"title": "Tea", "price": 4})
    rows = np.zeros(50_000, ROW)
    rows["at"] = rows["known_at"] = NOON - np.sort(rng.integers(1, 10**11, len(rows)))[::-1]
    codes = [event.code for event in schema().events]
    rows["type"] = rng.choice(codes, len(rows))
    rows["channel"] = rng.integers(0, 10, len(rows))
    rows["product"] = rng.integers(-1, 1, len(rows))
    rows["value"] = rows["quantity"] = rows["measure"] = 1
    client.service.store.put_history("f", 1, [HistoryPerson("ann", rows.tobytes())])
    seen = view(client)
    lines = [schema().code("Order Line"), schema().code("Refund Line")]
    assert seen["events"] == int((~np.isin(rows["type"], lines)).sum())
    assert len(seen["last_orders"]) == 5
    assert sum(use["share"] for use in seen["channels"]) == pytest.approx(1, abs=0.01)
    assert len(json.dumps(seen)) < 50_000


def test_the_documented_example_is_a_profile(client):
    example = TypeAdapter(Profile).validate_python(PROFILE)
    assert example.lifecycle.stage == "repeat"
    client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    seen = view(client)
    assert list(seen) == list(PROFILE)
    for part, told in PROFILE.items():
        if isinstance(told, dict) and part not in ("features", "standing", "persona"):
            assert list(seen[part]) == list(told)


def test_what_a_field_means_stands_in_the_documentation(client):
    """Plain names may stand alone; what is counted, cut or null is explained."""
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for part, fields in {
        "Profile": ["at", "events", "persona", "decided", "features"],
        "Lifecycle": ["stage", "rhythm_days", "at_risk_at", "lapsed_at"],
        "PersonaView": ["key", "description", "membership"],
        "Cart": ["value", "given_up_at"],
        "Habits": ["channel", "channel_days", "hour", "hour_evidence"],
        "Loyalty": ["points", "expiring"],
        "Voice": ["sentiment", "tickets"],
        "Subscription": ["next_due_at"],
    }.items():
        for name in fields:
            field = schemas[part]["properties"][name]
            assert field.get("description"), f"{part}.{name}"


def test_a_customer_is_read_in_two_statements(client, monkeypatch):
    """The person with the decisions, and the consents: an answer is due in milliseconds."""
    buy(client, "o1", "tea")
    view(client)
    database = client.service.store._database
    read, asked = database.read, []

    def counted(doing, work):
        asked.append(doing)
        return read(doing, work)

    monkeypatch.setattr(database, "read", counted)
    view(client)
    assert len(asked) == 2, asked
