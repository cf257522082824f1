import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.definitions import FEATURES
from models.churn.base import COLUMNS
from models.reasons import LIMIT, Reason, grouped, reasons, sentence
from models.reasons.groups import GROUPS, placed

NAMES = [feature.name for feature in FEATURES]


def told(feature: str, **values: float) -> str | None:
    """The reason of a customer in whose score one feature counted."""
    found = reasons({feature: 1.0}, {feature: 0.0} | values)
    return found[0].text if found else None


SINCE, GAP = "cadence_order_days_since_last", "cadence_order_gap_mean_life"
ORDERS = "purchase_orders_life"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({SINCE: 71, GAP: 32, ORDERS: 9}, "Usually orders every 32 days, silent for 71"),
        ({SINCE: 3, GAP: 32, ORDERS: 9}, "Usually orders every 32 days, last ordered 3 days ago"),
        (
            {SINCE: 0.2, GAP: 32, ORDERS: 9},
            "Usually orders every 32 days, last ordered less than a day ago",
        ),
        ({SINCE: 5, GAP: 1, ORDERS: 9}, "Usually orders every day, silent for 5 days"),
        ({SINCE: 200, GAP: 25, ORDERS: 2}, "2 orders so far, 25 days apart, silent for 200 days"),
        ({SINCE: 1, GAP: 25, ORDERS: 2}, "2 orders so far, 25 days apart, the last 1 day ago"),
        ({SINCE: 64, GAP: math.nan, ORDERS: 1}, "One order so far, 64 days ago"),
        ({SINCE: 64, GAP: math.nan, ORDERS: 3}, "3 orders so far, the last 64 days ago"),
        ({SINCE: 64}, "Last ordered 64 days ago"),
        ({SINCE: math.nan, GAP: math.nan}, None),
    ],
)
def test_the_rhythm_is_told_with_the_customers_own_figures(values, text):
    assert told(SINCE, **values) == text


