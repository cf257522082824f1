import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.events.erasures import Erased, Marks
from features.reference import Reference
from features.timeline import Timeline, Timelines
from models.next_product import NextProductModel, Popular, Session
from models.next_product.history import Histories
from models.next_product.looks import Sessions
from models.next_product.session import SessionIndex, evidence
from tests.models.shop import catalog, day, scores, timeline

PRODUCTS = 10
MINUTE = 1 / 24 / 60
Walks = list[list[int]]


def sessions(walks: Walks, owners: list[int] | None = None) -> Sessions:
    """One session a second, each its own customer's unless told."""
    return Sessions(
        np.cumsum([0, *map(len, walks)]),
        np.array([product for walk in walks for product in walk], np.int32),
        np.arange(len(walks)) * 1000,
        np.array(range(len(walks)) if owners is None else owners, np.int64),
    )


def products(*steps: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(steps, np.int32)


def visit(begin: float, steps: list[int]) -> list[tuple[float, list[int]]]:
    return [(begin + i * MINUTE, [product]) for i, product in enumerate(steps)]


def one(customer: Timeline, now: float = 30) -> Histories:
    return Histories.one(customer, day(now), catalog(PRODUCTS))


def everyone(people: Timelines, now: float = 30) -> Histories:
    return Histories.of(
        people, np.arange(len(people)), np.full(len(people), day(now)), catalog(PRODUCTS)
    )


def circles(length: int = 4, sessions: int = 2_000) -> Walks:
    """Everybody walks on from some product to the next, and from the last to the first."""
    start = np.random.default_rng(0).integers(PRODUCTS, size=sessions)
    return [[(s + i) % PRODUCTS for i in range(length)] for s in start.tolist()]


def test_a_session_goes_on_as_others_did() -> None:
    model = Session().learn(sessions([[1, 2, 3], [1, 2, 3], [4, 5, 6]]), PRODUCTS)
    assert model.trees_ is None  # so few sessions teach nothing
    assert 3 in model.next(products(1, 2), 3)[0]
    assert not {4, 5, 6} & set(model.next(products(1, 2), PRODUCTS)[0].tolist())


def test_what_comes_next_is_learnt_from_the_order_of_steps() -> None:
    model = Session().learn(sessions(circles()), PRODUCTS)
    assert model.trees_ is not None
    for start in range(PRODUCTS):
        found, score = model.next(products(start, (start + 1) % PRODUCTS), PRODUCTS)
        assert found[0] == (start + 2) % PRODUCTS
        assert score[0] > 0.9


def test_whether_people_return_to_what_they_saw_is_learnt() -> None:
    back_and_forth = [[a, b, a] for a, b, *_ in circles(sessions=4_000)]
    model = Session().learn(sessions(back_and_forth), PRODUCTS)
    assert model.next(products(3, 4), 1)[0].tolist() == [3]


def test_a_view_counts_in_the_next_answer() -> None:
    model = Session().learn(sessions(circles()), PRODUCTS)
    first = one(timeline([], viewed=visit(29.99, [1])))
    then = one(timeline([], viewed=visit(29.99, [1, 2])))
    assert model.recommend(first, 1)[0].tolist() == [2]
    assert model.recommend(then, 1)[0].tolist() == [3]


def test_only_the_last_session_counts() -> None:
    model = Session().learn(sessions(circles()), PRODUCTS)
    history = one(timeline([], viewed=visit(10, [7, 8]) + visit(20, [1, 2])))
    assert model.recommend(history, 1)[0].tolist() == [3]


def test_a_session_is_no_evidence_for_itself() -> None:
    """Else what somebody looked at before a training would seem what many look at together."""
    walk = visit(20, [1, 2, 3])
    people = Timelines.of([("a", timeline([], viewed=walk))])
    model = Session().fit(everyone(people))
    begun = scores(model, everyone(people))[0]
    gone_on = scores(model, one(timeline([], viewed=[*walk, (20 + 3 * MINUTE, [4])])))[0]
    assert begun[[1, 2, 3]] == pytest.approx(np.exp([-1.0, -0.5, 0.0]))  # seen, and no votes
    assert gone_on[3] == pytest.approx(np.exp(-0.5))
    another = scores(model, one(timeline([], viewed=visit(21, [1, 2]))))[0]
    assert another[3] > 0.5


def test_nothing_is_learnt_from_after_the_instant() -> None:
    people = Timelines.of([("a", timeline([], viewed=visit(10, [1, 2]) + visit(20, [1, 3])))])
    model = Session().fit(everyone(people, now=15))
    assert model.next(products(1), PRODUCTS)[0].tolist() == [1, 2]


def test_a_shop_without_views_gets_no_proposals() -> None:
    people = everyone(Timelines.of([("a", timeline([(1, [0, 1])]))]))
    model = Session().fit(people)
    assert len(model.index_) == 0
    assert not scores(model, people).any()


def test_only_the_newest_sessions_are_kept() -> None:
    model = Session(sessions=1).learn(sessions([[1, 2], [1, 3], [4]]), PRODUCTS)
    assert set(model.next(products(1), PRODUCTS)[0].tolist()) == {1, 3}


def test_the_same_sessions_teach_the_same_to_the_byte(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Session().learn(sessions(circles()), PRODUCTS).save(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) > 12
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_reasons_name_what_was_looked_at() -> None:
    model = Session().learn(sessions([[1, 2], [3, 4]]), PRODUCTS)
    history = one(timeline([], viewed=visit(29, [1, 3])))
    titles = catalog(PRODUCTS)
    assert model.reason(history, 2, titles) == "Looked at together with Product 1"
    assert model.reason(history, 4, titles) == "Looked at together with Product 3"
    assert model.reason(history, 3, titles) == "You looked at this lately"


def test_a_visitor_s_next_list_follows_what_others_looked_at() -> None:
    others = [(f"c{i}", timeline([(1, [5])], viewed=visit(i, [1, 2]))) for i in range(20)]
    people, shop = Timelines.of(others), catalog(PRODUCTS)
    sources = [Session(), Popular()]
    model = NextProductModel(sources, threads=1).fit(people, shop, [], day(30), 30)
    visitor = timeline([], viewed=visit(30, [1]))
    facts = Reference.as_of(people, shop, day(30))
    items = model.recommend(visitor, day(30.1), 3, catalog=shop, reference=facts)
    item = next(item for item in items if item.product == 2)
    assert (item.source, item.reason) == ("session", "Looked at together with Product 1")


KEY = "the shop's"
HASHES = np.arange(3 * 16, dtype=np.uint8).reshape(3, 16)


@pytest.fixture
def marked(tmp_path: Path) -> Session:
    """Three people, of whom the first came twice; as it serves, loaded from its files."""
    walks = sessions([[1, 2], [1, 3], [1, 4], [1, 5]], owners=[0, 1, 2, 0])
    Session().learn(walks, PRODUCTS, Marks(HASHES, KEY)).save(tmp_path)
    return Session.load(tmp_path)


def erased(*people: int, until: int = 10_000, key: str = KEY) -> Erased:
    return Erased({HASHES[person].tobytes(): until for person in people}, key)


def proposed(model: Session) -> set[int]:
    return set(model.next(products(1), PRODUCTS)[0].tolist())


def test_sessions_of_the_erased_count_no_more(marked: Session) -> None:
    assert proposed(marked) == {1, 2, 3, 4, 5}
    marked.mask(Erased({**erased(0).until, bytes(16): 10_000}, KEY))
    assert proposed(marked) == {1, 3, 4}
    history = one(timeline([], viewed=visit(29, [1])))
    assert marked.reason(history, 2, catalog(PRODUCTS)) == "Looked at in visits like yours"


def test_what_the_erased_did_later_counts(marked: Session) -> None:
    marked.mask(erased(0, until=0))
    assert proposed(marked) == {1, 3, 4, 5}


def test_a_mask_takes_the_place_of_the_one_before(marked: Session) -> None:
    marked.mask(erased(0))
    marked.mask(erased(1))
    assert proposed(marked) == {1, 2, 4, 5}
    marked.mask(erased())
    assert proposed(marked) == {1, 2, 3, 4, 5}


def test_sessions_marked_with_another_key_may_be_anybodys_and_all_go(marked: Session) -> None:
    marked.mask(erased(0, key="another"))
    assert proposed(marked) == {1}
    marked.mask(erased(key="another"))
    assert proposed(marked) == {1, 2, 3, 4, 5}  # where nobody was erased nothing must go


def test_two_people_whose_hashes_begin_alike_are_two() -> None:
    hashes = HASHES.copy()
    hashes[1, :8] = hashes[0, :8]
    model = Session().learn(sessions([[1, 2], [1, 3]]), PRODUCTS, Marks(hashes, KEY))
    model.mask(erased(0))
    assert proposed(model) == {1, 3}


walk = st.lists(st.integers(0, 5), min_size=1, max_size=8)


@given(st.lists(walk, max_size=8), st.sets(st.integers(0, 7)), walk)
def test_evidence_is_what_plain_counting_finds(
    walks: Walks, hidden: set[int], present: list[int]
) -> None:
    index = SessionIndex.of(sessions(walks), 6)
    index.arrays.hidden[[s for s in hidden if s < len(walks)]] = True
    found, columns = evidence.evidence(index.arrays, products(*present), -1)
    expected = _counted(walks, hidden, present)
    assert sorted(found.tolist()) == sorted(expected)
    for c, product in enumerate(found.tolist()):
        told = dict(zip(evidence.COLUMNS, columns[:, c].tolist(), strict=True))
        for name, value in expected[product].items():
            assert told[name] == pytest.approx(value, rel=1e-4, abs=1e-6), (product, name)


def _counted(walks: Walks, hidden: set[int], present: list[int]) -> dict[int, dict[str, float]]:
    """The columns by their definitions, without their bounds; `place` is the order of another."""
    seen = list(dict.fromkeys(present[::-1]))
    votes: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    visible = [(s, walk) for s, walk in enumerate(walks) if s not in hidden]
    youth = {s: 0.5 ** (3 * (len(walks) - s) / len(walks)) for s in range(len(walks))}
    candidates = set(seen)
    for s, walk in visible:
        shared = [product for product in seen[: evidence.QUERIES] if product in walk]
        if not shared:
            continue
        ageless = sum(math.exp(-present[::-1].index(p) / evidence.PATIENCE) for p in shared)
        weight = ageless / math.sqrt(len(walk)) * youth[s]
        at = len(walk) - 1 - walk[::-1].index(shared[0])
        for step, product in enumerate(walk):
            candidates.add(product)
            near = math.exp(-abs(step - at) / evidence.STRIDE)
            votes["neighbours"][product] += weight * near
            votes["ageless"][product] += ageless * near
            strongest = max(votes["strongest"][product], weight * near)
            votes["strongest"][product] = strongest
            if step > at:
                votes["later"][product] += weight / (step - at)
        for at, product in enumerate(walk):
            for step, other in enumerate(walk):
                if step > at and product == seen[0]:
                    votes["followed"][other] += youth[s] / (step - at)
                    votes["next"][other] += youth[s] if step == at + 1 else 0
                if step < at and product == seen[0]:
                    votes["preceded"][other] += youth[s] / (at - step)
                if step > at and product == (seen[1:2] or [None])[0]:
                    votes["followed_previous"][other] += youth[s] / (step - at)
    flat = [product for walk in walks for product in walk]
    again = {p: sum(max(0, w.count(p) - 1) for w in walks) for p in range(6)}
    usual = sum(again.values()) / max(len(flat), 1)
    out = {}
    for product in candidates:
        out[product] = {
            name: votes[name][product] / max(1e-9, *votes[name].values(), 1e-9)
            for name in evidence.COLUMNS[:7]
        }
        out[product] |= {
            "next_share": votes["next"][product] / (flat.count(seen[0]) + 2),
            "back": present[::-1].index(product) if product in present else evidence.NEVER,
            "times": present.count(product),
            "revisits": (again[product] + 10 * usual) / (flat.count(product) + 10),
            "popularity": flat.count(product),
            "steps": len(present),
            "products": len(seen),
        }
    return out


def test_a_popular_product_costs_no_more_than_its_newest_sessions() -> None:
    """The oldest of more sessions than are looked at has no say, and candidates are bounded."""
    many = [[0, 1], *([0, 2 + i % 150] for i in range(evidence.NEWEST))]
    index = SessionIndex.of(sessions(many), 152)
    found, columns = evidence.evidence(index.arrays, products(0), -1)
    assert len(found) == evidence.CANDIDATES
    assert 1 not in found
    assert found[0] == 0
    place = columns[evidence.COLUMNS.index("place")]
    votes = columns[evidence.COLUMNS.index("neighbours")]
    assert sorted(place.tolist()) == list(range(len(found)))
    assert (np.diff(votes[np.argsort(place)]) <= 0).all()
