"""A bundle trained on the seeded shop, as training would."""

from functools import cache

import numpy as np

from features.catalog import Catalog
from features.compute import matrix
from features.definitions import FEATURES
from features.events.schema import schema
from features.instants import DAY_MS
from features.reference import Reference
from features.timeline import Timelines
from models.bundle import Bundle
from models.churn import ChurnModel
from models.next_product import Als, Neighbours, NextProductModel, Period, Popular, Ranker, Repeat
from models.offers import Offers
from models.offers.offers import EXAMPLE
from models.personas import Personas
from models.value import ValueModel
from tests.models.shop import catalog, day, seeded_shop

PRODUCTS = 30
CUTOFF = day(330)


@cache
def shop() -> tuple[Timelines, Catalog]:
    return seeded_shop(products=PRODUCTS), catalog(PRODUCTS)


def bought(timelines: Timelines, at: int, days: int) -> list[np.ndarray]:  # type: ignore[type-arg]
    """What each customer bought in the days after an instant."""
    out = []
    for i in range(len(timelines)):
        rows = timelines.customer(i)
        inside = (rows.at >= at) & (rows.at < at + days * DAY_MS)
        line = rows.type == schema().code("Order Line")
        out.append(np.unique(rows.product[inside & line]))
    return out


def period(timelines: Timelines, products: Catalog, at: int) -> Period:
    found = bought(timelines, at, 30)
    before = [bool((timelines.customer(i).at < at).any()) for i in range(len(timelines))]
    chosen = [i for i, p in enumerate(found) if len(p) and before[i]]
    counts = [len(found[i]) for i in chosen]
    return Period(
        at=at,
        customers=np.array(chosen, np.int64),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        products=np.concatenate([found[i] for i in chosen]).astype(np.int32),
        reference=Reference.as_of(timelines, products, at),
    )


def next_product() -> NextProductModel:
    timelines, products = shop()
    model = NextProductModel(
        [Repeat(), Neighbours(threads=1), Als(factors=8, iterations=5, threads=1), Popular()],
        candidates=20,
        ranker=Ranker(trees=20, threads=1),
        threads=1,
    )
    past = (period(timelines, products, day(d)) for d in (200, 240, 300))
    return model.fit(timelines, products, past, CUTOFF, 30)


def churn() -> ChurnModel:
    timelines, products = shop()
    tables, labels, instants = [], [], []
    for at in (day(150), day(210), day(270)):
        eligible = np.array(
            [i for i in range(len(timelines)) if (timelines.customer(i).at < at).any()], np.int64
        )
        when = np.full(len(eligible), at, np.int64)
        facts = Reference.as_of(timelines, products, at)
        tables.append(matrix(timelines, eligible, when, products, facts))
        later = bought(timelines, at, 60)
        labels.append(np.array([len(later[i]) == 0 for i in eligible]))
        instants.append(when)
    names = [feature.name for feature in FEATURES]
    model = ChurnModel(trees=30, threads=1)
    return model.fit(
        np.concatenate(tables), np.concatenate(labels), np.concatenate(instants), names, 60
    )


def personas(facts: Reference) -> Personas:
    timelines, products = shop()
    everyone = np.arange(len(timelines))
    table = matrix(timelines, everyone, np.full(len(everyone), CUTOFF), products, facts)
    return Personas(halvings=4).fit(table, [feature.name for feature in FEATURES])


def value() -> ValueModel:
    timelines, products = shop()
    names = [feature.name for feature in FEATURES]
    at = day(270)
    people = np.array(
        [i for i in range(len(timelines)) if (timelines.customer(i).at < at).any()], np.int64
    )
    when = np.full(len(people), at, np.int64)
    facts = Reference.as_of(timelines, products, at)
    rows = matrix(timelines, people, when, products, facts)
    later = [timelines.customer(int(i)) for i in people]
    order = schema().code("Order Completed")
    inside = [(t.at >= at) & (t.at < at + 60 * DAY_MS) & (t.type == order) for t in later]
    orders = np.array(
        [len(np.unique(t.at[i] // DAY_MS)) for t, i in zip(later, inside, strict=True)]
    )
    spend = np.array([t.value[i].sum() for t, i in zip(later, inside, strict=True)])
    return ValueModel(trees=30, threads=1).fit(rows, orders, spend, when, names, 60)


@cache
def trained() -> Bundle:
    timelines, products = shop()
    facts = Reference.as_of(timelines, products, CUTOFF)
    offers = Offers.load(EXAMPLE)
    return Bundle(
        products, facts, churn(), next_product(), offers, personas=personas(facts), value=value()
    )
