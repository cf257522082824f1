"""The traits that personas are made of: declared features, in words that a marketer reads.

How long ago somebody ordered is none of them: the lifecycle stage says that, and a persona should
not change because time passes. Counts are of the whole life where the features have one, so that a
month moves them little.
"""

from dataclasses import dataclass
from enum import StrEnum

from features.definitions import FEATURES


class Shape(StrEnum):
    """How a trait's values are spread, and what brings them closer to a bell."""

    LOG = "log"
    """From 0 on with a long tail: log(1 + x). One order of 70,000 is then six times one of 5."""
    SHARE = "share"
    """From 0 to 1, where what lies outside is cut off: √x, which keeps small shares apart."""


@dataclass(frozen=True)
class Trait:
    """One feature as personas see it."""

    feature: str
    shape: Shape
    words: str
    """What it says with its figure in the place of {}; (s) is dropped after a single one."""
    median: bool = True
    """Whether its figure for many customers is their median; else the mean, for what is 0 for
    most of them."""

    @property
    def unit(self) -> str:
        """Of the declared feature."""
        return _UNITS[self.feature]


_UNITS = {feature.name: feature.unit for feature in FEATURES}

ORDERS = "purchase_orders_life"
ORDER_VALUE = "purchase_order_value_mean_life"
PIECES = "purchase_basket_size_mean_life"
DISCOUNTS = "purchase_discount_share"
RETURNS = "purchase_return_share"
FAVOURITE = "preference_category_top_share_life"
PRICES = "preference_price_level_mean_365d"
APP = "channel_app_share"
STORE = "channel_store_share"
SESSIONS = "engagement_browsing_sessions_90d"
EMAILS = "engagement_email_open_share"
POINTS = "loyalty_burn_share"
TICKETS = "experience_tickets_365d"

TRAITS: tuple[Trait, ...] = (
    Trait(ORDERS, Shape.LOG, "{} order(s) so far"),
    Trait(ORDER_VALUE, Shape.LOG, "{} spent per order"),
    Trait(PIECES, Shape.LOG, "{} piece(s) per order"),
    Trait(DISCOUNTS, Shape.SHARE, "discounts worth {} of spending", median=False),
    Trait(RETURNS, Shape.SHARE, "{} of spending returned", median=False),
    Trait(FAVOURITE, Shape.SHARE, "{} of purchases from one category", median=False),
    Trait(PRICES, Shape.LOG, "prices {} times what the category usually costs"),
    Trait(APP, Shape.SHARE, "{} of orders in the app", median=False),
    Trait(STORE, Shape.SHARE, "{} of orders in the store", median=False),
    Trait(SESSIONS, Shape.LOG, "{} browsing session(s) in 90 days", median=False),
    Trait(EMAILS, Shape.SHARE, "{} of e-mails opened", median=False),
    Trait(POINTS, Shape.SHARE, "{} of earned points redeemed", median=False),
    Trait(TICKETS, Shape.LOG, "{} support ticket(s) in a year", median=False),
)
"""In the order in which they are asked for; a shop has those that vary among its customers."""

BY_FEATURE = {trait.feature: trait for trait in TRAITS}
