"""What is kept of an event is a list; everything else is dropped at the door."""

import json
from typing import Any

import pytest

from features.errors import InputError
from features.events.keeping import Keep
from features.events.validation import parse
from features.instants import instant

RECEIVED_AT = instant("2024-05-01T12:00:00Z")
GIVEN = {"product_id": "pot", "price": "8.5", "color": "red", "card_number": "4111"}


def kept(keep: Keep, event: str = "Product Viewed", **given: Any) -> dict[str, Any]:
    message = {"type": "track", "event": event, "userId": "ada", "properties": given}
    out: dict[str, Any] = json.loads(parse(message, RECEIVED_AT, keep=keep).properties or "{}")
    return out


def test_only_the_schemas_properties_are_kept() -> None:
    assert kept(Keep(), **GIVEN) == {"price": 8.5}


def test_a_shop_keeps_one_more_and_drops_one() -> None:
    keep = Keep({"Product Viewed": ["+color", "-price"]})

    assert kept(keep, **GIVEN) == {"color": "red"}
    assert kept(keep, "viewed product", **GIVEN) == {"color": "red"}
    assert kept(keep, "Product Added", **GIVEN) == {"price": 8.5}


def test_a_property_that_other_events_have_is_read_as_there() -> None:
    keep = Keep({"Product Viewed": ["+rating"]})

    assert kept(keep, product_id="pot", rating="4") == {"rating": 4.0}
    assert kept(keep, product_id="pot", rating=9) == {}


def test_an_unknown_event_keeps_what_is_named() -> None:
    keep = Keep({"Wheel Spun": ["+prize", "+product_id"]})
    message = {"type": "track", "event": "wheel spun", "userId": "ada", "properties": GIVEN}
    event = parse({**message, "properties": {**GIVEN, "prize": 5}}, RECEIVED_AT, keep=keep)

    assert (event.type, event.product_id) == (0, "pot")
    assert json.loads(event.properties or "{}") == {"prize": 5.0}
    assert parse(message, RECEIVED_AT).properties is None


def test_traits_are_properties_of_identify() -> None:
    message = {"type": "identify", "userId": "ada", "traits": {"email": "a@b", "city": "Bonn"}}

    assert parse(message, RECEIVED_AT).properties is None
    event = parse(message, RECEIVED_AT, keep=Keep({"Identified": ["+city"]}))
    assert json.loads(event.properties or "{}") == {"city": "Bonn"}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (" red ", "red"),
        (True, True),
        (3, 3.0),
        (None, None),
        ("", None),
        ({"a": 1}, None),
        ([1, 2], None),
        (float("nan"), None),
        ("é" * 600, "é" * 500),
    ],
)
def test_a_property_of_the_shops_own_is_text_a_number_or_yes_and_no(value: Any, read: Any) -> None:
    assert (
        kept(Keep({"Product Viewed": ["+color"]}), product_id="p", color=value).get("color") == read
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"Product Viewed": ["color"]}, "write '+property'"),
        ({"Product Viewed": ["+ "]}, "write '+property'"),
        ({"Product Viewed": ["-product_id"]}, "cannot be dropped"),
    ],
)
def test_a_change_that_means_nothing_is_refused(changes: dict[str, list[str]], says: str) -> None:
    with pytest.raises(InputError, match="REGULARS_KEEP") as raised:
        Keep(changes)
    assert says in str(raised.value)
