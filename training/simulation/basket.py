"""What is put into a basket: taste, habit, complements, and packs that are nearly empty."""

from dataclasses import dataclass

import numpy as np

from training.simulation.arrays import DAY, FAR, HOUR, Flags, Floats, Ints
from training.simulation.people import People
from training.simulation.shelf import MEMORY, Shelf
from training.simulation.taste import choose
from training.simulation.world import World

TOGETHER = 0.35
"""Probability that a complement is bought in the same basket."""

LATER = 0.15
"""Probability that it is remembered 2 to 14 days later otherwise."""

ADOPTED = 0.7
"""Probability that a consumable bought once becomes a habit."""

HABIT = 0.25
"""Probability that a line is something the person bought before."""


@dataclass(frozen=True)
class Lines:
    """Lines of orders: the order's place, the style, price in cents, pieces."""

    order: Ints
    style: Ints
    price: Ints
    quantity: Ints
    bad: Flags
    """Which lines were a bad experience."""


def fill(
    world: World,
    people: People,
    shelf: Shelf,
    who: Ints,
    at: Floats,
    occasion: Ints,
    rng: np.random.Generator,
) -> Lines:
    """The baskets of these people at these instants; `Lines.order` is the place in `who`.

    `occasion` is 0 for the person's own rhythm, 1 for a remembered complement, from 2 on for
    the pack that is due. A basket can come out empty, when what was wanted is no longer on
    sale; the shelf is then up to date all the same.
    """
    near = (shelf.due[who] - at[:, None]) <= _early(world, shelf, who)
    due = np.flatnonzero(occasion >= 2)
    near[due, occasion[due] - 2] = True
    packs, slots = np.nonzero(near)
    complement = np.flatnonzero(occasion == 1)
    extra = rng.poisson(people.basket[who] * np.where(occasion == 0, 1.0, 0.3))
    order = np.repeat(np.arange(len(who)), extra + (occasion == 0))
    style = _wanted(world, people, shelf, who[order], at[order], rng)
    # A pack that still lasts is not bought again.
    style[(shelf.style[who[order]] == style[:, None]).any(axis=1)] = -1

    order = np.r_[order, packs, complement]
    style = np.r_[style, shelf.style[who[packs], slots], shelf.remembered[who[complement]]]
    shelf.remembered_at[who[complement]] = FAR
    kept = world.on_sale(style, at[order])
    order, style = order[kept], style[kept]

    partner = world.partner[style]
    chance = np.where(world.on_sale(partner, at[order]), rng.random(len(order)), 1.0)
    together = chance < TOGETHER
    order, style = _unique(np.r_[order, order[together]], np.r_[style, partner[together]], world)

    known = (shelf.style[who[order]] == style[:, None]).any(axis=1)
    shelf.renew(who[packs], slots, at[packs], world, rng)
    _adopt(world, shelf, who, at, order, np.where(known, -1, style), rng)
    _remember(world, shelf, who, at, order, style, rng)
    cheap = (world.price[style] < 1500) & (world.refill[style] == 0)
    return Lines(
        order=order,
        style=style,
        price=world.price[style],
        quantity=np.where(cheap, rng.geometric(0.75, len(order)), 1),
        bad=rng.random(len(order)) < world.defects[style],
    )


def _early(world: World, shelf: Shelf, who: Ints) -> Floats:
    """How long before it is due a pack is taken along (ms); a subscription comes on its day."""
    style = shelf.style[who]
    early = np.where(shelf.subscription[who] >= 0, 12 * HOUR, 0.12 * world.refill[style])
    return np.where(style >= 0, early, -1.0)


def _wanted(
    world: World, people: People, shelf: Shelf, person: Ints, at: Floats, rng: np.random.Generator
) -> Ints:
    style = choose(world, people, person, at, rng)
    again = shelf.bought[person, rng.integers(0, MEMORY, len(person))]
    return np.where((again >= 0) & (rng.random(len(person)) < HABIT), again, style)


def _unique(order: Ints, style: Ints, world: World) -> tuple[Ints, Ints]:
    """Each style once per order."""
    count = len(world.category)
    key = np.unique(order * count + style)
    return key // count, key % count


def _adopt(
    world: World,
    shelf: Shelf,
    who: Ints,
    at: Floats,
    order: Ints,
    style: Ints,
    rng: np.random.Generator,
) -> None:
    """Some consumables bought for the first time become habits, one per basket."""
    new = (style >= 0) & (world.refill[style] > 0) & (rng.random(len(order)) < ADOPTED)
    _, first = np.unique(order[new], return_index=True)
    chosen = np.flatnonzero(new)[first]
    basket, style = order[chosen], style[chosen]
    shelf.adopt(who[basket], style, at[basket], world.refill[style], rng)


def _remember(
    world: World,
    shelf: Shelf,
    who: Ints,
    at: Floats,
    order: Ints,
    style: Ints,
    rng: np.random.Generator,
) -> None:
    """Durable products may be bought again; a complement may come to mind some days later."""
    person = who[order]
    durable = np.flatnonzero(world.refill[style] == 0)
    shelf.bought[person[durable], rng.integers(0, MEMORY, len(durable))] = style[durable]

    partner = world.partner[style]
    styles = len(world.category)
    missing = (partner >= 0) & ~np.isin(order * styles + partner, order * styles + style)
    recalled = missing & (rng.random(len(order)) < LATER / (1 - TOGETHER))
    recalled &= shelf.remembered_at[person] >= FAR
    _, first = np.unique(order[recalled], return_index=True)
    chosen = np.flatnonzero(recalled)[first]
    shelf.remembered[person[chosen]] = partner[chosen]
    shelf.remembered_at[person[chosen]] = at[order[chosen]] + DAY * rng.uniform(2, 14, len(chosen))
