"""Segment's calls become events; bad ones say why; and the importer agrees."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.errors import EventError
from features.events import reasons
from features.events.event import Event, Line, events_of
from features.events.importer import import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
from features.events.validation import CLOCK_TOLERANCE_MS, parse
from features.instants import instant, iso

RECEIVED_AT = instant("2024-05-01T12:00:00Z")


def track(event: str, at: str = "2024-05-01T11:00:00Z", **properties: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "messageId": "m1",
        "userId": "ada",
        "event": event,
        "timestamp": at,
        "properties": properties,
    }


def parsed(message: dict[str, Any], **changes: Any) -> Event:
    return parse({**message, **changes}, RECEIVED_AT)


def refused(message: dict[str, Any], **changes: Any) -> tuple[str, str]:
    with pytest.raises(EventError) as raised:
        parsed(message, **changes)
    return raised.value.column, raised.value.reason


def test_a_tracked_event_keeps_what_its_type_keeps() -> None:
    event = parsed(track("Product Added", product_id="pot", price="8.5", quantity=2, colour="red"))

    assert (event.event_id, event.type, event.name) == ("m1", 8, "Product Added")
    assert (event.user_id, event.product_id, iso(event.timestamp)) == (
        "ada", "pot", "2024-05-01T11:00:00Z",
    )  # fmt: skip
    assert (event.value, event.quantity, event.measure) == (8.5, 2.0, None)
    assert json.loads(event.properties or "") == {"price": 8.5, "quantity": 2.0}


@pytest.mark.parametrize(
    ("call", "name", "properties"),
    [
        (
            {"type": "page", "name": "Pots", "properties": {"path": "/pots"}},
            "Page Viewed", {"path": "/pots", "title": "Pots"},
        ),
        ({"type": "screen", "name": "Home"}, "Screen Viewed", {"title": "Home"}),
        (
            {"type": "identify", "traits": {"country": "DE", "age": 4}},
            "Identified", {"country": "DE"},
        ),
        (
            {"type": "identify", "traits": {"address": {"country": "DE", "street": "x"}}},
            "Identified", {"country": "DE"},
        ),
        ({"type": "group", "groupId": "acme"}, "Grouped", {"group_id": "acme"}),
    ],
)  # fmt: skip
def test_the_other_calls_have_names(
    call: dict[str, Any], name: str, properties: dict[str, str]
) -> None:
    event = parse({"messageId": "m", "anonymousId": "phone", **call}, RECEIVED_AT)

    assert event.name == name
    assert json.loads(event.properties or "") == properties
    assert (event.user_id, event.anonymous_id) == (None, "phone")


def test_an_alias_ties_the_previous_id_to_the_user() -> None:
    alias = {"type": "alias", "messageId": "m", "userId": "ada", "previousId": "phone"}

    event = parse({**alias, "anonymousId": "browser"}, RECEIVED_AT)
    assert (event.name, event.user_id, event.anonymous_id) == ("Aliased", "ada", "phone")
    assert parse({**alias, "previousId": "anonymous:phone"}, RECEIVED_AT).anonymous_id == "phone"
    assert refused(alias, userId=None) == ("user_id", reasons.MISSING)
    assert refused(alias, previousId=None) == ("previous_id", reasons.MISSING)


def test_an_order_has_lines_and_an_id_of_its_own() -> None:
    event = parsed(
        track(
            "completed order",
            order_id=50314,
            currency="eur",
            products=[
                {"product_id": "pot", "price": "8", "quantity": "2"},
                {"product_id": "seeds", "price": 2.5},
            ],
        )
    )

    assert (event.event_id, event.order_id, event.currency) == ("order:50314", "50314", "EUR")
    assert event.products == (Line("pot", 2.0, 8.0), Line("seeds", 1.0, 2.5))
    assert (event.value, event.quantity) == (18.5, 3.0)


def test_total_wins_over_revenue_and_revenue_over_lines() -> None:
    lines = [{"product_id": "pot", "price": 8, "quantity": 1}]
    order = {"order_id": "o", "products": lines}

    assert parsed(track("Order Completed", **order, total=6, revenue=7)).value == 6
    assert parsed(track("Order Completed", **order, revenue=7)).value == 7
    assert parsed(track("Order Completed", **order)).value == 8
    del lines[0]["price"]
    assert parsed(track("Order Completed", **order)).value is None


def test_an_instant_is_measured_in_days_after_the_event() -> None:
    event = parsed(track("Points Expiring", points=5, expires_at="2024-05-03T23:00:00Z"))

    assert (event.value, event.measure) == (5.0, 2.5)


def test_an_unknown_event_keeps_name_ids_and_time() -> None:
    event = parsed(track("Wheel Spun", product_id="pot"))

    assert (event.type, event.name, event.user_id) == (0, "Wheel Spun", "ada")
    assert (event.product_id, event.properties) == (None, None)


def test_explicit_nulls_and_blanks_are_absent() -> None:
    event = parsed(
        track("Product Viewed", product_id="pot", price=None, currency=" "), anonymousId=None
    )

    assert (event.value, event.anonymous_id) == (None, None)
    assert refused(track("Product Viewed", product_id=None)) == ("product_id", reasons.MISSING)
    assert refused(track("Product Viewed", product_id=" ")) == ("product_id", reasons.MISSING)


def test_the_senders_clock_is_corrected() -> None:
    a_day_slow = {"timestamp": "2024-04-30T11:00:00Z", "sentAt": "2024-04-30T11:59:00Z"}

    assert iso(parsed(track("Store Visited"), **a_day_slow).timestamp) == "2024-05-01T11:01:00Z"
    original = {"originalTimestamp": "2024-04-30T11:58:00Z", **a_day_slow}
    assert iso(parsed(track("Store Visited"), **original).timestamp) == "2024-05-01T11:59:00Z"
    assert parsed(track("Store Visited"), timestamp=None).timestamp == RECEIVED_AT


@pytest.mark.parametrize(
    ("sent_at", "marks"),
    [
        ("2024-05-01T12:00:00Z", ()),
        ("2024-04-30T13:00:00Z", ()),
        ("2024-04-29T12:00:00Z", ("clock",)),
        ("2031-05-01T12:00:00Z", ("clock",)),
        ("1980-01-01T00:00:00Z", ("clock",)),
    ],
)
def test_a_clock_that_is_days_off_is_corrected_and_marked(
    sent_at: str, marks: tuple[str, ...]
) -> None:
    an_hour_before = iso(instant(sent_at) - 3_600_000)
    event = parsed(track("Store Visited", at=an_hour_before), sentAt=sent_at)

    assert (iso(event.timestamp), event.marks) == ("2024-05-01T11:00:00Z", marks)


def test_history_that_a_server_sends_keeps_its_time() -> None:
    event = parsed(track("Store Visited", at="2012-12-02T00:30:12Z"), sentAt=iso(RECEIVED_AT))

    assert (iso(event.timestamp), event.marks) == ("2012-12-02T00:30:12Z", ())


def test_moments_that_are_null_or_blank_are_absent() -> None:
    message = track("Store Visited")

    for nothing in (None, "", "  "):
        event = parsed(message, timestamp=nothing, originalTimestamp=nothing, sentAt=nothing)
        assert (event.timestamp, event.marks) == (RECEIVED_AT, ())
        untouched = parsed(message, sentAt=nothing, originalTimestamp=nothing)
        assert iso(untouched.timestamp) == "2024-05-01T11:00:00Z"


def test_a_clock_a_little_ahead_means_now_and_far_ahead_is_refused() -> None:
    ahead = iso(RECEIVED_AT + CLOCK_TOLERANCE_MS)
    far = iso(RECEIVED_AT + CLOCK_TOLERANCE_MS + 1_000)

    assert parsed(track("Store Visited", at=ahead)).timestamp == RECEIVED_AT
    assert refused(track("Store Visited", at=far)) == ("timestamp", reasons.FUTURE)


def test_a_retry_without_message_id_is_the_same_event() -> None:
    message = {**track("Store Visited"), "messageId": None}
    again = {**message, "sentAt": None}

    assert parse(message, RECEIVED_AT).event_id == parse(again, RECEIVED_AT + 9).event_id
    assert parsed(message).event_id != parsed(message, userId="ben").event_id


def test_without_a_time_the_instant_of_sending_tells_retries_apart() -> None:
    message = {**track("Store Visited"), "messageId": None, "timestamp": None}
    sent = {**message, "sentAt": "2024-05-01T11:59:59Z"}

    assert parse(sent, RECEIVED_AT).event_id == parse(sent, RECEIVED_AT + 9).event_id
    assert parse(sent, RECEIVED_AT).event_id != parse(sent, RECEIVED_AT, place=1).event_id
    later = {**sent, "sentAt": "2024-05-01T12:00:00Z"}
    assert parse(sent, RECEIVED_AT).event_id != parse(later, RECEIVED_AT).event_id
    assert parse(message, RECEIVED_AT).event_id != parse(message, RECEIVED_AT + 9).event_id


@pytest.mark.parametrize(
    ("context", "event", "channel"),
    [
        ({"channel": "browser"}, "Product Searched", "web"),
        ({"channel": "store"}, "Product Searched", "store"),
        ({"channel": "fax"}, "Product Searched", "other"),
        ({}, "Email Opened", "email"),
        ({"device": {"type": "ios"}}, "Product Searched", "app"),
        ({"page": {"path": "/"}}, "Product Searched", "web"),
        ({"library": {"name": "analytics.js", "version": "next"}}, "Product Searched", "web"),
        ({"library": {"name": "analytics-ios"}}, "Product Searched", "app"),
        ({"library": {"name": "analytics-python"}}, "Product Searched", "other"),
        ({"library": {"name": "analytics-python"}}, "Email Opened", "email"),
        ({"library": "analytics-kotlin"}, "Product Searched", "app"),
        ({"channel": "mobile", "page": {"path": "/"}}, "Product Searched", "app"),
        ({"channel": "server"}, "Email Opened", "email"),
        ({"channel": None, "device": None, "library": None}, "Product Searched", "other"),
        ({}, "Product Searched", "other"),
    ],
)
def test_the_channel_is_told_or_guessed(context: Any, event: str, channel: str) -> None:
    assert parsed(track(event), context=context).channel == channel


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"type": "shout"}, ("type", "no call; send track, page, screen, identify, alias, group")),
        ({"event": None}, ("event", reasons.MISSING)),
        ({"event": "Refund Line"}, ("event", reasons.INTERNAL)),
        ({"userId": None}, ("user_id", reasons.NOBODY)),
        ({"userId": True}, ("user_id", reasons.NOT_TEXT)),
        ({"userId": {"id": 1}}, ("user_id", reasons.NOT_TEXT)),
        ({"userId": "anonymous:1"}, ("user_id", reasons.RESERVED)),
        ({"userId": "é" * 128}, ("user_id", reasons.TOO_LONG)),
        ({"userId": "a\x00"}, ("user_id", reasons.CONTROL_CHARACTERS)),
        ({"userId": "\ud800"}, ("user_id", reasons.NOT_UTF_8)),
        ({"messageId": "x" * 10_000}, ("event_id", reasons.TOO_LONG)),
        ({"timestamp": "yesterday"}, ("timestamp", reasons.NOT_A_DATE)),
        ({"timestamp": 1714561200}, ("timestamp", reasons.NOT_A_DATE)),
        ({"timestamp": "1970-01-01T00:00:00Z"}, ("timestamp", reasons.TOO_EARLY)),
        ({"properties": "rating=5"}, ("properties", "no object")),
    ],
)
def test_a_bad_message_says_why(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert refused(track("Store Visited"), **changes) == expected


def test_money_in_another_currency_is_refused_when_the_shops_is_known() -> None:
    message = track("Product Viewed", product_id="pot", price=1, currency="USD")

    assert parse(message, RECEIVED_AT).currency == "USD"
    with pytest.raises(EventError, match="not EUR, the shop's one currency"):
        parse(message, RECEIVED_AT, currency="EUR")


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(EventError, match=r"10,000 characters") as raised:
        parsed(track("Product Viewed", product_id="x" * 10_000))

    assert len(str(raised.value)) < 300


CASES: list[dict[str, Any]] = [
    {"event": "Product Viewed", "product_id": "pot", "price": 8.5},
    {"event": "Product Viewed", "product_id": "pot", "rating": 99.0},
    {"event": "Product Viewed"},
    {"event": "viewed product", "product_id": " pot "},
    {"event": "Product Viewed", "product_id": "é" * 128},
    {"event": "Product Viewed", "product_id": "a\tb"},
    {"event": "Product Viewed", "product_id": "pot", "price": -1.0},
    {"event": "Product Viewed", "product_id": "pot", "price": float("nan")},
    {"event": "Product Viewed", "product_id": "pot", "price": float("inf")},
    {"event": "Product Added", "product_id": "pot"},
    {"event": "Product Added", "product_id": "pot", "quantity": 3.0, "price": 2.0},
    {"event": "Product Reviewed", "product_id": "pot", "rating": 5.0},
    {"event": "Product Reviewed", "product_id": "pot", "rating": 9.0},
    {"event": "Order Completed", "order_id": "o1", "total": 3.0},
    {"event": "Order Refunded", "order_id": "o1"},
    {"event": "Order Refunded", "order_id": "o1", "total": 3.0},
    {"event": "Order Refunded"},
    {"event": "Order Refunded", "order_id": "o1", "products": []},
    {"event": "Order Refunded", "order_id": "o1", "products": [
        {"product_id": "pot", "quantity": 2.0, "price": 0.1},
        {"product_id": "seeds", "quantity": None, "price": 0.2}]},
    {"event": "Order Refunded", "order_id": "o1", "products": [
        {"product_id": "pot", "quantity": 2.0, "price": None}]},
    {"event": "Order Refunded", "order_id": "o1", "products": [
        {"product_id": None, "quantity": 2.0, "price": 1.0}]},
    {"event": "Order Cancelled", "order_id": "o1", "products": [
        {"product_id": "pot", "quantity": 2.0, "price": -1.0}]},
    {"event": "Points Expiring", "points": 5.0, "expires_at": "2024-05-03T23:00:00Z"},
    {"event": "Points Expiring", "points": 5.0, "expires_at": "soon"},
    {"event": "Points Expiring", "points": 5.0},
    {"event": "Survey Answered", "score": 10.0, "comment": "fine – “really” 😀"},
    {"event": "Survey Answered", "score": 11.0},
    {"event": "Checkout Started", "total": None, "revenue": 4.0, "coupon": "  "},
    {"event": "Order Line", "product_id": "pot"},
    {"event": "Wheel Spun", "product_id": "pot", "price": 1.0},
    {"event": "Tier Changed", "tier": "Gold", "tier_level": 2.0},
    {"event": "Consent Changed", "purpose": " Marketing ", "status": "GRANTED"},
    {"event": "Consent Changed", "purpose": "Personalization", "status": "denied",
     "consent_channel": "E-Mail"},
    {"event": "Consent Changed", "purpose": "newsletters", "status": "granted"},
    {"event": "Consent Changed", "purpose": "marketing", "status": "maybe"},
    {"event": "Consent Changed", "purpose": "marketing", "status": "denied",
     "consent_channel": "fax"},
    {"event": "Product Viewed", "product_id": "pot", "status": "sold out"},
    {"event": "Subscription Started", "product_id": "pot", "interval_days": 30.0, "price": 8.0},
    {"event": "Product Viewed", "product_id": "pot", "price": 1e12},
    {"event": "Product Viewed", "product_id": "pot", "price": 1e39},
    {"event": "Order Refunded", "order_id": "o1", "total": 1e300},
    {"event": "Order Refunded", "order_id": "o1", "products": [
        {"product_id": "pot", "quantity": 1e9, "price": 1e9}]},
    {"event": "Order Refunded", "order_id": "o1", "products": [
        {"product_id": "pot", "quantity": 1e13, "price": None}]},
    {"event": "Order Refunded", "order_id": "o1", "products": [
        None, {"product_id": None, "id": "pot", "quantity": 2.0, "price": 3.0},
        {"product_id": " ", "id": "seeds", "quantity": 1.0, "price": 3.0}, None]},
    {"event": "Order Refunded", "order_id": "o1", "products": [None]},
    {"event": "Order Refunded", "order_id": "o1", "products": [
        {"product_id": None, "id": None, "price": 1.0}]},
]  # fmt: skip

UNREAD: list[tuple[str, dict[str, Any]]] = [
    ("discount", {"event": "Order Completed", "order_id": "o2", "total": 3.0, "discount": -1.0}),
    ("comment", {"event": "Survey Answered", "score": 1.0, "comment": "a\0b"}),
    ("email_id", {"event": "Email Opened", "email_id": "x" * 300}),
    ("expires_at", {"event": "Points Earned", "points": 5.0, "expires_at": "soon"}),
    ("quantity", {"event": "Product Added", "product_id": "pot", "quantity": 1e13, "price": 2.0}),
]
"""Events of which one optional property cannot be read."""


def test_the_importer_agrees_on_every_case(tmp_path: Path, log: EventLog) -> None:
    events, aside = _imported(CASES, tmp_path, log)

    for n, case in enumerate(CASES):
        imported = aside.get(f"e{n}") or _comparable(events.get(f"e{n}", events["order:o1"]))
        assert imported == _outcome(_sent(case, f"e{n}"), instant(AT)), case
    assert 10 < len(aside) < len(CASES) - 10, "cases of both kinds"


def test_an_optional_property_that_cannot_be_read_costs_a_client_no_event() -> None:
    for name, case in UNREAD:
        event = parse(_sent(case, "e"), instant(AT))
        good = parse(_sent({k: v for k, v in case.items() if k != name}, "e"), instant(AT))
        assert _comparable(event) == _comparable(good) | {"marks": (f"unread:{name}",)}


def test_the_importer_rejects_such_rows_since_a_table_can_be_mended(
    tmp_path: Path, log: EventLog
) -> None:
    events, aside = _imported([case for _, case in UNREAD], tmp_path, log)

    assert events == {}
    assert [aside[f"e{n}"][0] for n in range(len(UNREAD))] == [name for name, _ in UNREAD]


def test_a_wrong_coupon_is_left_out_and_a_wrong_total_is_not() -> None:
    order = {"order_id": "o1", "total": 12.5, "coupon": ["A"], "discount": -1}
    event = parsed(track("Order Completed", **order))

    assert (event.value, event.measure, event.properties) == (12.5, None, '{"total": 12.5}')
    assert event.marks == ("unread:discount", "unread:coupon")
    assert refused(track("Order Completed", **order | {"total": -1})) == (
        "total", reasons.below(0),
    )  # fmt: skip
    lines = [{"product_id": "pot", "price": -1}]
    assert refused(track("Order Completed", order_id="o1", products=lines))[0] == "products.price"


def test_an_unreadable_channel_is_no_consent_for_all_channels() -> None:
    consent = {"purpose": "marketing", "status": "granted", "consent_channel": ["fax"]}

    assert refused(track("Consent Changed", **consent)) == ("consent_channel", reasons.NOT_TEXT)


def test_null_hides_no_other_name_of_a_property() -> None:
    assert parsed(track("Product Viewed", product_id=None, id="pot")).product_id == "pot"
    assert parsed(track("Product Viewed", product_id=" ", id="pot")).product_id == "pot"
    lines = [None, {"product_id": None, "id": "pot"}]
    order = parsed(track("Order Completed", order_id="o1", products=lines))
    assert order.products == (Line("pot", 1.0, None),)


def test_an_order_counts_by_its_order_and_its_message_id_must_be_one() -> None:
    order = track("Order Completed", order_id="o1")

    assert parsed(order, messageId="m2").event_id == parsed(order).event_id == "order:o1"
    assert parsed(order, messageId=None).event_id == "order:o1"
    assert refused(order, messageId="x" * 300) == ("event_id", reasons.TOO_LONG)
    assert refused(order, messageId=["m1"]) == ("event_id", reasons.NOT_TEXT)


def test_a_return_that_does_not_say_how_much_comes_back_is_marked() -> None:
    lines = [{"product_id": "pot", "quantity": 2}]
    for name in ("Order Refunded", "Order Cancelled"):
        assert parsed(track(name, order_id="o")).marks == ("unpriced",)
        assert parsed(track(name, order_id="o", products=lines)).marks == ("unpriced",)
        assert parsed(track(name, order_id="o", products=lines, total=3)).marks == ()
        priced = [{**lines[0], "price": 4}]
        assert parsed(track(name, order_id="o", products=priced)).marks == ()
    assert parsed(track("Order Completed", order_id="o")).marks == ()


RESERVED = ("order:o1", "content:0123", "message:order:o1", "message:m1")


def test_no_sender_can_take_the_id_of_somebody_elses_order() -> None:
    ids = [parsed(track("Store Visited"), messageId=i).event_id for i in (*RESERVED, "m1")]

    assert ids == [*(f"message:{i}" for i in RESERVED), "m1"]
    assert parsed(track("Order Completed", order_id="o1")).event_id not in ids
    assert parsed(track("Store Visited"), messageId=None).event_id.startswith("content:")


def test_nor_can_an_imported_row(tmp_path: Path, log: EventLog) -> None:
    rows = [{"event_id": i, "event": "Store Visited"} for i in RESERVED]
    order = {"event_id": "m9", "event": "Order Completed", "order_id": "o1", "total": 3.0}
    events, _ = _imported([*rows, order], tmp_path, log)

    assert set(events) == {*(f"message:{i}" for i in RESERVED), "order:o1"}


AT = "2024-05-01T11:00:00Z"


def _imported(
    cases: list[dict[str, Any]], folder: Path, log: EventLog
) -> tuple[dict[str, Event], dict[str, tuple[str, str]]]:
    """The events of a table of these rows, and where and why others were rejected."""
    from tests.features.conftest import table

    known = {"user_id": "ada", "timestamp": AT, "channel": "web"}
    rows = [{"event_id": f"e{n}", **known, **case} for n, case in enumerate(cases)]
    pq.write_table(table(rows), folder / "events.parquet")
    select = {"files": ["*.parquet"], "produces": "events", "select": "SELECT * FROM events"}
    mapping = Mapping.model_validate(
        {"name": "test", "currency": "EUR", "legal_basis": "contract", "tables": {"events": select}}
    )
    import_tables(mapping, folder, log, now=RECEIVED_AT)
    events = {e.event_id: e for path in log.segments for e in events_of(pq.read_table(path))}
    aside = {
        row["event_id"]: (row["column"], row["reason"])
        for path in log.quarantine
        for row in pq.read_table(path).to_pylist()
    }
    return events, aside


def _sent(case: dict[str, Any], message_id: str) -> dict[str, Any]:
    """The call that says what a row of a table says."""
    properties = {key: value for key, value in case.items() if key != "event"}
    message = track(case["event"], AT, **properties)
    return message | {"messageId": message_id, "context": {"channel": "web"}}


def _outcome(message: dict[str, Any], received_at: int) -> Any:
    """The event, or where and why it was refused."""
    try:
        return _comparable(parse(message, received_at, currency="EUR", source="test"))
    except EventError as error:
        return error.column, error.reason


def _comparable(event: Event) -> dict[str, Any]:
    return {**vars(event), "properties": json.loads(event.properties or "null")}
