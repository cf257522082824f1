"""What follows an order: refunds, tickets, reviews, surveys; a bad experience shows in all."""

import numpy as np
import pyarrow as pa

from training.simulation.arrays import DAY, Flags, Floats
from training.simulation.block import Block
from training.simulation.people import EMAIL, WEB
from training.simulation.table import LINE, words
from training.simulation.vocabulary import TOPICS

REVIEWED = (0.12, 0.35)
"""Share of the lines that are reviewed, when good and when bad."""

REFUNDED = (0.025, 0.6)
"""Share of the lines that go back, when good and when bad."""

COMPLAINED = (0.02, 0.55)
"""Share of the orders with a ticket, when good and when bad."""

ANSWERED = 0.1
"""Share of the orders after which a customer answers the survey."""

GOOD_STARS = (0.0, 0.0, 0.1, 0.3, 0.6)
BAD_STARS = (0.5, 0.35, 0.15, 0.0, 0.0)
"""Shares of one to five stars."""


def aftermath(block: Block) -> None:
    """Write down what followed the orders of a block."""
    _refunds(block)
    _reviews(block)
    _tickets(block)
    _surveys(block)


def _refunds(block: Block) -> None:
    orders, lines, world = block.orders, block.orders.lines, block.world
    back = np.flatnonzero(_happens(block, lines.bad, REFUNDED))
    order, starts = np.unique(lines.order[back], return_index=True)
    worth = np.bincount(
        np.searchsorted(order, lines.order[back]),
        lines.price[back] * lines.quantity[back],
        minlength=len(order),
    )
    # What coupon and points took off is not paid back; cents are rounded down.
    paid = worth * orders.total[order] // orders.subtotal[order]
    person = orders.person[lines.order[back]]
    product = world.variant(lines.style[back], block.people.size[person])
    block.events.refunded = pa.ListArray.from_arrays(
        pa.array(np.r_[starts, len(back)], pa.int32()),
        pa.StructArray.from_arrays(
            [
                words(world.products["product_id"].combine_chunks(), product),
                pa.array(lines.quantity[back], pa.float64()),
                pa.array(lines.price[back] / 100),
            ],
            fields=list(LINE),
        ),
    )
    block.events.add(
        "Order Refunded",
        orders.person[order],
        _later(block, orders.at[order], 3, 25),
        orders.channel[order],
        order_id=orders.number[order],
        total=paid / 100,
        currency=0,
        products=np.arange(len(order)),
    )


def _reviews(block: Block) -> None:
    orders, lines, people = block.orders, block.orders.lines, block.people
    written = _happens(block, lines.bad, REVIEWED) & people.customer[orders.person[lines.order]]
    line = np.flatnonzero(written)
    order = lines.order[line]
    person = orders.person[order]
    good = block.rng.choice(5, len(line), p=GOOD_STARS)
    bad = block.rng.choice(5, len(line), p=BAD_STARS)
    block.events.add(
        "Product Reviewed",
        person,
        _later(block, orders.at[order], 3, 20),
        WEB,
        product_id=block.world.variant(lines.style[line], people.size[person]),
        # No basket has as many as 64 lines.
        review_id=orders.number[order] * 64 + line - np.searchsorted(lines.order, order),
        rating=1 + np.where(lines.bad[line], bad, good),
    )


def _tickets(block: Block) -> None:
    orders, rng = block.orders, block.rng
    opened = np.flatnonzero(_happens(block, orders.bad, COMPLAINED) | orders.unresolved)
    n = len(opened)
    at = _later(block, orders.at[opened], 1, 8)
    complaints = len(TOPICS) - 1
    topic = np.where(orders.bad[opened], rng.integers(0, complaints, n), complaints)
    number = orders.number[opened]
    person, channel = orders.person[opened], orders.channel[opened]
    block.events.add(
        "Ticket Opened", person, at, channel, ticket_id=number, topic=topic, order_id=number
    )
    solved = ~orders.unresolved[opened]
    block.events.add(
        "Ticket Resolved",
        person[solved],
        (at + DAY * (0.05 + rng.exponential(2, n)))[solved],
        channel[solved],
        ticket_id=number[solved],
        topic=topic[solved],
    )


def _surveys(block: Block) -> None:
    """Who had a bad experience or is about to leave scores lower."""
    orders, rng = block.orders, block.rng
    asked = (rng.random(len(orders)) < ANSWERED) & block.people.customer[orders.person]
    order = np.flatnonzero(asked)
    leaving = orders.left_at[orders.person[order]] - orders.at[order] < 60 * DAY
    mood = 9.0 - 4.5 * orders.bad[order] - 1.5 * leaving
    score = np.clip(np.round(mood + rng.normal(0, 1.5, len(order))), 0, 10)
    at = _later(block, orders.at[order], 5, 15)
    block.events.add("Survey Answered", orders.person[order], at, EMAIL, score=score)


def _happens(block: Block, bad: Flags, share: tuple[float, float]) -> Flags:
    """Draw what happens with one probability after a good and another after a bad experience."""
    return block.rng.random(len(bad)) < np.where(bad, share[1], share[0])


def _later(block: Block, at: Floats, least: float, most: float) -> Floats:
    """Some days later."""
    return at + DAY * block.rng.uniform(least, most, len(at))
