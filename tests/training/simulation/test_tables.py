"""What the tables hold, whoever is in them."""

import numpy as np
import pandas as pd
import pytest

from features.events.schema import schema

KEYS = {"event_id", "event", "timestamp", "received_at", "user_id", "anonymous_id", "channel"}


def test_every_event_is_one_the_schema_names(shop):
    names = {event.name for event in schema().events if not event.internal}
    assert set(shop.events["event"]) <= names


def test_events_carry_only_the_properties_of_their_type_and_all_required_ones(shop):
    for name in shop.events["event"].unique():
        kind = schema().find(name)
        filled = set(shop.named(name).columns) - KEYS
        assert filled <= set(kind.properties), name
        assert shop.named(name)[list(kind.required)].notna().all(axis=None), name


def test_every_kind_of_touchpoint_is_there(shop):
    assert set(shop.events["event"]) >= {
        "Product Viewed", "Products Searched", "Product Added", "Product Removed",
        "Product Added to Wishlist", "Checkout Started", "Coupon Applied", "Order Refunded",
        "Product Reviewed", "Survey Answered", "Ticket Opened", "Ticket Resolved",
        "Points Earned", "Points Redeemed", "Points Expiring", "Points Expired", "Tier Changed",
        "Subscription Started", "Subscription Cancelled", "Consent Changed", "Store Visited",
        "Email Delivered", "Email Opened", "Email Link Clicked", "Unsubscribed",
        "Message Sent", "Message Delivered", "Message Opened", "Identified",
    }  # fmt: skip


def test_numbers_stay_within_the_bounds_of_the_schema(shop):
    for name, declared in schema().properties.items():
        if name in shop.events.columns and declared.type in ("number", "money"):
            values = shop.events[name].dropna()
            assert len(values), name
            assert values.min() >= (declared.minimum if declared.minimum is not None else -np.inf)
            assert values.max() <= (declared.maximum if declared.maximum is not None else np.inf)


def test_channels_are_those_of_the_schema(shop):
    channels = {*shop.events["channel"], *shop.orders["channel"]}
    assert channels <= set(schema().channels)
    assert {"web", "app", "store"} <= set(shop.orders["channel"])


def test_a_total_is_its_lines_less_the_discount(shop):
    value = (shop.lines["price"] * shop.lines["quantity"]).groupby(shop.lines["order_id"]).sum()
    orders = shop.orders.set_index("order_id")
    assert len(value) == len(orders)
    paid = (orders["total"] + orders["discount"]).to_numpy()
    assert paid == pytest.approx(value[orders.index].to_numpy())
    assert (orders["total"] > 0).all()
    assert (orders["discount"] >= 0).all()


def test_lines_of_an_order_are_numbered_from_zero(shop):
    numbers = shop.lines.groupby("order_id")["line"]
    assert (numbers.min() == 0).all()
    assert (numbers.max() + 1 == numbers.size()).all()


def test_ids_are_given_once(shop):
    assert shop.events["event_id"].is_unique
    assert shop.orders["order_id"].is_unique
    assert shop.products["product_id"].is_unique
    assert shop.named("Ticket Opened")["ticket_id"].is_unique
    assert shop.named("Email Delivered")["email_id"].is_unique
    assert shop.named("Product Reviewed")["review_id"].is_unique
    assert shop.named("Subscription Started")["subscription_id"].is_unique
    assert shop.named("Checkout Started")["checkout_id"].is_unique


def test_time_is_utc_and_nothing_happens_or_arrives_outside_the_period(shop):
    start, end = (
        pd.Timestamp(at, unit="ms", tz="UTC")
        for at in (shop.settings.start_at, shop.settings.end_at)
    )
    known = (
        table[column]
        for table in (shop.events, shop.orders)
        for column in ("timestamp", "received_at")
    )
    for moments in known:
        assert str(moments.dt.tz) == "UTC"
        assert moments.min() >= start
        assert moments.max() < end
    for table in (shop.events, shop.orders):
        assert (table["received_at"] >= table["timestamp"]).all()


def test_some_events_arrive_hours_or_days_late(shop):
    delay = shop.events["received_at"] - shop.events["timestamp"]
    assert (delay > pd.Timedelta(hours=1)).mean() > 0.005
    assert (delay > pd.Timedelta(days=1)).any()
    assert (delay < pd.Timedelta(seconds=2)).mean() > 0.5


def test_only_products_on_sale_are_ordered(shop):
    bought = shop.lines.merge(shop.orders, on="order_id").merge(
        shop.products[["product_id", "first_seen_at"]], on="product_id", how="left"
    )
    assert bought["first_seen_at"].notna().all()
    assert (bought["timestamp"] >= bought["first_seen_at"]).all()


def test_the_catalogue_has_two_level_categories_brands_and_variants(shop):
    products = shop.products
    assert len(products) == shop.settings.products
    assert products["category"].str.fullmatch(r"[^>]+ > [^>]+").all()
    assert products["title"].is_unique
    variants = products.groupby("parent_id").size()
    assert variants.max() > 1
    assert products["parent_id"].isna().any()
    assert not products["available"].all()


def test_refunds_name_lines_of_their_order_and_pay_back_no_more_than_was_paid(shop):
    refunds = shop.named("Order Refunded").merge(
        shop.orders, on="order_id", suffixes=("", "_of_order")
    )
    lines = shop.lines.set_index(["order_id", "product_id"])
    assert len(refunds) == len(shop.named("Order Refunded"))
    assert (refunds["timestamp"] > refunds["timestamp_of_order"]).all()
    assert (refunds["total"] <= refunds["total_of_order"]).all()
    for refund in refunds.itertuples():
        assert len(refund.products)
        for product in refund.products:
            line = lines.loc[(refund.order_id, product["product_id"])]
            assert (line["quantity"], line["price"]) == (product["quantity"], product["price"])


def test_the_summary_counts_the_rows(shop):
    assert shop.summary.orders == len(shop.orders)
    assert shop.summary.lines == len(shop.lines)
    assert shop.summary.events == len(shop.events)
    assert shop.summary.customers == len(shop.true_customers) == shop.settings.customers
    assert shop.summary.visitors == 210
    assert shop.summary.complements == len(shop.complements)
