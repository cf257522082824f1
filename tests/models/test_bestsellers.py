"""What sells best in the customer's categories, by channel."""

from dataclasses import replace

import numpy as np

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.events.schema import schema
from features.timeline import Timeline, Timelines
from models.next_product import Bestsellers
from models.next_product.history import Histories
from tests.models.shop import catalog, day, timeline

NOW = day(30)
WEB, STORE = schema().channels["web"], schema().channels["store"]


def by(channel: int, customer: Timeline) -> Timeline:
    return replace(customer, channel=np.full(len(customer), channel, np.uint8))


def pots_and_pans() -> Catalog:
    kinds = ("Garden > Pots", "Kitchen > Pans")
    return Catalog.of(Product(ProductId(f"p{i}"), category=kinds[i % 2]) for i in range(8))


def fitted(people: list[Timeline], shop: Catalog) -> Bestsellers:
    timelines = Timelines.of([(f"c{i:04d}", person) for i, person in enumerate(people)])
    everyone = np.arange(len(people))
    return Bestsellers().fit(Histories.of(timelines, everyone, np.full(len(people), NOW), shop))


def test_each_category_has_its_bestsellers() -> None:
    shop = pots_and_pans()
    pots = [timeline([(20, [2])])] * 5 + [timeline([(20, [4])])] * 9
    pans = [timeline([(20, [3])])] * 50
    model = fitted([*pots, *pans], shop)
    gardener = Histories.one(timeline([(25, [0])]), NOW, shop)
    assert model.recommend(gardener, 5)[0].tolist() == [4, 2]
    assert model.reason(gardener, 4, shop) == "Popular in Pots"
    both = Histories.one(timeline([(25, [0]), (26, [1])]), NOW, shop)
    assert model.recommend(both, 5)[0].tolist() == [3, 4, 2]


def test_what_sells_in_the_store_is_shown_to_who_buys_there() -> None:
    shop = catalog(4)  # without categories
    web = [by(WEB, timeline([(20, [0])]))] * 300
    store = [by(STORE, timeline([(20, [1])]))] * 200
    model = fitted([*web, *store], shop)
    for channel, first in ((WEB, 0), (STORE, 1)):
        customer = Histories.one(by(channel, timeline([(25, [2])])), NOW, shop)
        assert model.recommend(customer, 1)[0].tolist() == [first]
    elsewhere = Histories.one(by(schema().channels["app"], timeline([(25, [2])])), NOW, shop)
    assert model.recommend(elsewhere, 2)[0].tolist() == [0, 1]


def test_a_channel_with_few_orders_sells_what_all_do() -> None:
    shop = catalog(4)
    web = [by(WEB, timeline([(20, [0])]))] * 300
    store = [by(STORE, timeline([(20, [1])]))] * 3
    customer = Histories.one(by(STORE, timeline([(25, [2])])), NOW, shop)
    assert fitted([*web, *store], shop).recommend(customer, 1)[0].tolist() == [0]


def test_one_channel_and_no_categories_say_nothing_beyond_what_is_popular() -> None:
    shop = catalog(4)
    model = fitted([timeline([(20, [0])])] * 9, shop)
    assert not len(model.recommend(Histories.one(timeline([(25, [2])]), NOW, shop), 3)[0])


def test_one_customer_s_channel_is_that_of_many() -> None:
    shop = catalog(4)
    people = [
        by(WEB, timeline([(20, [0]), (21, [1])])),
        by(STORE, timeline([(20, [0])], viewed=[(22, [1])])),
        Timeline.empty(),
    ]
    timelines = Timelines.of([(f"c{i}", person) for i, person in enumerate(people)])
    many = Histories.of(timelines, np.arange(3), np.full(3, NOW), shop)
    assert many.channel.tolist() == [WEB, STORE, 0]
    assert [int(Histories.one(p, NOW, shop).channel[0]) for p in people] == [WEB, STORE, 0]
