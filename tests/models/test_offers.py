import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from models.offers import Cost, Offer, Offers, Rule
from models.offers.offers import EXAMPLE

VOUCHER = Offer(id="voucher", title="5 off", cost=Cost(fixed=5), effect=0.5)
CUSTOMER = {"purchase_orders_life": 3.0, "cadence_order_days_since_last": 80.0}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "offers.toml"
    path.write_text(text)
    return path


def test_an_offer_is_made_to_who_would_leave_not_to_who_stays() -> None:
    offers = Offers(margin=0.5, offers=(VOUCHER,))
    leaving = offers.choose(CUSTOMER, churn_probability=0.8, order_value=100)
    staying = offers.choose(CUSTOMER, churn_probability=0.05, order_value=100)
    assert leaving.offer == VOUCHER
    # (1 - .8 × .5) × (50 - 5), against (1 - .8) × 50
    assert leaving.expected_value == pytest.approx(27)
    assert staying.offer is None
    assert staying.expected_value == pytest.approx(47.5)


def test_every_alternative_has_its_value_and_reason() -> None:
    decision = Offers(margin=0.5, offers=(VOUCHER,)).choose(CUSTOMER, 0.8, 100)
    values = {a.offer_id: a.expected_value for a in decision.alternatives}
    assert values == {"voucher": pytest.approx(27), None: pytest.approx(10)}
    assert all(a.reason for a in decision.alternatives)
    assert "17.00 more than no offer" in decision.reason


def test_a_percentage_costs_more_on_a_larger_order() -> None:
    assert Cost(fixed=1, percent=10).of(50) == 6


def test_extra_value_counts() -> None:
    plain = Offers(offers=(VOUCHER,)).choose(CUSTOMER, 0.5, 100)
    richer = Offers(offers=(VOUCHER.model_copy(update={"value": 4.0}),)).choose(CUSTOMER, 0.5, 100)
    assert richer.expected_value == pytest.approx(plain.expected_value + 0.75 * 4)


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("purchase_orders_life >= 3", True),
        ("purchase_orders_life > 3", False),
        ("purchase_orders_life == 3", True),
        ("purchase_orders_life != 3", False),
        ("purchase_orders_life <= 2.5", False),
        ("cadence_order_days_since_last < 81", True),
        ("loyalty_tier_last >= 0", False),
    ],
)
def test_rules_compare_features(rule: str, holds: bool) -> None:
    assert Rule(rule).holds(CUSTOMER) is holds


def test_what_is_undefined_fulfils_no_rule() -> None:
    assert not Rule("loyalty_tier_last <= 5").holds({"loyalty_tier_last": math.nan})


def test_who_is_not_eligible_reads_why() -> None:
    offer = VOUCHER.model_copy(update={"eligible": ("purchase_orders_life >= 5",)})
    decision = Offers(offers=(offer,)).choose(CUSTOMER, 0.9, 100)
    assert decision.offer is None
    assert "needs purchase_orders_life >= 5; Orders ever: 3" in decision.reason


def test_channel_consent_and_exclusion_are_obeyed() -> None:
    offers = Offers(margin=0.5, offers=(VOUCHER,))

    def offered(**limits: object) -> bool:
        return offers.choose(CUSTOMER, 0.8, 100, **limits).offer is not None  # type: ignore[arg-type]

    assert offered(channel="web", purposes=["marketing"])
    assert not offered(channel="store")
    assert not offered(purposes=["service"])
    assert not offered(without=["voucher"])


def test_without_offers_there_is_none_and_the_reason_says_so() -> None:
    assert Offers().choose(CUSTOMER, 0.5, 100).reason == "No offer: the shop has none"


def test_an_unknown_order_value_counts_as_nothing() -> None:
    assert Offers(offers=(VOUCHER,)).choose(CUSTOMER, 0.8, math.nan).offer is None


def test_an_impossible_probability_is_refused() -> None:
    with pytest.raises(InputError, match=r"churn_probability = 1\.5"):
        Offers().choose(CUSTOMER, 1.5, 100)


@given(st.floats(0, 1), st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1e3), st.floats(0, 100))
def test_what_is_chosen_is_never_worth_less_than_no_offer(
    churn: float, order: float, effect: float, fixed: float, percent: float
) -> None:
    offer = Offer(id="o", title="o", cost=Cost(fixed=fixed, percent=percent), effect=effect)
    decision = Offers(offers=(offer,)).choose(CUSTOMER, churn, order)
    nothing = next(a for a in decision.alternatives if a.offer_id is None)
    assert nothing.expected_value is not None
    assert decision.expected_value >= nothing.expected_value


def test_the_example_loads_and_survives_saving(tmp_path: Path) -> None:
    offers = Offers.load(EXAMPLE)
    assert offers.offers
    offers.save(tmp_path / "offers.toml")
    assert Offers.load(tmp_path / "offers.toml") == offers


def test_any_title_survives_saving(tmp_path: Path) -> None:
    odd = VOUCHER.model_copy(update={"title": 'ten "%" off\n\x7f\x01 – ✓ \\'})
    Offers(offers=(odd,)).save(tmp_path / "offers.toml")
    assert Offers.load(tmp_path / "offers.toml").offers == (odd,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("margin = 3", r"margin = 3: .*less than or equal to 1"),
        ('[[offers]]\nid = "a"\ntitle = "A"\neffect = 2', r"offers\.0\.effect = 2"),
        ('[[offers]]\nid = "a"\ntitle = "A"', r"offers\.0\.effect"),
        (
            '[[offers]]\nid = "a"\ntitle = "A"\neffect = 0.1\neligible = ["orders >= 2"]',
            r"eligible\.0 = 'orders >= 2'.*no feature is called orders",
        ),
        (
            '[[offers]]\nid = "a"\ntitle = "A"\neffect = 0.1\neligible = ["purchase_orders_life"]',
            r"write a rule as",
        ),
        (
            '[[offers]]\nid = "a"\ntitle = "A"\neffect = 0.1\nchannel = "fax"',
            r"channels\.0 = 'fax'.*no channel",
        ),
        ("[[offers]]\ncolour = 1", r"offers\.0\.(id|colour)"),
        ("not toml at all", "no TOML"),
        (
            '[[offers]]\nid = "a"\ntitle = "A"\neffect = 0.1\n' * 2,
            "two offers have the id 'a'",
        ),
    ],
)
def test_a_wrong_field_is_named_with_its_value(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Offers.load(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.toml"):
        Offers.load(tmp_path / "nothing.toml")
