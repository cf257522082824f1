"""The one cart of a customer over all channels: what is in it at an instant.

In the order of time: adding puts pieces in, removing and ordering take them out, and there are
never less than none. An order that names no products takes everything. What an order or a removal
names as another variant of the same product is taken all the same. A cart that nobody has touched
for `CART_DAYS` is given up. Why: docs/decisions/017-one-cart.md.
"""

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from features.events.schema import schema
from features.instants import DAY_MS
from features.timeline import Timeline

CART_DAYS = 30
"""Days without a touch after which a cart is given up; shop systems keep one about a month."""

CART_LIMIT = 64
"""Different products a cart holds; of more, those added first are dropped."""

TOUCHES = (
    "Product Added",
    "Product Removed",
    "Wishlist Product Added to Cart",
    "Cart Viewed",
    "Checkout Started",
)
"""What keeps a cart from being given up."""

_ADDED, _REMOVED, _WISH_ADDED, _VIEWED, _CHECKOUT = (schema().code(name) for name in TOUCHES)
_ORDER, _LINE = schema().code("Order Completed"), schema().code("Order Line")
_STALE_MS = CART_DAYS * DAY_MS


@dataclass(frozen=True)
class Carts:
    """Carts of customers; those of customer `i` are `offsets[i]:offsets[i + 1]` of each column."""

    offsets: npt.NDArray[np.int64]
    """Shape (customers + 1,)."""
    product: npt.NDArray[np.int32]
    """Catalogue index as it was added, in the order of adding."""
    pieces: npt.NDArray[np.float32]
    """More than 0."""
    since: npt.NDArray[np.int64]
    """The instant at which the product came into the cart."""
    row: npt.NDArray[np.int64]
    """Place of the row that last added it."""
    touched: npt.NDArray[np.int64]
    """The instant of the last touch, shape (customers,); 0 where the cart is given up."""


def carts(
    rows: Timeline,
    offsets: npt.NDArray[np.int64],
    customers: npt.NDArray[np.int64],
    instants: npt.NDArray[np.int64],
    parent: npt.NDArray[np.int32],
) -> Carts:
    """Carts of customers at instants.

    Arguments:
        rows: all customers' rows, one after another.
        offsets: rows of customer `i` are `offsets[i]:offsets[i + 1]`.
        customers: places in `offsets`, shape (n,).
        instants: int64 ms UTC, shape (n,); each customer's cart is as known just before.
        parent: of each product of the catalogue, the one that stands for its variants.
    """
    return Carts(
        *_carts(
            offsets,
            rows.at,
            rows.known_at,
            rows.known_until,
            rows.type,
            rows.product,
            rows.quantity,
            customers,
            instants,
            parent,
        )
    )


def cart(timeline: Timeline, at: int, parent: npt.NDArray[np.int32]) -> Carts:
    """The cart of one customer at an instant, as `carts` gives it."""
    return carts(
        timeline,
        np.array([0, len(timeline)], np.int64),
        np.zeros(1, np.int64),
        np.array([at], np.int64),
        parent,
    )


@nb.njit(nogil=True, cache=True)
def _carts(  # type: ignore[no-untyped-def]  # compiled: Numba infers the types
    offsets,
    at,
    known_at,
    known_until,
    type_,
    product,
    quantity,
    customers,
    instants,
    parent,
):
    n = len(customers)
    ends = np.zeros(n + 1, np.int64)
    touched = np.zeros(n, np.int64)
    products = np.empty(n + CART_LIMIT, np.int32)
    pieces = np.empty(n + CART_LIMIT, np.float32)
    since = np.empty(n + CART_LIMIT, np.int64)
    added = np.empty(n + CART_LIMIT, np.int64)
    for i in range(n):
        now = instants[i]
        low = offsets[customers[i]]
        newest = low + np.searchsorted(at[low : offsets[customers[i] + 1]], now)
        start = ends[i]
        if start + CART_LIMIT > len(products):
            products, pieces = _longer(products), _longer(pieces)
            since, added = _longer(since), _longer(added)

        # newest first: how far back one touch follows another before the cart is given up
        touch = now
        first = newest
        row = newest
        while row > low:
            row -= 1
            if at[row] < touch - _STALE_MS:
                break
            if known_at[row] > now or known_until[row] <= now:
                continue
            if type_[row] in (_ADDED, _REMOVED, _WISH_ADDED, _VIEWED, _CHECKOUT):
                touch = at[row]
                if first == newest:
                    touched[i] = touch
                first = row

        held = 0
        looked_at, lines = now, False
        for row in range(first, newest):
            if known_at[row] > now or known_until[row] <= now:
                continue
            code = type_[row]
            if code == _ORDER:
                if at[row] != looked_at:  # once for all orders of an instant
                    looked_at, lines = at[row], False
                    k = row + 1
                    while k < newest and at[k] == looked_at and not lines:
                        lines = type_[k] == _LINE and known_at[k] <= now and now < known_until[k]
                        k += 1
                if not lines:
                    held = 0
                continue
            p = product[row]
            if p < 0 or p >= len(parent):
                continue
            count = quantity[row] if quantity[row] == quantity[row] else np.float32(1.0)
            if code in (_ADDED, _WISH_ADDED):
                if count <= 0.0:
                    continue
                c = start
                while c < start + held and products[c] != p:
                    c += 1
                if c == start + held:
                    if held == CART_LIMIT:
                        _take_out(start, start + held, products, pieces, since, added)
                        held -= 1
                        c -= 1
                    products[c], pieces[c], since[c] = p, 0.0, at[row]
                    held += 1
                pieces[c] += count
                added[c] = row
            elif code in (_REMOVED, _LINE):
                c = start
                while c < start + held and products[c] != p:
                    c += 1
                if c == start + held:
                    c = start
                    while c < start + held and parent[products[c]] != parent[p]:
                        c += 1
                if c == start + held:
                    continue
                pieces[c] -= count
                if pieces[c] <= 0.0:
                    _take_out(c, start + held, products, pieces, since, added)
                    held -= 1
        ends[i + 1] = start + held
    end = ends[n]
    return ends, products[:end], pieces[:end], since[:end], added[:end], touched


@nb.njit(nogil=True, cache=True)
def _take_out(place, end, products, pieces, since, added):  # type: ignore[no-untyped-def]  # compiled
    for c in range(place, end - 1):
        products[c], pieces[c] = products[c + 1], pieces[c + 1]
        since[c], added[c] = since[c + 1], added[c + 1]


@nb.njit(nogil=True, cache=True)
def _longer(array):  # type: ignore[no-untyped-def]  # compiled
    out = np.empty(2 * len(array) + CART_LIMIT, array.dtype)
    out[: len(array)] = array
    return out
