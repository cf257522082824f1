"""Points, tiers and subscriptions as events."""

import numpy as np

from training.simulation.arrays import DAY, SECOND, Ints, ordinals
from training.simulation.block import Block
from training.simulation.orders import NUMBERS
from training.simulation.people import EMAIL, WEB
from training.simulation.points import LIFE, NOTICE
from training.simulation.vocabulary import TIER_SPEND


def loyalty(block: Block) -> None:
    """Write down what the loyalty programme and the subscriptions of a block do."""
    _points(block)
    _tiers(block)
    _subscriptions(block)


def _points(block: Block) -> None:
    orders, events = block.orders, block.events
    used = np.flatnonzero(orders.redeemed > 0)
    events.add(
        "Points Redeemed",
        orders.person[used],
        orders.at[used] + SECOND,
        orders.channel[used],
        points=orders.redeemed[used],
        order_id=orders.number[used],
    )
    earned = np.flatnonzero(orders.earned > 0)
    at = orders.at[earned] + 2 * SECOND
    events.add(
        "Points Earned",
        orders.person[earned],
        at,
        orders.channel[earned],
        points=orders.earned[earned],
        order_id=orders.number[earned],
        expires_at=np.floor(at + LIFE),
    )
    person, at, points = orders.account.notices
    expiry = np.floor(at + NOTICE)
    events.add("Points Expiring", person, at, EMAIL, points=points, expires_at=expiry)
    person, at, points = orders.account.losses
    events.add("Points Expired", person, at, EMAIL, points=points)


def _tiers(block: Block) -> None:
    """A tier is reached with the order that lifts the spend over life to its threshold."""
    orders = block.orders
    spent = np.cumsum(orders.total)
    first = np.searchsorted(orders.person, orders.person)
    after = spent - np.r_[0, spent][first]
    tier = _tier(after)
    begins = first == np.arange(len(orders))
    before = np.where(begins, -1, _tier(after - orders.total))
    rises = np.flatnonzero((tier > before) & block.people.member[orders.person])
    block.events.add(
        "Tier Changed",
        orders.person[rises],
        orders.at[rises] + 3 * SECOND,
        orders.channel[rises],
        tier=tier[rises],
        tier_level=tier[rises],
    )


def _tier(cents: Ints) -> Ints:
    return np.searchsorted(100 * np.array(TIER_SPEND), cents, side="right") - 1


def _subscriptions(block: Block) -> None:
    person, style, start, stop = block.orders.shelf.subscriptions()
    number = block.people.number[person] * NUMBERS + ordinals(person)
    product = block.world.variant(style, block.people.size[person])
    block.events.add(
        "Subscription Started",
        person,
        start + 5 * SECOND,
        WEB,
        subscription_id=number,
        product_id=product,
        interval_days=block.world.refill[style] / DAY,
        price=block.world.price[style] / 100,
        currency=0,
    )
    ended = np.flatnonzero(stop < block.world.end_at)
    block.events.add(
        "Subscription Cancelled",
        person[ended],
        stop[ended],
        WEB,
        subscription_id=number[ended],
        product_id=product[ended],
    )
