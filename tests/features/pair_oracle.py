"""Customer × product features the slow, obvious way: one candidate at a time."""

import math
from collections import Counter
from itertools import pairwise

from features.cart import CART_DAYS, TOUCHES
from features.catalog import Catalog
from features.events.schema import schema
from features.instants import DAY_MS
from features.pairs import KEPT_PER_ORDER
from features.reference import Reference
from features.timeline import Timeline

NAN = math.nan


def pair(
    timeline: Timeline, at: int, candidate: int, catalog: Catalog, reference: Reference
) -> list[float]:
    """The pair features of one candidate, in the order of PAIR_FEATURES."""
    code = schema().code
    past = timeline.until(at)
    story = [(int(past.type[i]), int(past.at[i]), int(past.product[i])) for i in range(len(past))]
    order, line = code("Order Completed"), code("Order Line")

    def parent(product: int) -> int:
        return int(catalog.parent[product]) if product >= 0 else -1

    # the number of orders that stand behind a row, newest rows first
    after = [sum(kind == order for kind, *_ in story[i + 1 :]) for i in range(len(story))]
    lines = [
        (when, parent(product), after[i])
        for i, (kind, when, product) in enumerate(story)
        if kind == line and product >= 0
    ]
    mine = [(when, orders) for when, product, orders in lines if product == candidate]
    days = sorted({when // DAY_MS for when, _ in mine})
    gaps = [b - a for a, b in pairwise(days)]
    own = sum(gaps) / len(gaps) if gaps else NAN
    common, weight = float(reference.product_usual_days[candidate]), float(reference.gap_prior[1])
    logs = sum(math.log(gap) for gap in gaps) + weight * math.log(common)
    usual = math.exp(logs / (len(gaps) + weight))
    since = (at - mine[-1][0]) / DAY_MS if mine else NAN
    last_bought = max(
        (i for i, (k, _, p) in enumerate(story) if k == line and parent(p) == candidate),
        default=-1,
    )
    looks = [
        when
        for i, (kind, when, product) in enumerate(story)
        if kind in (code("Product Viewed"), code("Product Clicked"))
        and parent(product) == candidate
        and i > last_bought
    ]
    returns = sum(k == code("Refund Line") and parent(p) == candidate for k, _, p in story)
    cart: Counter[int] = Counter()
    for product, pieces in cart_of(timeline, at, catalog).items():
        cart[parent(product)] += pieces

    def together(basket: list[int]) -> float:
        total = 0.0
        for product in basket:
            for n in range(reference.co_offsets[product], reference.co_offsets[product + 1]):
                if reference.co_products[n] == candidate:
                    total += float(reference.co_weight[n])
        return total

    def share(numbers: list[int], number: int) -> float:
        return numbers.count(number) / len(numbers) if lines and number >= 0 else NAN

    bought = [product for _, product, _ in lines]
    held = {orders for _, orders in mine}
    buyers = float(reference.product_buyers[candidate])
    return [
        len(held),
        sum(KEPT_PER_ORDER**orders for orders in held),
        len(held) / max(sum(kind == order for kind, *_ in story), 1),
        since,
        mine[-1][1] if mine else NAN,
        own,
        float(reference.product_gap_days[candidate]),
        usual,
        since / usual,
        returns,
        len(looks),
        (at - looks[-1]) / DAY_MS if looks else NAN,
        cart[candidate],
        together(list(cart)),
        together([product for _, product, orders in lines if orders == 0]),
        share([int(catalog.category[p]) for p in bought], int(catalog.category[candidate])),
        share([int(catalog.brand[p]) for p in bought], int(catalog.brand[candidate])),
        buyers,
        float(reference.product_buyers_30d[candidate]),
        float(reference.product_buyers_30d[candidate]) / max(buyers, 1),
        float(reference.product_again[candidate]),
        float(reference.product_place[candidate]),
        float(reference.product_basket[candidate]),
        float(reference.product_price[candidate]),
    ]


def cart_of(timeline: Timeline, at: int, catalog: Catalog) -> dict[int, float]:
    """The cart at an instant: pieces by product, in the order in which they were added."""
    past = timeline.until(at)
    cart: dict[int, float] = {}
    touched = None
    for i in range(len(past)):
        event = schema().of_code(int(past.type[i]))
        name, when, product = event.name if event else "", int(past.at[i]), int(past.product[i])
        pieces = 1.0 if math.isnan(past.quantity[i]) else float(past.quantity[i])
        if name in TOUCHES:
            if touched is not None and when - touched > CART_DAYS * DAY_MS:
                cart = {}
            touched = when
        same = past.at == past.at[i]
        if name == "Order Completed" and not (past.type[same] == schema().code("Order Line")).any():
            cart = {}
        if product < 0:
            continue
        if name in ("Product Added", "Wishlist Product Added to Cart") and pieces > 0:
            cart[product] = cart.get(product, 0.0) + pieces
        if name in ("Product Removed", "Order Line"):
            alike = [p for p in cart if catalog.parent[p] == catalog.parent[product]]
            meant = product if product in cart else next(iter(alike), None)
            if meant is not None:
                cart[meant] -= pieces
                if cart[meant] <= 0:
                    del cart[meant]
    given_up = touched is None or at - touched > CART_DAYS * DAY_MS
    return {} if given_up else cart
