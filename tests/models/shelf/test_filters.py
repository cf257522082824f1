import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.errors import InputError
from models.next_product.shelf import Filters


def garden() -> Catalog:
    return Catalog.of(
        [
            Product(
                ProductId("pot"),
                category="Garden > Pots",
                brand="Clay & Co",
                price=4.0,
                attributes={"color": "Red", "weight": 2.5, "tags": ["heavy", "sale"]},
            ),
            Product(
                ProductId("shirt"),
                category="Gardening clothes",
                brand="Leaf",
                price=20.0,
                available=False,
                attributes={"color": "blue", "size": "M", "organic": True, "pieces": 1},
            ),
            Product(ProductId("hose"), category="Garden", attributes={"weight": 7}),
        ]
    )


@pytest.mark.parametrize(
    ("conditions", "passing"),
    [
        ({"category": "garden"}, ["pot", "hose"]),  # and not `Gardening clothes`
        ({"category": "Garden > Pots"}, ["pot"]),
        ({"category": ["Garden > Pots", "Gardening clothes"]}, ["pot", "shirt"]),
        ({"brand": "LEAF"}, ["shirt"]),
        ({"price": {"min": 4, "max": 10}}, ["pot"]),
        ({"price": {"max": 1000}}, ["pot", "shirt"]),  # the hose has no price
        ({"available": True}, ["pot", "hose"]),
        ({"product_id": ["hose", "nothing"]}, ["hose"]),
        ({"color": "red"}, ["pot"]),
        ({"color": ["red", "BLUE"]}, ["pot", "shirt"]),
        ({"weight": {"max": 3}}, ["pot"]),
        ({"weight": {"min": 3}}, ["hose"]),
        ({"weight": 7.0}, ["hose"]),
        ({"tags": "sale"}, ["pot"]),  # one of a list
        ({"organic": True}, ["shirt"]),
        ({"pieces": True}, []),  # 1 is a number
        ({"color": "red", "weight": {"min": 3}}, []),  # all conditions hold
        ({}, ["pot", "shirt", "hose"]),
    ],
)
def test_a_filter_passes_what_it_says(conditions: dict[str, object], passing: list[str]) -> None:
    catalog = garden()
    mask = Filters.of(conditions).allowed(catalog)
    mask = np.ones(len(catalog), np.bool_) if mask is None else mask
    assert [i for i, passes in zip(catalog.ids, mask, strict=True) if passes] == passing


def test_an_unknown_field_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no field 'colour'.*category, brand.*color, organic"):
        Filters.of({"colour": "red"}).allowed(garden())
    with pytest.raises(InputError, match="no field 'size'"):
        Filters.of({"size": "M"}).allowed(Catalog.empty())


@pytest.mark.parametrize(
    "condition", [{"least": 3}, None, {"min": "a"}, [["M"]], float("inf"), {"max": float("nan")}]
)
def test_a_condition_of_another_form_is_named(condition: object) -> None:
    with pytest.raises(InputError, match="the filter size = "):
        Filters.of({"size": condition})


def test_text_has_no_range_and_a_price_is_a_number() -> None:
    with pytest.raises(InputError, match="brand has no minimum"):
        Filters.of({"brand": {"min": 1}}).allowed(garden())
    with pytest.raises(InputError, match="price = 'cheap' is no number"):
        Filters.of({"price": "cheap"}).allowed(garden())


def test_attributes_are_seen_as_they_are_after_a_change_and_kept_through_a_price() -> None:
    catalog = garden()
    red = Filters.of({"color": "red"})
    red.allowed(catalog)
    priced = catalog.changed(
        [Product(ProductId("hose"), category="Garden", attributes={"weight": 7}, price=3.0)]
    )
    assert priced.attributes is catalog.attributes
    painted = catalog.changed(
        [Product(ProductId("hose"), category="Garden", attributes={"color": "red"})]
    )
    allowed = red.allowed(painted)
    assert allowed is not None
    assert allowed.tolist() == [True, False, True]


VALUES = st.sampled_from(["a", "b", 1, 2.5, True])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("xyz"), VALUES)), VALUES)
def test_equality_is_what_a_look_at_every_product_finds(
    described: list[dict[str, object]], wanted: object
) -> None:
    catalog = Catalog.of(
        Product(ProductId(str(i)), attributes={"x": "seen", **each})
        for i, each in enumerate([*described, {}])
    )
    expected = [
        "x" in each and type(each["x"]) is type(wanted) and each["x"] == wanted
        for each in [*described, {"x": "seen"}]
    ]
    allowed = Filters.of({"x": wanted}).allowed(catalog)
    assert allowed is not None
    assert allowed.tolist() == expected
