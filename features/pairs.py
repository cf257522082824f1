"""Customer × product features: this product, for this customer, at this instant.

Computed in one scan of the customer's rows, newest first, for a list of candidate products.
A product and its variants count as one; candidates are parents.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from features.cart import CART_LIMIT, Carts, carts
from features.catalog import Catalog
from features.errors import InputError
from features.events.schema import schema
from features.instants import DAY_MS
from features.reference import Reference
from features.timeline import Timeline, Timelines

KEPT_PER_ORDER = 0.7
"""What an order counts in `pair_times_lately` for each that came after it; as TIFU-kNN decays
groups of baskets (Hu et al. 2020)."""

BASKET_LIMIT = 64
"""Different products that the last basket may hold for co-purchase."""


@dataclass(frozen=True)
class PairFeature:
    """One column of a customer × product matrix."""

    name: str
    unit: str
    meaning: str


PAIR_FEATURES: tuple[PairFeature, ...] = (
    PairFeature("pair_times_bought", "orders", "Orders that held the product"),
    PairFeature("pair_times_lately", "orders", "The same, each 0.7 per order that came after it"),
    PairFeature("pair_order_share", "share", "Share of the customer's orders that held it"),
    PairFeature("pair_days_since_bought", "days", "Days since it was last bought"),
    PairFeature("pair_orders_since_bought", "orders", "Orders since it was last bought"),
    PairFeature("pair_gap_mean", "days", "The customer's usual days between buying it"),
    PairFeature("pair_gap_product", "days", "Everybody's usual days between buying it"),
    PairFeature("pair_gap_usual", "days", "Own gaps mixed with everybody's; see features/gaps.py"),
    PairFeature("pair_due", "times", "Days since it was last bought against the usual gap"),
    PairFeature("pair_returns", "returns", "Times it was sent back"),
    PairFeature("pair_views", "views", "Views since it was last bought"),
    PairFeature("pair_days_since_viewed", "days", "Days since it was last viewed"),
    PairFeature("pair_in_cart", "pieces", "Pieces in the cart now"),
    PairFeature("pair_with_cart", "cosine", "How much it is bought together with the cart"),
    PairFeature("pair_with_last", "cosine", "How much it is bought together with the last order"),
    PairFeature("pair_category_share", "share", "Share of order lines in its category"),
    PairFeature("pair_brand_share", "share", "Share of order lines of its brand"),
    PairFeature("pair_buyers", "customers", "Customers who bought it"),
    PairFeature("pair_buyers_30d", "customers", "Customers who bought it in the last 30 days"),
    PairFeature("pair_buyers_lately", "share", "Those of its buyers who did"),
    PairFeature("pair_again", "share", "Its buyers who bought it again"),
    PairFeature("pair_place", "orders", "How many orders people place before their first with it"),
    PairFeature("pair_basket", "products", "How many products the baskets hold that hold it"),
    PairFeature("pair_price", "money", "What is usually paid for it"),
)
"""Columns of a pair matrix. Undefined is NaN; counts of nothing are 0."""


def pair_matrix(
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    instants: npt.NDArray[np.int64],
    candidates: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    catalog: Catalog,
    reference: Reference,
    *,
    threads: int = 1,
) -> npt.NDArray[np.float32]:
    """Pair features of many customers, each with a list of candidates.

    Arguments:
        timelines: all customers.
        customers: places in `timelines`, shape (n,).
        instants: int64 ms UTC, shape (n,).
        candidates: parents' catalogue indices, all lists one after another; no product twice
            in one list.
        offsets: shape (n + 1,); list i is `candidates[offsets[i]:offsets[i + 1]]`.
        catalog: the numbering the timelines' products refer to.
        reference: population facts as of the earliest instant, or earlier.
        threads: the kernel releases the GIL.

    Returns:
        float32, shape (len(candidates), len(PAIR_FEATURES)).

    Raises:
        InputError: a candidate is not in the catalogue, or offsets do not fit.
    """
    if len(offsets) != len(customers) + 1 or offsets[-1] != len(candidates):
        raise InputError(
            f"offsets end at {offsets[-1]} for {len(candidates)} candidates of "
            f"{len(customers)} customers; they need one more entry than customers"
        )
    _check(candidates, catalog)
    out = np.empty((len(candidates), len(PAIR_FEATURES)), np.float32)
    facts = _facts(catalog, reference)
    rows = _columns(timelines.rows)

    def run(part: slice) -> None:
        filled = carts(
            timelines.rows, timelines.offsets, customers[part], instants[part], catalog.parent
        )
        _pairs(
            timelines.offsets,
            *rows,
            customers[part],
            instants[part],
            candidates,
            offsets[part.start : part.stop + 1],
            _held(filled),
            facts,
            out,
        )

    edges = np.linspace(0, len(customers), threads + 1).astype(int)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        list(pool.map(run, map(slice, edges[:-1].tolist(), edges[1:].tolist())))
    return out


def pairs(
    timeline: Timeline,
    at: int,
    candidates: npt.NDArray[np.int32],
    catalog: Catalog,
    reference: Reference,
) -> npt.NDArray[np.float32]:
    """Pair features of one customer, shape (len(candidates), len(PAIR_FEATURES))."""
    _check(candidates, catalog)
    out = np.empty((len(candidates), len(PAIR_FEATURES)), np.float32)
    rows, one, instant = (
        np.array([0, len(timeline)], np.int64),
        np.zeros(1, np.int64),
        np.array([at]),
    )
    _pairs(
        rows,
        *_columns(timeline),
        one,
        instant,
        candidates,
        np.array([0, len(candidates)], np.int64),
        _held(carts(timeline, rows, one, instant, catalog.parent)),
        _facts(catalog, reference),
        out,
    )
    return out


def _check(candidates: npt.NDArray[np.int32], catalog: Catalog) -> None:
    if len(candidates) and not 0 <= candidates.min() <= candidates.max() < len(catalog):
        raise InputError(
            f"candidates {candidates.min()}..{candidates.max()} lie outside the catalogue's "
            f"{len(catalog)} products"
        )


def _columns(rows: Timeline) -> tuple[npt.NDArray[np.generic], ...]:
    return rows.at, rows.known_at, rows.known_until, rows.type, rows.product


def _held(filled: Carts) -> tuple[npt.NDArray[np.generic], ...]:
    return filled.offsets, filled.product, filled.pieces


def _facts(catalog: Catalog, reference: Reference) -> tuple[npt.NDArray[np.generic], ...]:
    if len(reference.product_buyers) < len(catalog):
        raise InputError(
            f"the reference knows {len(reference.product_buyers)} products, the catalogue "
            f"{len(catalog)}; use reference.extended(catalog)"
        )
    return (
        catalog.parent,
        catalog.category,
        catalog.brand,
        reference.product_price,
        reference.product_gap_days,
        reference.product_usual_days,
        reference.gap_prior,
        reference.product_buyers,
        reference.product_buyers_30d,
        reference.product_again,
        reference.product_place,
        reference.product_basket,
        reference.co_offsets,
        reference.co_products,
        reference.co_weight,
    )


_ORDER, _LINE = schema().code("Order Completed"), schema().code("Order Line")
_REFUND = schema().code("Refund Line")
_VIEWED, _CLICKED = schema().code("Product Viewed"), schema().code("Product Clicked")
_LINE_LIMIT = schema().history(_LINE)

(
    _TIMES,
    _LATELY,
    _ORDER_SHARE,
    _SINCE,
    _ORDERS_SINCE,
    _GAP,
    _GAP_ALL,
    _GAP_USUAL,
    _DUE,
    _RETURNS,
    _VIEWS,
    _SINCE_VIEWED,
    _IN_CART,
    _WITH_CART,
    _WITH_LAST,
    _CATEGORY,
    _BRAND,
    _BUYERS,
    _BUYERS_30D,
    _BUYERS_LATELY,
    _AGAIN,
    _PLACE,
    _BASKET,
    _PRICE,
) = range(len(PAIR_FEATURES))


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _pairs(  # type: ignore[no-untyped-def]  # compiled: Numba infers the types
    offsets,
    at,
    known_at,
    known_until,
    type_,
    product,
    customers,
    instants,
    candidates,
    lists,
    filled,
    facts,
    out,
):
    parent, category, brand, price, gap_days, usual_days, prior, buyers, buyers_30d = facts[:9]
    again, place_in_life, basket, co_offsets, co_products, co_weight = facts[9:]
    place = np.full(len(parent), -1, np.int64)  # a product's row in `out`, within one list
    in_categories = np.zeros(len(category) + 1, np.int32)
    in_brands = np.zeros(len(brand) + 1, np.int32)
    cart_offsets, cart_products, cart_pieces = filled
    cart = np.empty(CART_LIMIT, np.int32)
    last_basket = np.empty(BASKET_LIMIT, np.int32)

    for i in range(len(customers)):
        now = instants[i]
        start, stop = lists[i], lists[i + 1]
        last_order = np.full(stop - start, -1, np.int64)
        last_day = np.zeros(stop - start, np.int64)
        gaps = np.zeros(stop - start, np.int64)
        gap_sum = np.zeros(stop - start, np.float64)
        gap_logs = np.zeros(stop - start, np.float64)
        for j in range(start, stop):
            place[candidates[j]] = j
            out[j, :] = 0.0
            out[j, _SINCE] = np.nan
            out[j, _ORDERS_SINCE] = np.nan
            out[j, _SINCE_VIEWED] = np.nan
        low = offsets[customers[i]]
        newest = low + np.searchsorted(at[low : offsets[customers[i] + 1]], now)
        orders, lines, in_last = 0, 0, 0
        row = newest
        while row > low:
            row -= 1
            if known_at[row] > now or known_until[row] <= now:
                continue
            code = type_[row]
            if code == _ORDER:
                orders += 1
                continue
            p = product[row]
            if p < 0 or p >= len(parent):
                continue
            item = parent[p]
            j = place[item]
            if code == _LINE:
                if lines == _LINE_LIMIT:
                    continue
                lines += 1
                in_categories[category[item]] += 1
                in_brands[brand[item]] += 1
                if orders == 0 and in_last < BASKET_LIMIT:
                    last_basket[in_last] = item
                    in_last += 1
                if j < 0:
                    continue
                k = j - start
                day = at[row] // DAY_MS
                if last_order[k] < 0:
                    out[j, _SINCE] = (now - at[row]) / DAY_MS
                    out[j, _ORDERS_SINCE] = orders
                elif day < last_day[k]:
                    gaps[k] += 1
                    gap_sum[k] += last_day[k] - day
                    gap_logs[k] += np.log(last_day[k] - day)
                if last_order[k] != orders:
                    out[j, _TIMES] += 1.0
                    out[j, _LATELY] += KEPT_PER_ORDER**orders
                last_order[k] = orders
                last_day[k] = day
            elif code in (_VIEWED, _CLICKED):
                if j >= 0 and out[j, _TIMES] == 0.0:
                    out[j, _VIEWS] += 1.0
                    if np.isnan(out[j, _SINCE_VIEWED]):
                        out[j, _SINCE_VIEWED] = (now - at[row]) / DAY_MS
            elif code == _REFUND and j >= 0:
                out[j, _RETURNS] += 1.0

        in_cart = 0
        for c in range(cart_offsets[i], cart_offsets[i + 1]):
            item = parent[cart_products[c]]
            if place[item] >= 0:
                out[place[item], _IN_CART] += cart_pieces[c]
            if item in cart[:in_cart]:
                continue
            cart[in_cart] = item
            in_cart += 1
            for n in range(co_offsets[item], co_offsets[item + 1]):
                if place[co_products[n]] >= 0:
                    out[place[co_products[n]], _WITH_CART] += co_weight[n]
        for c in range(in_last):
            for n in range(co_offsets[last_basket[c]], co_offsets[last_basket[c] + 1]):
                if place[co_products[n]] >= 0:
                    out[place[co_products[n]], _WITH_LAST] += co_weight[n]
        for j in range(start, stop):
            item = candidates[j]
            k = j - start
            own = gap_sum[k] / gaps[k] if gaps[k] > 0 else np.nan
            logs = gap_logs[k] + prior[1] * np.log(usual_days[item])
            usual = np.exp(logs / (gaps[k] + prior[1]))
            out[j, _ORDER_SHARE] = out[j, _TIMES] / max(orders, 1)
            out[j, _GAP] = own
            out[j, _GAP_ALL] = gap_days[item]
            out[j, _GAP_USUAL] = usual
            out[j, _DUE] = out[j, _SINCE] / usual
            share = np.nan if lines == 0 else 1.0 / lines
            out[j, _CATEGORY] = (
                share * in_categories[category[item]] if category[item] >= 0 else np.nan
            )
            out[j, _BRAND] = share * in_brands[brand[item]] if brand[item] >= 0 else np.nan
            out[j, _BUYERS] = buyers[item]
            out[j, _BUYERS_30D] = buyers_30d[item]
            out[j, _BUYERS_LATELY] = buyers_30d[item] / max(buyers[item], 1)
            out[j, _AGAIN] = again[item]
            out[j, _PLACE] = place_in_life[item]
            out[j, _BASKET] = basket[item]
            out[j, _PRICE] = price[item]
            place[item] = -1
        row = newest
        while row > low:  # leaves the shared counters as they were
            row -= 1
            p = product[row]
            if type_[row] == _LINE and 0 <= p < len(parent):
                in_categories[category[parent[p]]] = 0
                in_brands[brand[parent[p]]] = 0
