from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.errors import InputError
from features.instants import instant
from models.next_product.shelf import Filters, Rule, check

MAY, JUNE, JULY = (datetime(2011, month, 1, tzinfo=UTC) for month in (5, 6, 7))


def pin(name: str, product: str, position: int = 1, **fields: object) -> Rule:
    return Rule(name=name, action="pin", products=(product,), position=position, **fields)  # type: ignore[arg-type]


def promote(name: str, share: float, **fields: object) -> Rule:
    return Rule(name=name, action="promote", products=("p",), share=share, **fields)  # type: ignore[arg-type]


def test_a_rule_acts_where_and_when_it_says() -> None:
    rule = pin("may", "p", placements=("home",), starts_at=MAY, ends_at=JUNE)
    assert rule.acts("home", instant(MAY))
    assert not rule.acts("home", instant(JUNE))
    assert not rule.acts("home", instant(MAY) - 1)
    assert not rule.acts("cart", instant(MAY))
    assert pin("ever", "p").acts("anywhere", 0)
    assert not pin("off", "p", enabled=False).acts("home", 0)


def test_a_rule_concerns_what_it_names_and_what_matches_by_parent() -> None:
    catalog = Catalog.of(
        [
            Product(ProductId("shirt")),
            Product(ProductId("shirt-m"), parent_id="shirt", attributes={"size": "M"}),
            Product(ProductId("hat"), brand="Leaf"),
            Product(ProductId("cup")),
        ]
    )
    rule = Rule(
        name="r", action="exclude", products=("cup", "unheard of"), match=Filters.of({"size": "m"})
    )
    assert rule.concerned(catalog).tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"action": "boost"}, "name products"),
        ({"action": "pin", "products": ("p",)}, "a pin needs a position"),
        ({"action": "boost", "products": ("p",), "position": 1}, "nothing else has one"),
        ({"action": "promote", "products": ("p",)}, "promote needs a share"),
        ({"action": "promote", "products": ("p",), "share": 1.5}, "less than or equal to 1"),
        ({"action": "bury", "products": ("p",), "strength": 1}, "greater than 1"),
        ({"action": "exclude", "products": ("p",), "starts_at": JUNE, "ends_at": MAY}, "after"),
        ({"action": "hide", "products": ("p",)}, "'boost', 'bury', 'pin', 'promote' or 'exclude'"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Rule(name="r", **fields)  # type: ignore[arg-type]


def test_contradictions_are_named() -> None:
    with pytest.raises(InputError, match="'a' and 'b' pin different products at position 1"):
        check([pin("a", "p"), pin("b", "q")])
    with pytest.raises(InputError, match="'a' and 'b' pin p at two positions, 1 and 2"):
        check([pin("a", "p"), pin("b", "p", 2)])
    with pytest.raises(InputError, match="two rules are called 'a'"):
        check([pin("a", "p"), pin("a", "q", 2)])
    out = Rule(name="out", action="exclude", products=("q", "p"))
    with pytest.raises(InputError, match="'a' pins p, which the rule 'out' excludes"):
        check([out, pin("a", "p")])
    with pytest.raises(InputError, match="x, y promote 110% of the places of home"):
        check([promote("x", 0.5), promote("y", 0.6, placements=("home",))])


def test_a_pin_that_filters_exclude_is_found_with_the_catalogue() -> None:
    catalog = Catalog.of([Product(ProductId("p"), brand="Leaf"), Product(ProductId("q"))])
    leaf = Rule(name="no-leaf", action="exclude", match=Filters.of({"brand": "Leaf"}))
    check([pin("a", "p"), leaf])
    check([pin("a", "q"), leaf], catalog)
    with pytest.raises(InputError, match="'a' pins p, which the rule 'no-leaf' excludes"):
        check([pin("a", "p"), leaf], catalog)


def test_rules_that_never_meet_do_not_contradict() -> None:
    check([pin("a", "p", ends_at=JUNE), pin("b", "q", starts_at=JUNE, ends_at=JULY)])
    check([pin("a", "p", placements=("home",)), pin("b", "q", placements=("cart",))])
    check([pin("a", "p"), pin("b", "q", enabled=False)])
    check([pin("a", "p"), pin("b", "q", 2)])
    check([promote("x", 0.6, ends_at=JUNE), promote("y", 0.6, starts_at=JUNE)])
