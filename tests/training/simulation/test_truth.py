"""What was planted can be found in the tables."""

import pandas as pd
import pytest


def test_who_left_orders_and_visits_no_more(shop):
    left = shop.true_customers.dropna(subset="left_at").set_index("customer_id")["left_at"]
    assert 0.3 < len(left) / shop.settings.customers < 0.9
    ordered = shop.orders.groupby("user_id")["timestamp"].max()
    both = ordered.index.intersection(left.index)
    assert (ordered[both] < left[both]).all()
    viewed = shop.named("Product Viewed").groupby("user_id")["timestamp"].max()
    both = viewed.index.intersection(left.index)
    # A visit under way is finished.
    assert (viewed[both] < left[both] + pd.Timedelta(minutes=20)).all()


def test_everyone_has_an_order_and_the_first_is_when_they_joined(shop):
    first = shop.orders.groupby("user_id")["timestamp"].min()
    joined = shop.true_customers.set_index("customer_id")["joined_at"]
    # A till may not have sent the orders of the last day yet.
    joined = joined[joined < joined.max() - pd.Timedelta(days=1)]
    assert (first[joined.index] == joined).all()


def test_a_third_to_a_half_buy_once(shop):
    assert 0.3 < (shop.orders.groupby("user_id").size() == 1).mean() < 0.6


def test_the_frequent_order_more_often(shop):
    staying = shop.true_customers[shop.true_customers["left_at"].isna()].set_index("customer_id")
    tenure = shop.orders["timestamp"].max() - staying["joined_at"]
    staying, tenure = staying[tenure.dt.days > 90], tenure[tenure.dt.days > 90]
    orders = shop.orders.groupby("user_id").size()[staying.index]
    rate = orders / tenure.dt.days
    assert len(rate) > 80
    assert rate.rank().corr(staying["orders_per_year"].rank()) > 0.4


def test_silence_comes_before_leaving(shop):
    """Visits without an order: the last twenty days against twenty days a month earlier."""
    traits = shop.true_customers.set_index("customer_id")
    left = traits["left_at"][traits["left_at"] - traits["joined_at"] > pd.Timedelta(days=50)]
    views = shop.named("Product Viewed")
    views = views[views["user_id"].isin(left.index)]
    bought = set(zip(shop.orders["user_id"], shop.orders["timestamp"].dt.date, strict=True))
    days = zip(views["user_id"], views["timestamp"].dt.date, strict=True)
    views = views[[day not in bought for day in days]]
    before = (views["user_id"].map(left) - views["timestamp"]) / pd.Timedelta(days=1)
    assert before.between(30, 50).sum() > 30
    assert before.between(0, 20).sum() < 0.8 * before.between(30, 50).sum()


def test_a_bad_experience_drives_people_away(shop):
    opened = shop.named("Ticket Opened")
    complaints = opened[opened["topic"] != "question"]["order_id"]
    last = shop.orders.groupby("user_id")["timestamp"].transform("max") == shop.orders["timestamp"]
    complained = shop.orders["order_id"].isin(complaints)
    assert complained.sum() > 30
    assert last[complained].mean() > 1.2 * last[~complained].mean()


def test_complements_share_a_basket_far_above_chance(shop):
    style = shop.true_products.set_index("product_id")["style"]
    baskets = shop.bought.groupby("style")["order_id"].agg(set)
    together, by_chance = 0, 0.0
    for pair in shop.complements.itertuples():
        one, other = (baskets.get(style[p], set()) for p in (pair.product_id, pair.complement_id))
        together += len(one & other)
        by_chance += len(one) * len(other) / len(shop.orders)
    assert together > 10 * by_chance


def test_a_complement_is_remembered_within_two_weeks(shop):
    bought = shop.bought.dropna(subset=["user_id", "complement_id"])
    style = shop.true_products.set_index("product_id")["style"]
    both = bought.assign(partner=style[bought["complement_id"]].to_numpy()).merge(
        bought, left_on=["user_id", "partner"], right_on=["user_id", "style"]
    )
    days = (both["timestamp_y"] - both["timestamp_x"]) / pd.Timedelta(days=1)
    assert ((days > 1) & (days <= 15)).sum() > 1.5 * ((days > 16) & (days <= 30)).sum()


def test_refills_come_within_a_quarter_of_the_true_gap(shop):
    bought = shop.bought.dropna(subset=["user_id", "refill_days"]).sort_values("timestamp")
    gap = bought.groupby(["user_id", "style"])["timestamp"].diff() / pd.Timedelta(days=1)
    ratio = (gap / bought["refill_days"]).dropna()
    assert len(ratio) > 300
    assert ((ratio > 0.75) & (ratio < 1.25)).mean() > 0.8
    assert ratio.median() == pytest.approx(1, abs=0.05)


def test_popularity_has_a_long_tail(shop):
    sold = shop.bought.groupby("style").size().sort_values(ascending=False)
    styles = shop.true_products["style"].nunique()
    assert sold.head(styles // 10).sum() > 0.25 * sold.sum()
    assert (sold < sold.mean() / 2).sum() > 0.25 * styles


def test_seasonal_products_sell_in_their_season(shop):
    bought = shop.bought.dropna(subset="season_peak_month")
    distance = (bought["timestamp"].dt.month - bought["season_peak_month"]) % 12
    near, far = distance.isin([11, 0, 1]).sum(), distance.isin([5, 6, 7]).sum()
    assert near > 2 * far


def test_people_buy_what_they_like(shop):
    favourite = shop.true_customers.set_index("customer_id")["favourite_category"]
    bought = shop.bought.dropna(subset="user_id").merge(
        shop.products[["product_id", "category"]], on="product_id"
    )
    mine = favourite[bought["user_id"]].to_numpy() == bought["category"].to_numpy()
    assert mine.mean() > 0.2


def test_the_price_sensitive_use_more_coupons(shop):
    sensitivity = shop.true_customers.set_index("customer_id")["price_sensitivity"]
    orders = shop.orders.dropna(subset="user_id")
    careful = sensitivity[orders["user_id"]].to_numpy() > 0.5
    coupon = orders["coupon"].notna()
    assert coupon[careful].mean() > 1.3 * coupon[~careful].mean()


def test_bad_ratings_and_refunds_come_from_products_that_disappoint(shop):
    reviews = shop.named("Product Reviewed").merge(shop.true_products, on="product_id")
    assert (
        reviews[reviews["rating"] <= 2]["bad_experience"].mean()
        > 1.3 * reviews[reviews["rating"] >= 4]["bad_experience"].mean()
    )
