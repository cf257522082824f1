"""Which events age, and when."""

import pytest

from features.consents.reading import CONSENT_EVENTS
from features.errors import InputError
from features.events.retention import UNLIMITED, Retention
from features.events.schema import schema
from features.instants import DAY_MS

NOW = 1_000 * DAY_MS


def test_without_days_nothing_ages() -> None:
    assert Retention().cutoffs(NOW) == {}


def test_a_named_type_ages_after_its_days_and_an_alias_names_it_too() -> None:
    code = schema().code("Product Viewed")
    for name in ("Product Viewed", "viewed product"):
        assert Retention({name: 30}).cutoffs(NOW) == {code: NOW - 30 * DAY_MS}


def test_a_star_is_every_other_type_unknown_ones_among_them() -> None:
    cutoffs = Retention({"*": 100, "Product Viewed": 30}).cutoffs(NOW)
    assert cutoffs[schema().code("Product Viewed")] == NOW - 30 * DAY_MS
    assert cutoffs[0] == cutoffs[schema().code("Page Viewed")] == NOW - 100 * DAY_MS
    assert not {schema().code(name) for name in UNLIMITED} & cutoffs.keys()


def test_an_orders_lines_age_with_it() -> None:
    rows = Retention({"Order Completed": 30}, keep_numbers=False).row_cutoffs(NOW)
    assert rows[schema().code("Order Line")] == rows[schema().code("Order Completed")]


def test_a_number_that_stands_for_a_text_is_not_kept_as_numbers_are() -> None:
    rows = Retention({"Order Completed": 30, "Identified": 60}).row_cutoffs(NOW)
    assert rows == {schema().code("Identified"): NOW - 60 * DAY_MS}


def test_what_makes_statements_of_consent_never_ages() -> None:
    assert set(CONSENT_EVENTS) <= set(UNLIMITED)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({"Nonsense": 1}, "no event is named 'Nonsense'"),
        ({"Order Line": 1}, "no event is named 'Order Line'"),
        ({"Unsubscribed": 1}, "Unsubscribed may not age"),
        ({"Page Viewed": -1}, "-1 days; 0 or more"),
        ({"Page Viewed": float("nan")}, "nan days; 0 or more"),
        ({"Page Viewed": float("inf")}, "inf days; 0 or more"),
    ],
)
def test_what_cannot_be_is_said(days: dict[str, float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Retention(days)
