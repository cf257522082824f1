"""What a person picks: category by taste and season, product by popularity, brand and price."""

import numpy as np

from training.simulation.arrays import DAY, Floats, Ints, pick
from training.simulation.people import People
from training.simulation.vocabulary import CATEGORIES
from training.simulation.world import World

YEAR_DAYS = 365.25
STRENGTH = 2.2
"""How far a season goes: at its lowest a category sells exp(-2 × 2.2) = 1.2 % of its peak."""

OUTSIDE = 0.12
"""Probability of looking outside one's favourite categories."""

_RIVALS = 3
_TRIES = 4

_PEAK_DAY = np.array([(c.peak - 0.5) * YEAR_DAYS / 12 for c in CATEGORIES])
_STRENGTH = np.array([STRENGTH if c.peak else 0.0 for c in CATEGORIES])


def season(category: Ints, at: Floats) -> Floats:
    """How much of its peak a category sells at these instants, 0 to 1."""
    # 1 January is day 0 of the year to within a day, as 1970 began on one.
    day = at / DAY % YEAR_DAYS
    angle = 2 * np.pi * (day - _PEAK_DAY[category]) / YEAR_DAYS
    share: Floats = np.exp(_STRENGTH[category] * (np.cos(angle) - 1))
    return share


def choose(world: World, people: People, who: Ints, at: Floats, rng: np.random.Generator) -> Ints:
    """The style each person `who` is drawn to at its instant; always one on sale.

    A category is drawn from the person's favourites, now and then from all, and kept with
    the probability of its season. Of three of its styles, drawn by popularity, the one wins
    whose brand and price please most (a Gumbel noise decides between equals).
    Where none of the three was on sale, it is one of the staples, by popularity.
    """
    category = _category(world, people, who, at, rng)
    n = len(who)
    floor = np.r_[0.0, world.popularity]
    low = floor[world.category_starts[category]][:, None]
    high = floor[world.category_starts[category + 1]][:, None]
    drawn = low + (high - low) * rng.random((n, _RIVALS))
    rivals = np.searchsorted(world.popularity, drawn, side="right")
    rivals = np.minimum(rivals, world.category_starts[category + 1][:, None] - 1)
    liking = np.einsum("nrt,nt->nr", world.brand_taste[world.brand[rivals]], people.taste[who])
    dear = world.relative_price[rivals] * people.sensitivity[who][:, None]
    score = 0.6 * liking - 2.5 * dear + 0.7 * rng.gumbel(size=(n, _RIVALS))
    score[~world.on_sale(rivals, at[:, None])] = -np.inf
    best = np.argmax(score, axis=1)
    style: Ints = rivals[np.arange(n), best]
    none = np.flatnonzero(np.isneginf(score[np.arange(n), best]))
    weight = np.cumsum(np.diff(floor)[world.staples])
    drawn_staple = np.searchsorted(weight, weight[-1] * rng.random(len(none)), side="right")
    style[none] = world.staples[np.minimum(drawn_staple, len(weight) - 1)]
    return style


def _category(
    world: World, people: People, who: Ints, at: Floats, rng: np.random.Generator
) -> Ints:
    n = len(who)
    everything = np.cumsum(world.category_weight)
    out = np.full(n, -1, np.int64)
    for attempt in range(_TRIES):
        open_ = np.flatnonzero(out < 0)
        person = who[open_]
        drawn = people.favourites[person, pick(rng, people.favourite_weight[person])]
        anywhere = rng.random(len(open_)) < OUTSIDE
        wide = np.searchsorted(everything, rng.random(len(open_)) * everything[-1])
        drawn = np.where(anywhere, np.minimum(wide, len(everything) - 1), drawn)
        kept = rng.random(len(open_)) < season(drawn, at[open_])
        if attempt == _TRIES - 1:
            kept[:] = True
        out[open_[kept]] = drawn[kept]
    return out
