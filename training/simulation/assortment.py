"""What the shop stocks: how many products of what, of which brands, and what goes together."""

import numpy as np

from training.simulation.arrays import Flags, Floats, Ints
from training.simulation.vocabulary import BRAND_ENDS, BRAND_STARTS, CATEGORIES

TASTES = 4
"""Dimensions of the hidden space in which people like brands."""

PAIRED = 0.3
"""Share of the styles that are given a complement."""


def sizes(products: int, rng: np.random.Generator) -> tuple[list[list[int]], Floats]:
    """The rows of each category, adding up to `products`, and how much is sold in each.

    Returns:
        Per category the number of variants of each of its styles; the categories' shares. A
        small shop leaves some categories out, and their share is 0.
    """
    weight = np.exp(rng.normal(0, 0.4, len(CATEGORIES)))
    weight[rng.permutation(len(CATEGORIES))[products // 2 :]] = 0.0
    stocked = weight > 0
    spare = products - int(stocked.sum())
    rows = stocked + np.floor(spare * weight / weight.sum()).astype(np.int64)
    rows[np.argmax(weight)] += products - rows.sum()
    all_styles: list[list[int]] = []
    for category, left in zip(CATEGORIES, rows.tolist(), strict=True):
        styles: list[int] = []
        while left > 0:
            styles.append(min(left, max(1, len(category.variants))))
            left -= styles[-1]
        all_styles.append(styles)
    return all_styles, weight / weight.sum()


def brands_of(category: Ints, rng: np.random.Generator) -> tuple[list[str], Ints, Floats]:
    """Brand names, each style's brand, and where brands lie in the space of tastes."""
    departments = sorted({c.department for c in CATEGORIES})
    per_department = max(2, min(len(category) // (12 * len(departments)), 40))
    names = [start + end for start in BRAND_STARTS for end in BRAND_ENDS]
    chosen = rng.permutation(len(names))[: per_department * len(departments)]
    brands = [names[i] for i in chosen]
    department = np.array([departments.index(c.department) for c in CATEGORIES])[category]
    popular = 1.0 / (1.0 + np.arange(per_department))
    within = rng.choice(per_department, size=len(category), p=popular / popular.sum())
    return brands, department * per_department + within, rng.normal(0, 1, (len(brands), TASTES))


def partners(
    category: Ints, weight: Floats, refill: Flags, passing: Flags, rng: np.random.Generator
) -> Ints:
    """Complements: pairs of durable styles of one department's different categories.

    The more popular a style, the likelier it is paired: pairs must be bought to be found.
    """
    departments = np.array([c.department for c in CATEGORIES])[category]
    partner = np.full(len(category), -1, np.int64)
    for department in np.unique(departments):
        free = np.flatnonzero((departments == department) & ~refill & ~passing)
        wanted = round(PAIRED * float((departments == department).sum()) / 2)
        key = rng.exponential(1, len(free)) / weight[free]
        # The next one is at the end, where taking it out is cheap.
        queue = free[np.argsort(-key)].tolist()
        for _ in range(wanted):
            one = queue.pop() if queue else -1
            places = range(len(queue) - 1, -1, -1)
            place = next((i for i in places if category[queue[i]] != category[one]), None)
            if place is None:
                break
            other = queue.pop(place)
            partner[one], partner[other] = other, one
    return partner
