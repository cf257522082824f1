"""What a customer's orders say of them, a sentence per story; None where figures are missing."""

from features.definitions.feature import KEY_LIMIT
from models.reasons.figures import (
    Figures,
    ago,
    amount,
    capital,
    count,
    days,
    number,
    over_time,
    share,
)

_USUAL = 0.05
"""How far prices may be from what is usual and be called usual."""


def rhythm(of: Figures) -> str | None:
    """How often somebody orders, and for how long they have been silent."""
    since, gap = of("cadence_order_days_since_last"), of("cadence_order_gap_mean_life")
    orders = of("purchase_orders_life")
    if since is None:
        return None
    if gap is None:
        return f"{_alone(orders)} {ago(since)}"
    silent = since > gap and since >= 1
    if orders is not None and number(orders) == "2":
        before = f"2 orders so far, {days(gap)} apart"
        return f"{before}, {f'silent for {days(since)}' if silent else f'the last {ago(since)}'}"
    every = max(1, round(gap))
    if every == 1:
        usual, now = "Usually orders every day", days(since)
    else:
        usual, now = f"Usually orders every {every:,} days", f"{round(since):,}"
    return f"{usual}, {f'silent for {now}' if silent else f'last ordered {ago(since)}'}"


def _alone(orders: float | None) -> str:
    if orders is None or round(orders) < 1:
        return "Last ordered"
    return (
        "One order so far," if round(orders) == 1 else f"{number(orders)} orders so far, the last"
    )


def orders(of: Figures) -> str | None:
    """How many orders, lately and before."""
    spans = _spans(of, "purchase_orders")
    told = over_time(spans, lambda n: count(n, "order"))
    return told and capital(told)


def season(of: Figures) -> str | None:
    """What was ordered at this time last year, by whom was a customer then."""
    first, then = of("cadence_order_days_since_first"), of("cadence_season_orders_275d_to_365d")
    if first is None or first < 365 or then is None:
        return None
    return capital(f"{count(then, 'order')} in the 90 days from this day last year")


def spend(of: Figures) -> str | None:
    """How much was spent, lately and before."""
    one = _one_order(of)
    if one is not None:
        return one
    told = over_time(
        _spans(of, "purchase_spend"),
        lambda v: amount(v) if v else "nothing",
        again=amount,
        none="nothing",
    )
    return told and f"Spent {told}"


def order_value(of: Figures) -> str | None:
    """How much an order is worth."""
    one = _one_order(of)
    if one is not None:
        return one
    usual = of("purchase_order_value_mean_life")
    usual = of("purchase_order_value_mean_365d") if usual is None else usual
    last = of("purchase_order_value_last")
    if usual is None:
        return None
    if last is None or abs(last - usual) <= abs(usual) / 10:
        return f"Spends {amount(usual)} per order"
    return f"Spends {amount(usual)} per order, {amount(last)} on the last one"


def basket(of: Figures) -> str | None:
    """How many pieces an order has."""
    pieces = of("purchase_basket_size_mean_life")
    if pieces is None:
        return None
    if _ordered_once(of):
        return capital(f"{count(pieces, 'piece')} in the one order")
    return f"Buys {count(pieces, 'piece')} per order"


def discounts(of: Figures) -> str | None:
    """How much was taken off."""
    told = over_time(_spans(of, "purchase_discount"), amount)
    if told is None or not told.startswith("0.00 "):
        return told and f"Discounts of {told}"
    return f"No discount {told.removeprefix('0.00 ')}"


def discount_share(of: Figures) -> str | None:
    """What discounts are of spending."""
    part = of("purchase_discount_share")
    if part is None:
        return None
    return f"Discounts worth {share(part)} of what was spent" if part > 0 else "No discount so far"


def coupons(of: Figures) -> str | None:
    """Coupons that did not work."""
    refused = of("experience_denied_coupons_90d")
    return f"{count(refused, 'coupon')} refused in the last 90 days" if refused else None


def returns(of: Figures) -> str | None:
    """How much was sent back or cancelled."""
    spans, last = _spans(of, "purchase_returns"), of("experience_return_days_since_last")
    told = over_time(
        spans[:1] if last is not None else spans,
        lambda n: count(n, "return or cancellation", "returns or cancellations"),
    )
    if told is None:
        return None
    if last is None:
        return capital(told)
    return capital(f"{told}, {'' if of('purchase_returns_life') == 1 else 'the last '}{ago(last)}")


def return_share(of: Figures) -> str | None:
    """What was sent back of spending."""
    part = of("purchase_return_share")
    if part is None:
        return None
    return f"Sent back {share(part)} of what was spent" if part > 0 else "Sent nothing back so far"


def products(of: Figures) -> str | None:
    """How many different products."""
    so_far, year = of("preference_products_distinct_life"), of("preference_products_distinct_365d")
    if so_far is not None and so_far >= KEY_LIMIT:
        return f"Bought {KEY_LIMIT} different products or more"
    if so_far == 1:
        return "Bought a single product so far"
    told = over_time(
        [("so far", so_far), ("in the last year", year)],
        lambda n: count(n, "different product"),
    )
    return told and f"Bought {told}"


def categories(of: Figures) -> str | None:
    """How many categories, and how much is of the favourite one."""
    return _favourite(of, "category", "categories")


def brands(of: Figures) -> str | None:
    """How many brands, and how much is of the favourite one."""
    return _favourite(of, "brand", "brands")


def _favourite(of: Figures, one: str, several: str) -> str | None:
    distinct, top = of(f"preference_{one}_distinct_life"), of(f"preference_{one}_top_share_life")
    if not distinct:
        return f"{share(top)} of purchases from one {one}" if top else None
    if number(distinct) == "1":
        return f"Bought from a single {one}"
    told = f"Bought from {count(distinct, one, several)}"
    return told if top is None else f"{told}, {share(top)} of it from one of them"


def prices(of: Figures) -> str | None:
    """Whether somebody buys the dear or the cheap things of a category."""
    level = of("preference_price_level_mean_365d")
    if level is None or level <= 0:
        return None
    if abs(level - 1) < _USUAL:
        return "Pays what is usual for the kind of product"
    if level >= 2:
        return f"Pays {number(level)} times what is usual for the kind of product"
    more = "more" if level > 1 else "less"
    return f"Pays {share(abs(level - 1))} {more} than is usual for the kind of product"


def _spans(of: Figures, stem: str) -> list[tuple[str, float | None]]:
    return [
        ("so far", of(f"{stem}_life")),
        ("in the last year", of(f"{stem}_365d")),
        ("in the last 90 days", of(f"{stem}_90d")),
    ]


def _ordered_once(of: Figures) -> bool:
    return of("purchase_orders_life") == 1


def _one_order(of: Figures) -> str | None:
    value = of("purchase_spend_life") if _ordered_once(of) else None
    return None if value is None else f"Spent {amount(value)} on the one order"
