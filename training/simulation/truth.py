"""What the simulation knows and a real shop does not, written beside the events."""

import numpy as np
import pyarrow as pa

from training.simulation.arrays import DAY, Floats, Ints
from training.simulation.people import People
from training.simulation.table import TIMESTAMP, ids, words
from training.simulation.vocabulary import CATEGORIES
from training.simulation.world import World

CUSTOMERS = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("joined_at", TIMESTAMP),
        pa.field("left_at", TIMESTAMP),
        pa.field("orders_per_year", pa.float64()),
        pa.field("regularity", pa.float64()),
        pa.field("leave_probability", pa.float64()),
        pa.field("basket_size", pa.float64()),
        pa.field("price_sensitivity", pa.float64()),
        pa.field("email_interest", pa.float64()),
        pa.field("share_web", pa.float64()),
        pa.field("share_app", pa.float64()),
        pa.field("share_store", pa.float64()),
        pa.field("browser_id", pa.string()),
        pa.field("favourite_category", pa.string()),
        pa.field("favourite_brand", pa.string()),
    ]
)
"""One row per customer.

joined_at: the first order. left_at: null for who is still a customer at the end.
orders_per_year: the expected rate of the person's own rhythm while a customer; refills and
complements come on top. regularity: shape of the gamma-distributed gaps. leave_probability:
after an order that went well. basket_size: mean products in an order of the own rhythm before
complements. browser_id: the anonymous id on the web; a few customers share one. The favourite
brand is the one liked best of those in the favourite category.
"""

PRODUCTS = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("style", pa.int64()),
        pa.field("refill_days", pa.float64()),
        pa.field("season_peak_month", pa.int64()),
        pa.field("complement_id", pa.string()),
        pa.field("bad_experience", pa.float64()),
    ]
)
"""One row per catalogue row. style: equal for variants. refill_days: how long a pack lasts; null
for what is not used up. season_peak_month: null for what sells alike all year. complement_id:
the first variant of the complement. bad_experience: probability that buying it goes wrong.
"""

COMPLEMENTS = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("complement_id", pa.string(), nullable=False),
    ]
)
"""Each planted pair once, by the first variants."""


def customers(world: World, people: People, left_at: Floats) -> pa.Table:
    """The hidden traits of a block's customers."""
    here = np.flatnonzero(people.customer)
    share = np.diff(people.channels, axis=1, prepend=0) / people.channels[:, -1:]
    favourite_share = np.diff(people.favourite_weight, axis=1, prepend=0)
    best = np.argmax(favourite_share, axis=1)
    category = people.favourites[np.arange(len(people)), best]
    left = left_at[here]
    return pa.table(
        [
            ids("c", people.number[here]),
            pa.array(people.joined_at[here].astype(np.int64)).cast(TIMESTAMP),
            pa.array(left.astype(np.int64), mask=left >= world.end_at).cast(TIMESTAMP),
            pa.array(people.rate[here] * 365),
            pa.array(people.regularity[here]),
            pa.array(people.leaving[here]),
            pa.array(1 + people.basket[here]),
            pa.array(people.sensitivity[here]),
            pa.array(people.email_interest[here]),
            *(pa.array(share[here, i]) for i in range(3)),
            ids("a", people.browser[here]),
            words(pa.array([c.path for c in CATEGORIES]), category[here]),
            words(pa.array(world.brands), _favourite_brand(world, people, category)[here]),
        ],
        schema=CUSTOMERS,
    )


def _favourite_brand(world: World, people: People, category: Ints) -> Ints:
    carried = np.zeros((len(CATEGORIES), len(world.brands)), np.bool_)
    carried[world.category, world.brand] = True
    liking = people.taste @ world.brand_taste.T
    best: Ints = np.argmax(np.where(carried[category], liking, -np.inf), axis=1)
    return best


def products(world: World) -> pa.Table:
    """The hidden facts of the catalogue."""
    style = np.repeat(np.arange(len(world.row)), world.variants)
    names = world.products["product_id"].combine_chunks()
    peak = np.array([c.peak for c in CATEGORIES])[world.category[style]]
    partner = world.partner[style]
    refill = world.refill[style] / DAY
    return pa.table(
        [
            names,
            pa.array(style),
            pa.array(refill, mask=refill == 0),
            pa.array(peak, mask=peak == 0),
            words(names, np.where(partner >= 0, world.row[partner], -1)),
            pa.array(world.defects[style]),
        ],
        schema=PRODUCTS,
    )


def complements(world: World) -> pa.Table:
    """The planted pairs."""
    names = world.products["product_id"].combine_chunks()
    one = np.flatnonzero(world.partner > np.arange(len(world.partner)))
    return pa.table(
        [words(names, world.row[one]), words(names, world.row[world.partner[one]])],
        schema=COMPLEMENTS,
    )
