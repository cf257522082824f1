"""Which features tell one story, and the sentences it can be told in.

Features of one group move together, so that what each contributes says little; their sum does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from models.reasons import behaviour, buying, relation
from models.reasons.figures import Figures, declared, sentence, speaks

Tell = Callable[[Figures], str | None]
"""A sentence with the customer's figures; None where they are missing."""

DAYS_OF_AN_ORDER = 7
"""For so long people look in on what they ordered, and mean no more by it."""

ORDERING = {"Order Completed", "Order Line"}
"""Events that a window without an order has none of."""


@dataclass(frozen=True)
class Phrase:
    """One sentence, and the features that it speaks of."""

    tell: Tell
    about: tuple[str, ...]
    """What the features' names begin with."""


RHYTHM = "rhythm"
ORDERS = "orders"
ACTIVITY = "engagement_activity_days_since_last"

GROUPS: dict[str, tuple[Phrase, ...]] = {
    RHYTHM: (
        Phrase(
            buying.rhythm,
            (
                "cadence_order",
                "cadence_silence",
                "cadence_slowing",
                "purchasing",
            ),
        ),
    ),
    ORDERS: (
        Phrase(
            buying.orders,
            (
                "purchase_orders",
                "cadence_pace",
                "channel_web_orders",
                "channel_app_orders",
                "channel_store_orders",
            ),
        ),
    ),
    "season": (Phrase(buying.season, ("cadence_season_orders",)),),
    "spending": (
        Phrase(buying.spend, ("purchase_spend", "purchase_spend_trend")),
        Phrase(buying.order_value, ("purchase_order_value", "gamma_gamma")),
        Phrase(buying.basket, ("purchase_basket_size",)),
    ),
    "discounts": (
        Phrase(buying.discounts, ("purchase_discount",)),
        Phrase(buying.discount_share, ("purchase_discount_share",)),
        Phrase(buying.coupons, ("experience_denied_coupons",)),
    ),
    "returns": (
        Phrase(buying.returns, ("purchase_returns", "experience_return")),
        Phrase(buying.return_share, ("purchase_return_share", "purchase_returned")),
    ),
    "variety": (
        Phrase(buying.products, ("preference_products", "preference_variety", "purchase_lines")),
        Phrase(buying.categories, ("preference_category",)),
        Phrase(buying.brands, ("preference_brand",)),
    ),
    "prices": (Phrase(buying.prices, ("preference_price_level",)),),
    "browsing": (
        Phrase(behaviour.sessions, ("engagement_browsing",)),
        Phrase(
            behaviour.views,
            ("engagement_views", "engagement_view_trend", "preference_viewed_category"),
        ),
        Phrase(behaviour.searches, ("engagement_searches",)),
        Phrase(behaviour.activity, ("engagement_activity",)),
        Phrase(behaviour.store_visits, ("engagement_visits",)),
    ),
    "cart": (
        Phrase(behaviour.carts, ("engagement_carts",)),
        Phrase(behaviour.wishes, ("engagement_wishes",)),
        Phrase(behaviour.checkouts, ("engagement_checkouts",)),
    ),
    "messages": (
        Phrase(behaviour.emails, ("engagement_email",)),
        Phrase(behaviour.push, ("engagement_push",)),
        Phrase(behaviour.texts, ("engagement_sms",)),
        Phrase(behaviour.unsubscribed, ("engagement_unsubscribes",)),
    ),
    "mood": (
        Phrase(relation.ratings, ("experience_rating", "experience_bad_reviews")),
        Phrase(relation.recommends, ("experience_nps",)),
        Phrase(
            relation.tickets, ("experience_tickets", "experience_open_tickets", "experience_ticket")
        ),
    ),
    "loyalty": (
        Phrase(
            relation.points,
            ("loyalty_balance", "loyalty_earned", "loyalty_redeemed", "loyalty_burn_share"),
        ),
        Phrase(relation.expiry, ("loyalty_points_expiry",)),
        Phrase(relation.tier, ("loyalty_tier", "loyalty_tier_change")),
    ),
    "subscription": (
        Phrase(relation.subscriptions, ("loyalty_subscriptions", "loyalty_subscription_stops")),
    ),
    "channel": (
        Phrase(
            behaviour.bought_where,
            ("channel_web_share", "channel_app_share", "channel_store_share"),
        ),
        Phrase(behaviour.seen_where, ("channel_touch",)),
    ),
}
"""By the name that the service gives it. Of a group's sentences the one is said whose features
moved the score most."""


@cache
def placed(feature: str) -> tuple[str, Phrase]:
    """The group of a feature, and the sentence that speaks of it.

    A feature that no group names belongs to its family, and is told by its meaning and figure.

    >>> placed("purchase_orders_90d")[0], placed("purchase_weekend_share")[0]
    ('orders', 'purchase')
    """
    found = [
        (len(stem), group, phrase)
        for group, phrases in GROUPS.items()
        for phrase in phrases
        for stem in phrase.about
        if feature == stem or feature.startswith(f"{stem}_")
    ]
    if found:
        _, group, phrase = max(found, key=lambda each: each[0])
        return group, phrase
    return feature.partition("_")[0], Phrase(_plainly(feature), (feature,))


def story(feature: str, of: Figures) -> tuple[str, Phrase]:
    """As `placed`, for one customer.

    Three things say nothing but the silence: a window in which nothing was ordered, whatever would
    be in it; the number of orders of somebody who ordered once; when somebody last looked in, if
    that was in the days of their order.
    """
    since = of("cadence_order_days_since_last")
    group, phrase = placed(feature)
    if since is None:
        return group, phrase
    silence = _without_order(feature, since)
    silence |= group == ORDERS and of("purchase_orders_life") == 1
    silence |= feature == ACTIVITY and (of(ACTIVITY) or 0.0) > since - DAYS_OF_AN_ORDER
    return (RHYTHM, GROUPS[RHYTHM][0]) if silence else (group, phrase)


def _without_order(feature: str, days: float) -> bool:
    found = declared().get(feature)
    if found is None:
        return False
    if found.of is not None:
        return _without_order(found.of[0], days)
    return found.window is not None and days > found.window and ORDERING.issuperset(found.events)


def _plainly(feature: str) -> Tell:
    def tell(of: Figures) -> str | None:
        value = of(feature)
        return sentence(feature, value) if value is not None and speaks(feature) else None

    return tell
