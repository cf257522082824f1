"""Who orders what and when: all people of a block at once, from order to order.

Each round takes every person who has not left to the next occasion: the person's own rhythm,
a refill that is due, or a complement remembered some days later. What happens in an order (a
bad experience, points, an empty pack in some weeks) decides what comes after it.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from training.simulation.arrays import DAY, FAR, HOUR, Flags, Floats, Ints, ordinals, pick
from training.simulation.basket import Lines, fill
from training.simulation.clock import Clock, at_hour
from training.simulation.people import ORDER_CHANNELS, People
from training.simulation.points import Account
from training.simulation.shelf import Shelf
from training.simulation.vocabulary import COUPON_PERCENT
from training.simulation.world import World

BAD_LEAVES = 0.25
"""Added to the probability of leaving after an order that went wrong."""

UNRESOLVED_LEAVES = 0.25
"""Added once more when nobody put it right."""

UNRESOLVED = 0.3
"""Share of the bad experiences that nobody puts right."""

GUESTS = 0.04
"""Share of the strangers who order once, without an account."""

NUMBERS = 4096
"""Ids are the person's number times this, plus a number of the person's own."""


def checkout(number: Ints) -> Ints:
    """The number of the checkout that ends in an order; even, stalled checkouts' are odd."""
    return number * 2


@dataclass(frozen=True)
class Orders:
    """The orders of a block, sorted by person and time, and their lines."""

    person: Ints
    number: Ints
    at: Floats
    channel: Ints
    subtotal: Ints
    discount: Ints
    """Taken off by coupon and points, in cents."""
    coupon: Ints
    """Index in `COUPONS`; -1 without."""
    redeemed: Ints
    earned: Ints
    bad: Flags
    unresolved: Flags
    lines: Lines
    """Sorted by order; `order` is the order's place in these arrays."""
    left_at: Floats
    """Per person: when each stopped being a customer; may be after the end."""
    account: Account
    shelf: Shelf

    def __len__(self) -> int:
        return len(self.at)

    @property
    def total(self) -> Ints:
        """What was paid, in cents."""
        return self.subtotal - self.discount


class _Columns:
    """Columns that grow round by round; integers unless named otherwise."""

    def __init__(self, *names: str, floats: tuple[str, ...] = (), flags: tuple[str, ...] = ()):
        self._columns: dict[str, list[npt.NDArray[Any]]] = {}
        for dtype, columns in ((np.int64, names), (np.float64, floats), (np.bool_, flags)):
            self._columns |= {name: [np.empty(0, dtype)] for name in columns}

    def add(self, **columns: npt.NDArray[Any]) -> None:
        for name, values in columns.items():
            self._columns[name].append(values)

    def joined(self) -> dict[str, npt.NDArray[Any]]:
        return {name: np.concatenate(parts) for name, parts in self._columns.items()}


def orders(world: World, people: People, rng: np.random.Generator) -> Orders:
    """All orders of a block of people, and when each person left."""
    clock = Clock(world.start_at, world.end_at)
    left = people.drifting_at.copy()
    last = np.full(len(people), -FAR)
    base = people.joined_at.copy()
    shelf, account = Shelf(len(people)), Account(people.member)
    heads = _Columns(
        *("person", "channel", "subtotal", "discount", "coupon", "redeemed", "earned"),
        floats=("at",),
        flags=("bad", "unresolved"),
    )
    rows = _Columns("order", "style", "price", "quantity", flags=("bad",))
    placed = 0
    # Few strangers buy: as guests, and once.
    active = np.flatnonzero(people.customer | (rng.random(len(people)) < GUESTS))
    while True:
        due = np.column_stack([base[active], shelf.remembered_at[active], shelf.due[active]])
        occasion = np.argmin(due, axis=1)
        at = due[np.arange(len(active)), occasion]
        at = np.where(occasion == 0, at, at_hour(people, active, at, rng))
        at = np.maximum(at, last[active] + 2 * HOUR)
        stays = at < np.minimum(left[active], world.end_at)
        active, occasion, at = active[stays], occasion[stays], at[stays]
        if not len(active):
            break
        own = active[occasion == 0]
        shape = people.regularity[own]
        gap = DAY / people.rate[own] * rng.gamma(shape, 1 / shape)
        base[own] = at_hour(people, own, clock.after(at[occasion == 0], gap), rng)

        lines = fill(world, people, shelf, active, at, occasion, rng)
        ordered = np.bincount(lines.order, minlength=len(active)) > 0
        who, at = active[ordered], at[ordered]
        lines = replace(lines, order=(np.cumsum(ordered) - 1)[lines.order])
        head = _placed(people, account, who, at, lines, rng)
        last[who] = at
        left[who] = np.minimum(left[who], _leaving_at(people, who, at, head, rng))
        heads.add(**head)
        rows.add(**{**vars(lines), "order": lines.order + placed})
        placed += len(who)
    account.close(last, world.end_at)
    shelf.close(left)
    return _sorted(people, heads, rows, left, account, shelf)


def _placed(
    people: People, account: Account, who: Ints, at: Floats, lines: Lines, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """What the orders cost and how they went, as columns of `Orders`."""
    n = len(who)
    subtotal = np.zeros(n, np.int64)
    np.add.at(subtotal, lines.order, lines.price * lines.quantity)
    coupon = rng.integers(0, len(COUPON_PERCENT), n)
    coupon[rng.random(n) >= 0.03 + 0.35 * people.sensitivity[who]] = -1
    percent = np.where(coupon >= 0, np.array(COUPON_PERCENT)[coupon], 0)
    off = subtotal * percent // 100
    redeemed, earned = account.settle(who, at, subtotal - off, rng)
    bad = np.zeros(n, np.bool_)
    bad[lines.order[lines.bad]] = True
    return {
        "person": who,
        "at": at,
        "channel": ORDER_CHANNELS[pick(rng, people.channels[who])],
        "subtotal": subtotal,
        "discount": off + redeemed,
        "coupon": coupon,
        "redeemed": redeemed,
        "earned": earned,
        "bad": bad,
        "unresolved": bad & (rng.random(n) < UNRESOLVED),
    }


def _leaving_at(
    people: People,
    who: Ints,
    at: Floats,
    head: dict[str, npt.NDArray[Any]],
    rng: np.random.Generator,
) -> Floats:
    """When each leaves because of this order; `FAR` for who stays."""
    probability = people.leaving[who] + BAD_LEAVES * head["bad"]
    probability += UNRESOLVED_LEAVES * head["unresolved"]
    leaves = (rng.random(len(who)) < probability) | ~people.customer[who]
    return np.where(leaves, at + HOUR + rng.exponential(12 * DAY, len(who)), FAR)


def _sorted(
    people: People, heads: _Columns, rows: _Columns, left: Floats, account: Account, shelf: Shelf
) -> Orders:
    head, line = heads.joined(), rows.joined()
    by_time = np.lexsort((head["at"], head["person"]))
    place = np.empty(len(by_time), np.int64)
    place[by_time] = np.arange(len(by_time))
    line["order"] = place[line["order"]]
    by_order = np.argsort(line["order"], kind="stable")
    person = head["person"][by_time]
    return Orders(
        number=people.number[person] * NUMBERS + ordinals(person),
        **{name: values[by_time] for name, values in head.items()},
        lines=Lines(**{name: values[by_order] for name, values in line.items()}),
        left_at=left,
        account=account,
        shelf=shelf,
    )
