"""A shop for campers and cooks, whose lists are told in advance."""

from functools import cache

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.reference import Reference
from features.timeline import Timeline, Timelines
from models.next_product import (
    Als,
    Ask,
    Neighbours,
    NextProductModel,
    Popular,
    Query,
    Repeat,
    Shelf,
    page,
    placements,
)
from models.next_product.shelf import Filters
from tests.models.shop import day, timeline

TENT, DOME, STOVE, GAS, MUG, BOWL, SHIRT, SHIRT_M, SHIRT_L, LANTERN, WINE = range(11)
NOW = day(100)


def camping() -> Catalog:
    def product(name: str, category: str, price: float, **fields: object) -> Product:
        return Product(ProductId(name), title=name, category=category, price=price, **fields)  # type: ignore[arg-type]

    return Catalog.of(
        [
            product("Tent", "Camp > Tents", 100),
            product("Dome", "Camp > Tents", 120),
            product("Stove", "Camp > Stoves", 40),
            product("Gas", "Camp > Gas", 5),
            product("Mug", "Kitchen > Mugs", 8),
            product("Bowl", "Kitchen > Bowls", 9, attributes={"margin": 0.6}),
            product("Shirt", "Clothes", 20),
            product("Shirt M", "Clothes", 21, parent_id="Shirt", attributes={"size": "M"}),
            product("Shirt L", "Clothes", 19, parent_id="Shirt", attributes={"size": "L"}),
            product("Lantern", "Camp > Lights", 15, first_seen_at=day(95)),
            product("Wine", "Food", 12, attributes={"min_age": 18}),
        ]
    )


@cache
def shop() -> tuple[NextProductModel, Catalog, Reference]:
    """Campers buy a tent with stove and gas, and gas again; others a mug with a bowl."""
    campers = [
        (f"t{i}", timeline([(i % 9, [(TENT, DOME)[i % 2], STOVE, GAS]), (40, [GAS]), (70, [GAS])]))
        for i in range(60)
    ]
    cooks = [(f"k{i}", timeline([(i % 9, [MUG, BOWL])])) for i in range(60)]
    drinkers = [(f"w{i}", timeline([(i, [SHIRT_M, WINE])])) for i in range(9)]
    timelines, catalog = Timelines.of([*campers, *cooks, *drinkers]), camping()
    generators = [Repeat(), Neighbours(threads=1), Als(factors=4, iterations=3, threads=1)]
    model = NextProductModel([*generators, Popular()], threads=1)
    model.fit(timelines, catalog, [], NOW, 30)
    return model, catalog, Reference.as_of(timelines, catalog, NOW)


def ask(placement: str, *anchors: int, k: int | None = None, **conditions: object) -> Ask:
    return Ask(placements()[placement], k, anchors, Filters.of(conditions))


def lists(
    *asks: Ask,
    customer: Timeline | None = None,
    catalog: Catalog | None = None,
    at: int = NOW,
    **wishes: object,
) -> tuple[Shelf, ...]:
    model, known, reference = shop()
    catalog = known if catalog is None else catalog
    return page(
        model,
        Timeline.empty() if customer is None else customer,
        at,
        Query(asks, **wishes),  # type: ignore[arg-type]
        catalog=catalog,
        reference=reference.extended(catalog),
    )


def products(shelf: Shelf) -> list[int]:
    return [item.product for item in shelf.items]


CAMPER = timeline([(20, [TENT, STOVE, GAS])])
SOLD = {TENT, DOME, STOVE, GAS, MUG, BOWL, SHIRT, LANTERN}
"""Parents that may be shown to anybody."""
