"""The shop itself: its catalogue and what is hidden in it.

A *style* is a product whatever its variant; taste, complements and refills are facts about
styles, orders name a variant. Styles are numbered by category, so that a category is a range.
"""

import json
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from training.simulation.arrays import DAY, FAR, Flags, Floats, Ints
from training.simulation.assortment import brands_of, partners, sizes
from training.simulation.settings import SimulationSettings
from training.simulation.vocabulary import ADJECTIVES, CATEGORIES

PRODUCTS = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("parent_id", pa.string()),
        pa.field("title", pa.string()),
        pa.field("category", pa.string()),
        pa.field("brand", pa.string()),
        pa.field("price", pa.float64()),
        pa.field("attributes", pa.string()),
        pa.field("first_seen_at", pa.timestamp("ms", tz="UTC")),
        pa.field("available", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class World:
    """The catalogue as arrays; instants and durations are in milliseconds, money in cents."""

    start_at: int
    end_at: int
    products: pa.Table
    """What the shop publishes, a row per variant."""

    category_weight: Floats
    """How much is sold in each category, by index in `CATEGORIES`; 0 where it has no style."""
    category_starts: Ints
    """First style of each category, and the number of styles at the end."""

    category: Ints
    brand: Ints
    brands: list[str]
    brand_taste: Floats
    """Where each brand lies in the space of tastes, shape (brands, TASTES)."""
    price: Ints
    relative_price: Floats
    """Logarithm of the price over the category's median."""
    popularity: Floats
    """Cumulative weight over all styles."""
    released_at: Floats
    retired_at: Floats
    refill: Floats
    """How long a pack lasts; 0 for what is not used up."""
    staples: Ints
    """Styles on sale all the time; at least one."""
    partner: Ints
    """The planted complement of each style; -1 for none."""
    defects: Floats
    """Probability that buying it is a bad experience."""
    row: Ints
    """The catalogue row of a style's first variant; the others follow it."""
    variants: Ints

    def on_sale(self, style: Ints, at: Floats) -> Flags:
        """Which styles could be bought at these instants; never style -1."""
        return (style >= 0) & (self.released_at[style] <= at) & (at < self.retired_at[style])

    def variant(self, style: Ints, preference: Ints) -> Ints:
        """The catalogue row a person with this preference (a size, a colour) takes."""
        return self.row[style] + preference % self.variants[style]


def build(settings: SimulationSettings, rng: np.random.Generator) -> World:
    """The shop of these settings; the same for the same generator state."""
    start, end = settings.start_at, settings.end_at
    styles, category_weight = sizes(settings.products, rng)
    category = np.repeat(np.arange(len(CATEGORIES)), [len(s) for s in styles])
    variants = np.concatenate([np.asarray(s, np.int64) for s in styles])
    count = len(category)
    brands, brand, brand_taste = brands_of(category, rng)

    median = np.array([c.price for c in CATEGORIES])[category]
    price = np.maximum(50, np.round(100 * median * np.exp(rng.normal(0, 0.4, count)) / 5) * 5)
    rank = rng.permutation(count)
    weight: Floats = np.power(2.0 + _rank_within(category, rank), -1.2)
    released = start - DAY * rng.uniform(1, 700, count)
    late = rng.random(count) < 0.15
    late[np.argmax(weight)] = False
    released[late] = start + (end - start) * rng.uniform(0.05, 0.9, count)[late]
    retired = np.full(count, FAR)
    gone = (rng.random(count) < 0.04) & ~late
    gone[np.argmax(weight)] = False
    retired[gone] = start + (end - start) * rng.uniform(0.4, 0.98, count)[gone]
    refill = np.array([c.refill for c in CATEGORIES])[category] * np.exp(rng.normal(0, 0.2, count))
    row = np.cumsum(variants) - variants
    world = World(
        start_at=start,
        end_at=end,
        products=PRODUCTS.empty_table(),
        category_weight=category_weight,
        category_starts=np.searchsorted(category, np.arange(len(CATEGORIES) + 1)),
        category=category,
        brand=brand,
        brands=brands,
        brand_taste=brand_taste,
        price=price.astype(np.int64),
        relative_price=np.log(price / 100 / median),
        popularity=np.cumsum(weight),
        released_at=released,
        retired_at=retired,
        refill=np.round(refill) * DAY,
        staples=np.flatnonzero(~late & ~gone),
        partner=partners(category, weight, refill > 0, late | gone, rng),
        defects=rng.beta(1, 24, count),
        row=row,
        variants=variants,
    )
    return replace(world, products=_catalogue(world, rng))


def _rank_within(category: Ints, rank: Ints) -> Ints:
    """The place of each style in its category when ordered by `rank`."""
    order = np.lexsort((rank, category))
    starts = np.searchsorted(category, category)
    out = np.empty(len(category), np.int64)
    out[order] = np.arange(len(category))
    return out - starts


def _catalogue(world: World, rng: np.random.Generator) -> pa.Table:
    """The rows the shop publishes."""
    width = max(4, len(str(int(world.variants.sum()))))
    adjective = rng.integers(0, len(ADJECTIVES), len(world.category))
    seen_of: dict[str, int] = {}
    rows = []
    for style, number in enumerate(world.variants.tolist()):
        category = CATEGORIES[world.category[style]]
        brand = world.brands[world.brand[style]]
        title = f"{brand} {ADJECTIVES[adjective[style]]} {category.noun}"
        seen_of[title] = seen_of.get(title, 0) + 1
        if seen_of[title] > 1:
            title = f"{title} {seen_of[title]}"
        for variant in range(number):
            has_parent = number > 1
            label = category.variants[variant] if has_parent else None
            row = int(world.row[style]) + variant
            attributes = {"department": category.department}
            rows.append(
                {
                    "product_id": f"p{row:0{width}d}",
                    "parent_id": f"s{style:0{width}d}" if has_parent else None,
                    "title": f"{title}, {label}" if label else title,
                    "category": category.path,
                    "brand": brand,
                    "price": world.price[style] / 100,
                    "attributes": json.dumps(
                        {**attributes, "variant": label} if label else attributes
                    ),
                    "first_seen_at": int(world.released_at[style]),
                    "available": bool(world.retired_at[style] >= world.end_at),
                }
            )
    return pa.Table.from_pylist(rows, schema=PRODUCTS)