@pytest.mark.parametrize(
    ("feature", "values", "text"),
    [
        (
            "purchase_orders_365d",
            {ORDERS: 7, "purchase_orders_365d": 3, "purchase_orders_90d": 1},
            "7 orders so far, 3 in the last year, 1 in the last 90 days",
        ),
        (
            "purchase_orders_365d",
            {"purchase_orders_365d": 3, "purchase_orders_90d": 1},
            "3 orders in the last year, 1 in the last 90 days",
        ),
        (
            "purchase_spend_life",
            {"purchase_spend_life": 1320, "purchase_spend_365d": 320, "purchase_spend_90d": 0},
            "Spent 1,320 so far, 320 in the last year, nothing in the last 90 days",
        ),
        (
            "purchase_spend_life",
            {"purchase_spend_life": 45.2, "purchase_spend_365d": 45.2, ORDERS: 1},
            "Spent 45.20 on the one order",
        ),
        (
            "purchase_order_value_last",
            {"purchase_order_value_last": 12, "purchase_order_value_mean_life": 45.2},
            "Spends 45.20 per order, 12.00 on the last one",
        ),
        ("purchase_basket_size_mean_life", {"purchase_basket_size_mean_life": 2.5, ORDERS: 4},
         "Buys 2.5 pieces per order"),
        (
            "purchase_returns_life",
            {"purchase_returns_life": 2, "experience_return_days_since_last": 30},
            "2 returns or cancellations so far, the last 30 days ago",
        ),
        ("purchase_returns_life", {}, "No return or cancellation so far"),
        (
            "purchase_discount_life",
            {"purchase_discount_life": 16, "purchase_discount_365d": 0},
            "Discounts of 16.00 so far, none in the last year",
        ),
        ("purchase_discount_share", {"purchase_discount_share": 0.08},
         "Discounts worth 8% of what was spent"),
        (
            "preference_category_top_share_life",
            {"preference_category_top_share_life": 0.62, "preference_category_distinct_life": 5},
            "Bought from 5 categories, 62% of it from one of them",
        ),
        ("preference_products_distinct_life", {"preference_products_distinct_life": 64},
         "Bought 64 different products or more"),
        ("preference_price_level_mean_365d", {"preference_price_level_mean_365d": 1.4},
         "Pays 40% more than is usual for the kind of product"),
        (
            "engagement_email_opened_90d",
            {"engagement_email_delivered_90d": 6},
            "Opened none of the 6 e-mails of the last 90 days",
        ),
        (
            "engagement_email_opened_90d",
            {"engagement_email_delivered_90d": 1, "engagement_email_opened_90d": 1,
             "engagement_email_clicked_90d": 2},
            "Opened the one e-mail of the last 90 days, clicked twice",
        ),
        ("engagement_unsubscribes_life", {}, None),
        (
            "engagement_browsing_sessions_90d",
            {"engagement_browsing_sessions_90d": 4, "engagement_browsing_sessions_30d": 0},
            "Browsed 4 times in the last 90 days, not in the last 30",
        ),
        ("engagement_carts_90d", {"engagement_carts_90d": 3, "engagement_carts_30d": 3},
         "Put 3 products into the cart in the last 90 days, all in the last 30"),
        ("engagement_visits_90d", {"engagement_visits_90d": 1},
         "1 visit to the store in the last 90 days"),
        ("experience_nps_last", {"experience_nps_last": 3},
         "Answered 3 of 10 when asked to recommend us"),
        (
            "experience_tickets_365d",
            {"experience_tickets_365d": 1, "experience_ticket_days_since_last": 4,
             "experience_open_tickets": 1},
            "1 support ticket in the last year, 4 days ago, still open",
        ),
        (
            "loyalty_balance_life",
            {"loyalty_balance_life": 420, "loyalty_earned_365d": 120},
            "420 points on the account, 120 earned and none redeemed in the last year",
        ),
        ("loyalty_tier_last", {"loyalty_tier_last": 2},
         "On loyalty tier 2 (0 is the lowest)"),
        (
            "loyalty_subscriptions",
            {"loyalty_subscription_stops_365d": 1},
            "No running subscription; paused or cancelled once in the last year",
        ),
        ("channel_web_share", {"channel_web_share": 0.25, "channel_store_share": 0.75},
         "Orders 75% in the store and 25% on the website"),
        ("channel_touch_last", {"channel_touch_last": 2, "channel_touch_distinct_365d": 1},
         "Seen in the last year only in the app"),
    ],
)  # fmt: skip
def test_each_story_has_a_sentence_of_its_own(feature, values, text):
    assert told(feature, **values) == text


def test_a_season_is_told_only_of_who_was_a_customer_then():
    feature, first = "cadence_season_orders_275d_to_365d", "cadence_order_days_since_first"
    assert (
        told(feature, **{feature: 2, first: 500})
        == "2 orders in the 90 days from this day last year"
    )
    assert told(feature, **{feature: 0, first: 200}) is None


def test_of_a_group_the_sentence_is_told_that_moved_the_score_most_and_its_way():
    values = {"experience_rating_last": 2.0, "experience_nps_last": 9.0}
    moved = {"experience_rating_last": 0.5, "experience_nps_last": -0.2}
    (mood,) = reasons(moved, values)
    assert mood == Reason("mood", 0.3, "Rated 2 of 5 stars the last time")
    del values["experience_rating_last"]  # a good answer is no reason for a risk
    assert reasons(moved, values) == []


def test_a_window_without_an_order_speaks_of_the_silence():
    values = {SINCE: 120.0, GAP: 32.0, "purchase_spend_90d": 0.0, "purchase_spend_365d": 50.0}
    moved = {SINCE: 1.0, "purchase_spend_90d": 0.4, "purchase_spend_trend": 0.1,
             "purchase_spend_365d": 0.2}  # fmt: skip
    assert grouped(moved, values) == pytest.approx({"rhythm": 1.5, "spending": 0.2})
    values[SINCE] = 80.0
    assert grouped(moved, values) == pytest.approx({"rhythm": 1.0, "spending": 0.7})


