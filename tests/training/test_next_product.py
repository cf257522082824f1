"""Figures of ranked products where the right ones can be worked out by hand."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.reference import Reference
from features.timeline import Timelines
from models.next_product import NextProductModel
from models.next_product.history import Histories
from models.next_product.opinions import Shown
from tests.models.shop import Baskets, catalog, day, seeded_shop, timeline
from training.baselines import Ranked, TifuKnn, UpCf, baskets
from training.dataset import Orders
from training.fit import train_next_product
from training.intervals import mean_intervals
from training.next_product import NextProductEvaluation, evaluate_next_product
from training.next_product.ablation import without_each
from training.next_product.exposure import Range, exposure
from training.next_product.groups import first_seen, groups
from training.next_product.scores import Truth, means, scores
from training.recipe import NextProductRecipe
from training.report import About, NextProductReport, next_product_page

PRODUCTS = 6
CUTOFF = day(300)
RECIPE = NextProductRecipe(periods=2, trees=10, als_factors=4, als_iterations=2)


def histories(*customers: Baskets) -> Histories:
    people = Timelines.of([(f"c{i:02d}", timeline(c)) for i, c in enumerate(customers)])
    everyone = np.arange(len(customers))
    return Histories.of(people, everyone, np.full(len(customers), day(50)), catalog(PRODUCTS))


def tifu(people: list[list[list[int]]], settings: TifuKnn) -> np.ndarray:  # type: ignore[type-arg]
    """TIFUKNN's scores as the paper and its code put them, one number after another."""
    vectors = np.zeros((len(people), PRODUCTS))
    for u, mine in enumerate(people):
        groups = min(settings.groups, len(mine))
        # the newest baskets first, into groups as even as they go
        cut = [[b for b in range(len(mine)) if b * groups // len(mine) == g] for g in range(groups)]
        for g, members in enumerate(cut):
            for b in members:
                for product in set(mine[len(mine) - 1 - b]):
                    weight = settings.within**b * settings.between**g
                    vectors[u, product] += weight / len(members) / groups
    out = np.zeros_like(vectors)
    for u in range(len(people)):
        others = [v for v in range(len(people)) if v != u]
        others.sort(key=lambda v: ((vectors[u] - vectors[v]) ** 2).sum())
        near = vectors[others[: settings.neighbours]].mean(axis=0) if others else 0.0
        out[u] = settings.own * vectors[u] + (1 - settings.own) * near
    return out


def upcf(people: list[list[list[int]]], settings: UpCf) -> np.ndarray:  # type: ignore[type-arg]
    held = [{p for basket in mine for p in basket} for mine in people]
    share = np.zeros((len(people), PRODUCTS))
    for u, mine in enumerate(people):
        latest = mine[-settings.window :]
        for basket in latest:
            share[u, list(set(basket))] += 1 / len(latest)
    out = np.zeros_like(share)
    for u, mine in enumerate(held):
        for v, theirs in enumerate(held):
            alpha = settings.asymmetry
            cosine = len(mine & theirs) / len(mine) ** alpha / len(theirs) ** (1 - alpha)
            out[u] += cosine**settings.locality * share[v]
    return out


SHOPS = st.lists(
    st.lists(
        st.lists(st.integers(0, PRODUCTS - 1), min_size=1, max_size=3), min_size=1, max_size=5
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(SHOPS, st.integers(1, 3))
def test_tifuknn_and_upcf_rank_as_their_papers_say(people: list[list[list[int]]], n: int) -> None:
    known = histories(*([(float(1 + i), b) for i, b in enumerate(mine)] for mine in people))
    rows = np.arange(len(people))
    tifuknn, popular = TifuKnn(neighbours=6, groups=n), UpCf(window=n)
    for ranked, expected in (
        (tifuknn.rank(known, rows, PRODUCTS), tifu(people, tifuknn)),
        (popular.rank(known, rows, PRODUCTS), upcf(people, popular)),
    ):
        for mine, true in zip(ranked, expected, strict=True):
            listed = mine[mine >= 0]
            assert set(listed.tolist()) == set(np.flatnonzero(true > 1e-9).tolist())
            assert (np.diff(true[listed]) < 1e-5).all()


def test_neighbours_are_the_nearest_and_are_found_in_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half the customers end with product 4, which some have not bought yet."""
    mine: list[Baskets] = [
        [(1, [i % 2]), (2, [i % 2, 4] if i > 1 and i % 2 else [i % 2])] for i in range(9)
    ]
    known, rows = histories(*mine), np.arange(9)
    whole = TifuKnn(neighbours=3).rank(known, rows, 3)
    assert whole[1].tolist() == [1, 4, -1]
    assert whole[0].tolist() == [0, -1, -1]
    monkeypatch.setattr(baskets, "MOST_CELLS", 1)
    assert TifuKnn(neighbours=3).rank(known, rows, 3).tolist() == whole.tolist()
    monkeypatch.setattr(baskets, "MOST_CUSTOMERS", 4)
    few = UpCf().rank(known, rows, 3)
    assert [row[0] for row in few.tolist()] == [i % 2 for i in range(9)]


def truth() -> Truth:
    """The first customer bought 0 again and 1, the second 2 again."""
    return Truth(np.array([0, 2, 3]), np.array([0, 1, 2], np.int32), np.array([True, False, True]))


def test_repeats_and_discoveries_are_told_apart() -> None:
    found = means(scores(np.array([[0, 3], [4, 5]], np.int32), truth()))
    assert found["recall@10"] == 0.25
    assert found["repeat_recall@10"] == 0.5
    assert found["explore_recall@10"] == 0
    each = scores(np.array([[1, 3], [4, 2]], np.int32), truth())
    assert each["explore_recall@10"][0] == 1
    assert np.isnan(each["explore_recall@10"][1])
    assert each["repeat_phr@10"].tolist() == [0, 1]


def test_what_is_shown_is_counted_by_range_novelty_and_variety() -> None:
    products = Catalog.of(
        Product(ProductId(f"p{i}"), category="a" if i < 2 else "b", brand="x" if i != 1 else "y")
        for i in range(4)
    )
    # of four buyers four bought 0, two bought 1, one bought 2, none 3
    known = histories([(1, [0, 1, 2])], [(1, [0, 1])], [(1, [0])], [(1, [0])])
    shelf = Range.of(products, known)
    assert shelf.novelty()[:3].tolist() == [0, 1, 2]
    assert np.isfinite(shelf.novelty()[3])
    found = exposure(np.array([[0, 1], [0, 2]], np.int32), shelf, 2)
    assert found["coverage@2"] == 0.75
    assert found["novelty@2"] == 0.75
    assert found["popularity@2"] == (1 + 0.5 + 1 + 0.25) / 4
    assert found["diversity@2"] == 0.5  # one half in common in either list
    assert found["gini@2"] == pytest.approx((2 * (1 * 0 + 2 * 1 + 3 * 1 + 4 * 2) / 4 - 5) / 4)
    alike = exposure(np.array([[0, 1], [2, 3]], np.int32), shelf, 2)
    assert alike["gini@2"] == 0
    plain = Range.of(catalog(4), known)
    assert "diversity@2" not in exposure(np.array([[0, 1]], np.int32), plain, 2)


def test_groups_are_by_orders_and_new_products() -> None:
    counts = [1, 1, 2, 3, 5, 8]
    people = Timelines.of(
        [
            (f"c{i}", timeline([(280.0 + b, [b % 2]) for b in range(n)] + [(301, [i % 2])]))
            for i, n in enumerate(counts)
        ]
    )
    everyone, n = np.arange(6), 6
    bought = np.array([i % 2 for i in range(n)], np.int32)
    told = Truth(np.arange(n + 1), bought, np.ones(n, np.bool_))
    seen = np.array([CUTOFF - 5 * 86_400_000, CUTOFF - 90 * 86_400_000])
    found = {g.key: g for g in groups(people, everyone, CUTOFF, told, seen)}
    thirds = [found[f"{key}_orders"].customers for key in ("few", "some", "many")]
    assert np.flatnonzero(thirds[0]).tolist() == [0, 1]
    assert np.flatnonzero(thirds[1]).tolist() == [2, 3]
    assert np.flatnonzero(thirds[2]).tolist() == [4, 5]
    assert found["some_orders"].name == "2 to 3 orders"
    assert found["one_order"].customers.tolist() == thirds[0].tolist()
    assert found["new_products"].truth(told).counts.tolist() == [1, 0, 1, 0, 1, 0]
    assert Orders.of(people).before(CUTOFF).sum() == sum(counts)


def test_a_product_is_first_seen_when_the_catalogue_says_or_it_first_was() -> None:
    people = Timelines.of([("c", timeline([(5, [0]), (7, [1]), (9, [1])]))])
    products = catalog(3).extended([Product(ProductId("p0"), first_seen_at=day(2))])
    assert first_seen(people, products)[:2].tolist() == [day(2), day(7)]
    assert first_seen(people, products)[2] > day(10_000)


def test_intervals_of_differences_are_paired() -> None:
    drawn = np.random.default_rng(0)
    hard = drawn.uniform(0, 1, 200)
    columns = {"a": hard, "b": hard + 0.01, "less": np.full(200, -0.01), "few": hard.copy()}
    columns["few"][3:] = np.nan
    found = mean_intervals(columns)
    assert found["less"].high < 0 < found["a"].high - found["b"].low
    assert found["few"].value == pytest.approx(hard[:3].mean())
    assert found["few"].high - found["few"].low > found["a"].high - found["a"].low


@pytest.fixture(scope="module")
def shop() -> tuple[Timelines, Catalog]:
    return seeded_shop(customers=120), catalog(30)


@pytest.fixture(scope="module")
def model(shop: tuple[Timelines, Catalog]) -> NextProductModel:
    return train_next_product(*shop, RECIPE, CUTOFF, threads=1)


@pytest.fixture(scope="module")
def found(shop: tuple[Timelines, Catalog], model: NextProductModel) -> NextProductEvaluation:
    return evaluate_next_product(model, *shop, CUTOFF)


def test_every_source_is_left_out_and_stays_in_the_model(
    shop: tuple[Timelines, Catalog], model: NextProductModel, found: NextProductEvaluation
) -> None:
    assert [each.source for each in found.ablation] == [g.name for g in model.generators]
    for each in found.ablation:
        assert each.recall.low <= each.recall.value <= each.recall.high
        of_all = found.metrics["ours.recall@10"]
        without = found.metrics[f"without_{each.source}.recall@10"]
        assert each.recall.value == pytest.approx(without - of_all)
    assert any(each.ndcg.value != 0 for each in found.ablation)
    again = evaluate_next_product(model, *shop, CUTOFF, thorough=False)
    assert again.metrics["ours.recall@10"] == found.metrics["ours.recall@10"]
    assert again.ablation == []
    assert again.probability is None


def test_a_silent_source_proposes_nothing_and_speaks_again_in_the_model(
    shop: tuple[Timelines, Catalog], model: NextProductModel
) -> None:
    timelines, products = shop
    someone = Histories.of(timelines, np.array([0]), np.array([CUTOFF]), products)
    shown = Shown.alike(np.ones(len(products), np.bool_), 1)

    def speaking(asked: NextProductModel) -> list[str]:
        sources = asked.generators
        return [g.name for g in sources if len(g.opinions(someone).top(5, shown).products)]

    loud = speaking(model)
    assert {"repeat", "neighbours", "als", "popular"} <= set(loud)
    heard: list[list[str]] = []

    def rank(less: NextProductModel) -> Ranked:
        heard.append(speaking(less))
        return np.empty((0, 10), np.int32)

    names = [name for name, _ in without_each(model, rank)]
    assert heard == [[name for name in loud if name != silent] for silent in names]
    assert speaking(model) == loud


def test_figures_have_intervals_groups_and_sizes(found: NextProductEvaluation) -> None:
    best = found.best_baseline
    assert all(
        found.metrics[f"{best}.recall@10"] >= found.metrics[f"{m}.recall@10"]
        for m in found.baselines
    )
    gain = found.intervals[f"less.{best}.recall@10"]
    assert gain.value == pytest.approx(
        found.metrics["ours.recall@10"] - found.metrics[f"{best}.recall@10"]
    )
    thirds = [each for each in found.groups if each.group.key.endswith("_orders")]
    assert sum(each.customers for each in thirds) == found.customers
    weighted = sum(each.customers * each.recall["ours"].value for each in thirds)
    assert weighted / found.customers == pytest.approx(found.metrics["ours.recall@10"])
    said = found.probability
    assert said is not None
    assert len(said.said) == 10 * found.customers
    assert said.said.mean() == pytest.approx(said.bought.mean(), abs=0.15)  # of ten trees


class Page(HTMLParser):
    """The ids, and what is read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids += [told["id"] or ""] if "id" in told else []
        self.links += [told["href"] or ""] if tag == "a" else []

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_says_what_was_found(found: NextProductEvaluation) -> None:
    about = About(
        version=4,
        recipe_name="<mine>",
        recipe=RECIPE.model_dump(),
        seed=0,
        fingerprint="f00d",
        trained_until="2024-10-12T00:00:00Z",
        git_commit="",
        made_at="2024-10-13T00:00:00Z",
    )
    html = next_product_page(NextProductReport(about, found))
    page = Page(html)
    assert "<mine>" in page.text
    assert "<mine>" not in html
    assert set(page.links) == {f"#{name}" for name in page.ids}
    assert {"right", "shown", "kinds", "sources", "probability", "card"} <= set(page.ids)
    assert f"Of {found.customers} customers who ordered in the 30 days after" in page.text
    assert html.count('<svg viewBox="0 0 440') == 6
    for name in ("TIFUKNN", "UP-CF", "up to", "repeat", "Vargas and Castells"):
        assert name in page.text
    bare = replace(found, ablation=[], probability=None, groups=[])
    short = Page(next_product_page(NextProductReport(about, bare)))
    assert not {"sources", "probability"} & set(short.ids)
    assert set(short.links) == {f"#{name}" for name in short.ids}


def test_facts_may_come_from_the_bundle(
    shop: tuple[Timelines, Catalog], model: NextProductModel, found: NextProductEvaluation
) -> None:
    facts = Reference.as_of(*shop, CUTOFF)
    again = evaluate_next_product(model, *shop, CUTOFF, reference=facts, thorough=False)
    assert again.recall["ours"].tolist() == found.recall["ours"].tolist()
