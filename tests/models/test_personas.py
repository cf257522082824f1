"""Personas: planted groups are found, named by what they do, and found again."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.definitions import FEATURES
from features.errors import BundleError, InputError, NotEnoughDataError
from models.personas import TRAITS, Personas
from models.personas.matching import matched
from models.personas.model import MIN_CUSTOMERS
from models.personas.naming import RULES, names
from models.personas.stability import Candidate, chosen
from models.personas.traits import DISCOUNTS, ORDER_VALUE, ORDERS, PIECES
from tests.models import planted

Matrix = npt.NDArray[np.float32]


def fitted(X: Matrix, previous: Personas | None = None, seed: int = 0) -> Personas:  # noqa: N803
    return Personas(halvings=6, seed=seed).fit(X, planted.NAMES, previous=previous)


def own(model: Personas, X: Matrix) -> Matrix:  # noqa: N803
    """The columns that the model asks for."""
    return X[:, [planted.NAMES.index(name) for name in model.feature_names_]]


def keys(model: Personas, X: Matrix) -> npt.NDArray[np.str_]:  # noqa: N803
    return np.array([each.key for each in model.personas_])[model.predict(own(model, X))]


def noise(customers: int = 600, columns: tuple[str, ...] = (ORDERS, ORDER_VALUE, PIECES)) -> Matrix:
    """Customers who differ in everything and in no groups."""
    drawn = np.random.default_rng(5)
    return drawn.lognormal(2, 0.5, (customers, len(columns))).astype(np.float32)


@pytest.fixture(scope="module")
def now() -> Matrix:
    return planted.features(360)


@pytest.fixture(scope="module")
def model(now: Matrix) -> Personas:
    return fitted(now)


def test_planted_kinds_are_the_personas(model: Personas, now: Matrix) -> None:
    assert len(model.personas_) == 3
    found = model.predict(own(model, now))
    for kind in range(3):
        assert np.bincount(found[planted.kinds() == kind]).max() / 150 > 0.95
    assert sum(each.share for each in model.personas_) == pytest.approx(1)


def test_names_and_figures_say_what_the_kinds_do(model: Personas, now: Matrix) -> None:
    found = model.predict(own(model, now))
    of_kind = {
        name: model.personas_[np.bincount(found[planted.kinds() == kind]).argmax()]
        for kind, name in enumerate(planted.KINDS)
    }
    assert of_kind["regular"].name == "Frequent shoppers"
    assert of_kind["feast"].name == "Occasional big-basket shoppers"
    assert "argain hunters" in of_kind["bargain"].name
    assert re.match(
        r"Typically discounts worth 6\d% of spending \(all customers: 2\d%\)",
        of_kind["bargain"].description,
    )
    assert re.search(r"\b2\d orders so far \(", of_kind["regular"].description)
    assert re.search(r"\b10 pieces per order \(", of_kind["feast"].description)


def test_personas_are_found_again_in_a_resample(model: Personas, now: Matrix) -> None:
    drawn = np.random.default_rng(1).integers(len(now), size=len(now))
    again = fitted(now[drawn], model, seed=1)
    assert {each.key for each in again.personas_} == {"p1", "p2", "p3"}
    assert (keys(again, now) == keys(model, now)).mean() >= 0.9
    named = {each.key: each.name for each in model.personas_}
    assert named == {each.key: each.name for each in again.personas_}


def test_a_month_later_customers_keep_their_persona(model: Personas, now: Matrix) -> None:
    later = planted.features(390)
    again = fitted(later, model)
    assert not np.array_equal(later, now, equal_nan=True)
    assert (keys(again, later) == keys(model, now)).mean() >= 0.9


def test_a_kind_that_comes_to_the_shop_gets_a_key_of_its_own(now: Matrix) -> None:
    two = planted.kinds() != 1
    before = fitted(now[two])
    after = fitted(now, before)
    assert [each.key for each in before.personas_] == ["p1", "p2"]
    assert {each.key for each in after.personas_} == {"p1", "p2", "p3"}
    assert set(keys(after, now[planted.kinds() == 1])) == {"p3"}
    assert (keys(after, now[two]) == keys(before, now[two])).mean() > 0.95


def test_a_key_that_is_gone_is_never_given_again(model: Personas, now: Matrix) -> None:
    without = fitted(now[planted.kinds() != 1], model)
    [gone] = {each.key for each in model.personas_} - {each.key for each in without.personas_}
    again = fitted(now, without)
    assert gone not in {each.key for each in again.personas_}
    assert "p4" in {each.key for each in again.personas_}


def test_what_has_no_groups_is_one_persona() -> None:
    found = Personas(halvings=6).fit(noise(), (ORDERS, ORDER_VALUE, PIECES))
    assert [(each.key, each.name, each.share) for each in found.personas_] == [
        ("p1", "All customers", 1.0)
    ]
    assert found.candidates_
    assert not any(each.holds() for each in found.candidates_)
    assert found.personas_[0].description.startswith("No group stands out")


def test_a_small_shop_has_one_persona(now: Matrix) -> None:
    few = now[: MIN_CUSTOMERS - 1]
    found = fitted(few)
    assert [each.name for each in found.personas_] == ["All customers"]
    assert not fitted(now[:1]).predict(own(fitted(now[:1]), few)).any()


def test_one_persona_does_not_become_one_of_several(now: Matrix, model: Personas) -> None:
    small = fitted(now[: MIN_CUSTOMERS - 1])
    grown = fitted(now, small)
    assert [each.key for each in grown.personas_] == ["p2", "p3", "p4"]
    assert [each.name for each in grown.personas_] == [each.name for each in model.personas_]


def test_one_order_of_seventy_thousand_moves_nobody(model: Personas, now: Matrix) -> None:
    odd = now.copy()
    odd[0, planted.NAMES.index(ORDER_VALUE)] = 70_000
    odd[1, planted.NAMES.index(PIECES)] = 80_995
    found = fitted(odd)
    assert (keys(found, now) == keys(model, now)).mean() > 0.99


def test_equal_input_gives_equal_personas(model: Personas, now: Matrix, tmp_path: Path) -> None:
    model.save(tmp_path / "one")
    fitted(now).save(tmp_path / "other")
    one, other = (tmp_path / name / "personas.json" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_what_is_loaded_answers_as_what_was_saved(
    model: Personas, now: Matrix, tmp_path: Path
) -> None:
    model.save(tmp_path)
    loaded = Personas.load(tmp_path)
    assert loaded.personas_ == model.personas_
    rows = own(model, now)
    assert np.array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
    later = planted.features(390)
    assert np.array_equal(keys(fitted(later, loaded), later), keys(fitted(later, model), later))


@given(row=arrays(np.float32, 20, elements=st.floats(0, 2**100, width=32) | st.just(np.nan)))
def test_anybody_has_a_persona(model: Personas, row: Matrix) -> None:
    values = row[None, : len(model.feature_names_)]
    surely = model.predict_proba(values)
    assert surely.sum() == pytest.approx(1)
    assert model.predict(values)[0] == surely[0].argmax()


def test_one_row_is_answered_as_many(model: Personas, now: Matrix) -> None:
    rows = own(model, now)
    each = [int(model.predict(rows[i : i + 1])[0]) for i in range(len(rows))]
    assert model.predict(rows).tolist() == each


def test_an_answer_needs_no_scikit_learn(model: Personas, tmp_path: Path) -> None:
    model.save(tmp_path)
    code = (
        "import sys\nfrom pathlib import Path\nimport numpy as np\n"
        "from models.personas import Personas\n"
        f"model = Personas.load(Path({str(tmp_path)!r}))\n"
        f"print(model.predict(np.zeros((1, {len(model.feature_names_)}), np.float32)))\n"
        "assert not [name for name in sys.modules if name.startswith('sklearn')]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_features_that_tell_nobody_apart_are_left_out(model: Personas) -> None:
    assert {ORDERS, ORDER_VALUE, PIECES, DISCOUNTS} <= set(model.feature_names_)
    assert "experience_tickets_365d" not in model.feature_names_


def test_every_trait_is_a_declared_feature_and_every_name_stands_once() -> None:
    declared = {feature.name for feature in FEATURES}
    assert {trait.feature for trait in TRAITS} <= declared
    assert {feature for rule in RULES for feature in rule.traits} <= {t.feature for t in TRAITS}
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(trait.words.count("{}") == 1 for trait in TRAITS)


far = st.floats(-5, 5)


@given(
    st.lists(
        st.fixed_dictionaries({trait.feature: far for trait in TRAITS}), min_size=2, max_size=4
    ),
    st.data(),
)
def test_no_two_personas_have_the_same_name(
    apart: list[dict[str, float]], data: st.DataObject
) -> None:
    before = data.draw(
        st.lists(
            st.sampled_from([rule.name for rule in RULES] + ["Typical customers 2"]),
            min_size=len(apart),
            max_size=len(apart),
            unique=True,
        )
    )
    assert len(set(names(apart, before))) == len(apart)


def test_personas_that_nothing_sets_apart_are_typical_customers() -> None:
    plain = {ORDERS: 0.1}
    assert names([plain, plain, {ORDERS: 1.0}], [None, None, None]) == [
        "Typical customers",
        "Typical customers 2",
        "Frequent shoppers",
    ]
    assert names([plain, plain], ["Typical customers 2", None]) == [
        "Typical customers 2",
        "Typical customers",
    ]


def test_a_trait_of_which_nothing_is_known_in_a_persona_is_not_told() -> None:
    X = planted.features(360)  # noqa: N806 - scikit-learn's name
    prices = planted.NAMES.index("preference_price_level_mean_365d")
    X[:, prices] = np.random.default_rng(0).lognormal(0, 0.3, len(X))
    X[planted.kinds() == 2, prices] = np.nan
    found = fitted(X)
    assert len(found.personas_) == 3
    bargain = next(each for each in found.personas_ if "argain" in each.name)
    assert "preference_price_level_mean_365d" in found.feature_names_
    assert "preference_price_level_mean_365d" not in bargain.figures
    assert "prices" not in bargain.description


def test_a_name_is_kept_while_it_is_true() -> None:
    others = {ORDERS: -0.2}
    assert names([{ORDERS: 0.3}, others], ["Frequent shoppers", None])[0] == "Frequent shoppers"
    assert names([{ORDERS: 0.2}, others], ["Frequent shoppers", None])[0] != "Frequent shoppers"
    bulk = {ORDERS: 0.6, PIECES: 1.5}
    assert names([bulk, others], [None, None])[0] == "Bulk buyers"
    assert names([bulk, others], ["Frequent shoppers", None])[0] == "Frequent shoppers"


def candidate(groups: int, stability: float, silhouette: float = 0.3, **more: object) -> Candidate:
    fields: dict[str, object] = {"kind": "k-means", "least_share": 0.2} | more
    return Candidate(groups=groups, stability=stability, silhouette=silhouette, **fields)  # type: ignore[arg-type]


def test_the_clearest_of_what_is_stable_is_chosen() -> None:
    two, three, four = candidate(2, 0.99, 0.2), candidate(3, 0.85, 0.3), candidate(4, 0.7, 0.9)
    assert chosen([two, three, four]) is three
    assert chosen([two, candidate(3, 0.95, 0.9, least_share=0.01)]) is two
    assert chosen([four]) is None
    mixture = candidate(3, 0.81, 0.4, kind="mixture")
    assert chosen([two, three, mixture]) is mixture


def test_the_last_choice_stays_until_another_is_clearer() -> None:
    two, three = candidate(2, 0.9, 0.26), candidate(3, 0.9, 0.3)
    assert chosen([two, three], before=("k-means", 2)) is two
    assert chosen([two, three], before=("mixture", 2)) is three
    assert chosen([two, candidate(3, 0.9, 0.4)], before=("k-means", 2)) is not two
    assert chosen([candidate(2, 0.6, 0.3), three], before=("k-means", 2)) is three


def test_the_last_choice_may_fall_a_little_short_of_the_bounds() -> None:
    short = candidate(4, 0.75, 0.3, least_share=0.04)
    assert chosen([short]) is None
    assert chosen([short], before=("k-means", 4)) is short
    assert chosen([candidate(4, 0.65)], before=("k-means", 4)) is None
    assert chosen([candidate(4, 0.9, least_share=0.02)], before=("k-means", 4)) is None


def test_the_part_of_a_split_persona_that_lies_nearest_keeps_its_key() -> None:
    before = np.repeat([0, 1], 50)
    split = np.array([0] * 50 + [1] * 20 + [2] * 30)
    apart = np.array([[0.1, 5.0], [5.0, 0.5], [5.0, 0.9]])
    assert matched(split, before, apart) == [0, 1, None]


def test_a_persona_of_other_customers_is_a_new_one() -> None:
    before, now = np.repeat([0, 1], 50), np.array([0] * 80 + [1] * 20)
    near = np.array([[0.1, 5.0], [5.0, 0.1]])
    assert matched(now, before, near) == [0, 1]
    assert matched(1 - now, before, near) == [None, None]


def test_what_cannot_be_used_is_refused(model: Personas, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"shape \(2, 3\)"):
        Personas().fit(np.zeros((2, 3)), [ORDERS])
    with pytest.raises(InputError, match="none of 1 features"):
        Personas().fit(np.zeros((2, 1)), ["loyalty_tier_last"])
    with pytest.raises(InputError, match="infinite values in purchase_orders_life"):
        Personas().fit(np.full((2, 1), np.inf), [ORDERS])
    with pytest.raises(NotEnoughDataError, match="no customers"):
        Personas().fit(np.zeros((0, 1)), [ORDERS])
    with pytest.raises(InputError, match="not fitted"):
        Personas().predict(np.zeros((1, 1)))
    with pytest.raises(InputError, match="not fitted"):
        Personas().save(tmp_path)
    with pytest.raises(InputError, match="feature_names_"):
        model.predict(np.zeros((1, 1)))
    with pytest.raises(BundleError, match="cannot read the personas"):
        Personas.load(tmp_path / "nowhere")
    model.save(tmp_path)
    document = json.loads((tmp_path / "personas.json").read_text())
    del document["scaling"]
    (tmp_path / "personas.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match="scaling"):
        Personas.load(tmp_path)
