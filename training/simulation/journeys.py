"""What happens in a session: searches, views, the cart, the checkout, finished or stalled."""

import numpy as np

from training.simulation.arrays import MINUTE, SECOND, Floats, Ints, ordinals
from training.simulation.block import Block
from training.simulation.orders import NUMBERS, checkout
from training.simulation.people import STORE
from training.simulation.taste import choose
from training.simulation.vocabulary import STORES

ADDED = 0.2
"""Probability that a product viewed without an order goes into the cart."""

STALLED = 0.5
"""Probability that a cart without an order gets as far as the checkout, and no further."""

WISHED = 0.04
"""Probability that a customer puts a product viewed without an order on the wishlist."""

REMOVED = 0.1
"""Share of the products that are taken out of such a cart again."""

VIEWED = 0.85
"""Share of the products bought online that were looked at in the same session."""


def journeys(block: Block) -> None:
    """Write down all sessions of a block, and its visits to stores."""
    _logins(block)
    visits, rng = block.visits, block.rng
    n = len(visits.at)
    views = np.where(visits.order >= 0, rng.poisson(1.2, n), 1 + rng.poisson(1.6, n))
    visit = np.repeat(np.arange(n), views)
    first = visits.at[visit] + 30 * SECOND
    at = first + (visits.until[visit] - 90 * SECOND - first) * rng.random(len(visit))
    style = choose(block.world, block.people, visits.person[visit], at, rng)
    _entries(block, visit, style)
    _about_product(block, "Product Viewed", visit, at, style)
    browsing = visits.order[visit] < 0
    _carts(block, visit[browsing], at[browsing], style[browsing])
    _purchases(block)
    _store_visits(block)


def _logins(block: Block) -> None:
    """The first login on each device ties its anonymous id to the customer."""
    person, device = np.nonzero(block.visits.login_at < block.world.end_at)
    number = block.people.number[person]
    block.events.add(
        "Identified",
        person,
        block.visits.login_at[person, device],
        device + 1,
        user_id=number,
        anonymous_id=block.people.device(person, device + 1),
        country=block.people.country[person],
    )


def _in_session(
    block: Block, name: str, visit: Ints, at: Floats, **columns: Ints | Floats | float
) -> None:
    """Events of sessions: on the session's channel, anonymous until the login."""
    visits = block.visits
    block.events.add(
        name,
        visits.person[visit],
        at,
        visits.channel[visit],
        anonymous=visits.anonymous(visit, at),
        **columns,
    )


def _about_product(
    block: Block, name: str, visit: Ints, at: Floats, style: Ints, **columns: Ints | float
) -> None:
    size = block.people.size[block.visits.person[visit]]
    product, price = block.world.variant(style, size), block.world.price[style] / 100
    _in_session(block, name, visit, at, product_id=product, price=price, currency=0, **columns)


def _entries(block: Block, visit: Ints, style: Ints) -> None:
    """How a session begins: by a search, on a category's page, or straight on a product."""
    visit, first = np.unique(visit, return_index=True)
    category = block.world.category[style[first]]
    at = block.visits.at[visit]
    way = block.rng.random(len(visit))
    search, page = way < 0.4, (way >= 0.4) & (way < 0.75)
    _in_session(block, "Products Searched", visit[search], at[search], query=category[search])
    _in_session(block, "Product List Viewed", visit[page], at[page], category=category[page])


def _carts(block: Block, visit: Ints, at: Floats, style: Ints) -> None:
    """Carts that are not bought; some reach the checkout and stall there."""
    visits, people = block.visits, block.people
    drawn = block.rng.random(len(visit))
    wish = (drawn > 1 - WISHED) & people.customer[visits.person[visit]]
    later = at + 15 * SECOND
    _about_product(block, "Product Added to Wishlist", visit[wish], later[wish], style[wish])
    added = drawn < ADDED
    visit, at, style = visit[added], at[added] + 20 * SECOND, style[added]
    _about_product(block, "Product Added", visit, at, style, quantity=1)
    removed = block.rng.random(len(visit)) < REMOVED
    at = at + 20 * SECOND
    _about_product(
        block, "Product Removed", visit[removed], at[removed], style[removed], quantity=1
    )
    carts, cart = np.unique(visit[~removed], return_inverse=True)
    total = np.bincount(cart, block.world.price[style[~removed]], minlength=len(carts)) / 100
    person = visits.person[carts]
    number = checkout(people.number[person] * NUMBERS + ordinals(person)) + 1
    stalled = block.rng.random(len(carts)) < STALLED
    _checkouts(block, carts[stalled], number[stalled], total[stalled])


def _checkouts(block: Block, visit: Ints, number: Ints, total: Floats) -> None:
    """How far every checkout gets."""
    at = block.visits.until[visit]
    _in_session(block, "Checkout Started", visit, at, checkout_id=number, total=total, currency=0)
    _in_session(block, "Checkout Step Viewed", visit, at + 20 * SECOND, checkout_id=number, step=1)


def _purchases(block: Block) -> None:
    """Sessions that end in an order; what was bought was mostly looked at before."""
    visits, orders, lines, rng = block.visits, block.orders, block.orders.lines, block.rng
    with_order = np.flatnonzero(visits.order >= 0)
    visit_of = np.full(len(orders), -1, np.int64)
    visit_of[visits.order[with_order]] = with_order
    online = visit_of[lines.order] >= 0
    visit, style = visit_of[lines.order[online]], lines.style[online]
    start, until = visits.at[visit], visits.until[visit]
    at = start + MINUTE + (until - start - 2 * MINUTE) * rng.random(len(visit))
    seen = rng.random(len(visit)) < VIEWED
    _about_product(block, "Product Viewed", visit[seen], at[seen], style[seen])
    quantity = lines.quantity[online]
    _about_product(block, "Product Added", visit, at + 20 * SECOND, style, quantity=quantity)

    order = visits.order[with_order]
    number, at = checkout(orders.number[order]), orders.at[order]
    _checkouts(block, with_order, number, orders.subtotal[order] / 100)
    couponed = orders.coupon[order] >= 0
    _in_session(
        block,
        "Coupon Applied",
        with_order[couponed],
        at[couponed] - 75 * SECOND,
        coupon=orders.coupon[order[couponed]],
        discount=(orders.discount - orders.redeemed)[order[couponed]] / 100,
    )
    _in_session(
        block, "Checkout Step Viewed", with_order, at - 60 * SECOND, checkout_id=number, step=2
    )
    _in_session(block, "Payment Info Entered", with_order, at - 20 * SECOND, checkout_id=number)


def _store_visits(block: Block) -> None:
    """Half of the orders in stores, where a visit is noticed at the door."""
    bought = np.flatnonzero(block.orders.channel == STORE)
    bought = bought[block.rng.random(len(bought)) < 0.5]
    person = block.orders.person[bought]
    before = MINUTE * block.rng.uniform(5, 30, len(bought))
    store = block.people.number[person] % len(STORES)
    block.events.add(
        "Store Visited", person, block.orders.at[bought] - before, STORE, store_id=store
    )