def test_whoever_ordered_once_has_one_reason_for_when_and_how_often():
    values = {SINCE: 64.0, GAP: math.nan, ORDERS: 1.0}
    (only,) = reasons({SINCE: 0.5, ORDERS: 0.5}, values)
    assert only == Reason("rhythm", 1.0, "One order so far, 64 days ago")


def test_looking_in_last_when_ordering_is_part_of_the_silence():
    looked = "engagement_activity_days_since_last"
    values = {SINCE: 64.0, ORDERS: 1.0, looked: 63.0}
    assert [each.group for each in reasons({SINCE: 1.0, looked: 1.0}, values)] == ["rhythm"]
    values[looked] = 5.0
    groups = {each.group for each in reasons({SINCE: 1.0, looked: 1.0}, values)}
    assert groups == {"rhythm", "browsing"}


def test_what_has_nothing_to_say_gives_way_and_noise_is_no_reason():
    values = {SINCE: 64.0, "experience_nps_last": 3.0}
    moved = {"loyalty_tier_last": 2.0, SINCE: 1.0, "experience_nps_last": 0.01}
    assert [each.group for each in reasons(moved, values)] == ["rhythm"]


def test_every_feature_is_in_a_group_and_every_group_has_features():
    groups = {placed(name)[0] for name in NAMES}
    assert groups == set(GROUPS)
    assert {placed(column)[0] for column in COLUMNS} == {"rhythm"}


def test_a_feature_that_no_group_names_is_its_familys_and_told_by_its_meaning():
    assert placed("purchase_weekends_90d")[0] == "purchase"
    assert told("purchase_weekends_90d", purchase_weekends_90d=7) == "purchase weekends 90d: 7"
    assert told("purchase_weekends_90d", purchase_weekends_90d=math.nan) is None


def test_categories_numbers_are_not_told():
    assert told("preference_brand_top_life", preference_brand_top_life=7) is None


FIGURES = st.one_of(
    st.integers(0, 400).map(float), st.floats(width=32), st.sampled_from([math.nan, 0.0, 1.0, 0.5])
)


@given(
    st.dictionaries(
        st.sampled_from([*NAMES, "purchasing_alive", "a_feature_of_old"]), st.floats(-9, 9)
    ),
    st.dictionaries(st.sampled_from([*NAMES, "a_feature_of_old"]), FIGURES),
    st.integers(0, 20),
)
def test_reasons_are_few_sorted_known_and_add_up(moved, values, limit):
    found = reasons(moved, values, limit)
    sizes = [abs(each.contribution) for each in found]
    assert len(found) <= limit
    assert sizes == sorted(sizes, reverse=True)
    totals = grouped(moved, values)
    assert sum(totals.values()) == pytest.approx(sum(moved.values()), abs=1e-9)
    for each in found:
        assert each.contribution == totals[each.group] != 0
        words = each.text.replace(",", "").replace("%", "").split()
        assert each.text == each.text.strip() != ""
        assert not {"nan", "inf", "-inf", "None", "known"} & set(words)
        assert not re.search(r"(?<![\d.,])1 (day|order|product|point|coupon|visit)s", each.text)


@given(st.sampled_from(NAMES), FIGURES)
def test_a_feature_alone_is_one_reason_at_most(name, value):
    assert len(reasons({name: 1.0}, {name: value})) <= 1


def test_five_reasons_are_enough():
    values = dict.fromkeys(NAMES, 2.0)
    assert len(reasons(dict.fromkeys(NAMES, 1.0), values)) == LIMIT == 5


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        ("purchase_spend_90d", 1234.5, "Spent in the last 90 days: 1,234.50"),
        (
            "purchase_return_share",
            0.25,
            "Returns as a share of what was spent, at most all of it: 25%",
        ),
        (GAP, math.nan, "Usual days between orders: not known"),
        ("a_feature_of_old", 7.0, "a feature of old: 7"),
    ],
)
def test_figures_are_written_by_their_unit(feature, value, text):
    assert sentence(feature, value) == text
