"""What a customer bought and sent back: the sums, the last orders and the last refunds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import numpy as np

from features.instants import moment
from serving.profile.past import Past, Rows, number
from serving.profile.section import section

LAST = 5
"""Orders, and refunds, that are shown."""

LINES = 100
"""Lines of an order that are shown; a shop's reseller may order thousands."""

ORDER, LINE = "Order Completed", "Order Line"
REFUND, CANCELLED, REFUND_LINE = "Order Refunded", "Order Cancelled", "Refund Line"


@section
class OrderLine:
    """One product of an order or a refund."""

    product_id: str
    """The product, as it was ordered; empty where its id is not known here."""
    title: str
    quantity: float | None
    """How many pieces."""
    price: float | None
    """The price of one."""


@section
class Order:
    """One order as it was placed."""

    at: datetime
    total: float | None
    """What the customer paid."""
    channel: str
    lines: tuple[OrderLine, ...]
    """At most 100. Of several orders at one instant, the first that is shown has all lines."""


@section
class Refund:
    """One order, or part of it, that came back."""

    at: datetime
    """When it came back, not when it was ordered."""
    kind: Literal["refunded", "cancelled"]
    total: float | None
    """What was paid back."""
    lines: tuple[OrderLine, ...]
    """What was sent back; empty where only a sum is known."""


@section
class Purchases:
    """Sums over the customer's life, in the shop's currency."""

    orders: int
    first_order_at: datetime | None
    last_order_at: datetime | None
    spent: float
    """Totals of all orders."""
    returned: float
    """Totals of what was refunded and cancelled."""
    kept: float
    """Spent less returned. Below 0 where refunds of orders are known that are not themselves."""
    order_value: float | None
    """The mean total of an order."""


def purchases(past: Past, features: Mapping[str, float | None]) -> Purchases:
    """The sums, from the declared features."""
    orders = past.of(ORDER)
    spent = features["purchase_spend_life"] or 0.0
    returned = features["purchase_returned_life"] or 0.0
    return Purchases(
        orders=len(orders),
        first_order_at=moment(int(past.rows.at[orders[0]])) if len(orders) else None,
        last_order_at=moment(int(past.rows.at[orders[-1]])) if len(orders) else None,
        spent=round(spent, 2),
        returned=round(returned, 2),
        kept=round(spent - returned, 2),
        order_value=number(features["purchase_order_value_mean_life"]),
    )


def last_orders(past: Past) -> tuple[Order, ...]:
    """The latest orders, newest first."""
    return tuple(
        Order(
            at=moment(int(past.rows.at[row])),
            total=number(past.rows.value[row]),
            channel=past.channel(row),
            lines=lines,
        )
        for row, lines in _with_lines(past, past.of(ORDER), past.of(LINE))
    )


def last_refunds(past: Past) -> tuple[Refund, ...]:
    """The latest refunds and cancellations, newest first."""
    cancelled = set(past.of(CANCELLED)[-LAST:].tolist())
    return tuple(
        Refund(
            at=moment(int(past.rows.at[row])),
            kind="cancelled" if row in cancelled else "refunded",
            total=number(past.rows.value[row]),
            lines=lines,
        )
        for row, lines in _with_lines(past, past.of(REFUND, CANCELLED), past.of(REFUND_LINE))
    )


def _with_lines(past: Past, heads: Rows, lines: Rows) -> list[tuple[int, tuple[OrderLine, ...]]]:
    """The latest of these rows, newest first, each with the lines of its instant.

    Of several at one instant the timeline does not tell whose a line is; the first has them all.
    """
    found = []
    told: set[int] = set()
    line_at = past.rows.at[lines]
    for row in heads[: -LAST - 1 : -1].tolist():
        at = int(past.rows.at[row])
        begin, end = np.searchsorted(line_at, (at, at + 1)) if at not in told else (0, 0)
        told.add(at)
        found.append((row, _lines(past, lines[begin : min(end, begin + LINES)])))
    return found


def _lines(past: Past, rows: Rows) -> tuple[OrderLine, ...]:
    columns = (past.rows.product, past.rows.quantity, past.rows.measure)
    return tuple(
        OrderLine(*(past.named(product) or ("", "")), number(quantity), number(price))
        for product, quantity, price in zip(
            *(column[rows].tolist() for column in columns), strict=True
        )
    )
