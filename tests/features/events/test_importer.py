"""A shop's tables in, good rows in the log, bad rows aside with their reason."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.errors import InputError, MappingError
from features.events import reasons
from features.events.event import Event, Line, events_of
from features.events.importer import ImportSummary, import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
from features.instants import instant, iso

Rows = list[dict[str, Any]]
SHOP = Mapping.load("shop")
NOW = instant("2024-06-01")


def imported(folder: Path, log: EventLog, mapping: Mapping = SHOP) -> ImportSummary:
    return import_tables(mapping, folder, log, now=NOW)


def by_id(log: EventLog) -> dict[str, Event]:
    return {e.event_id: e for segment in log.segments for e in events_of(pq.read_table(segment))}


def quarantined(log: EventLog) -> Rows:
    return [row for path in log.quarantine for row in pq.read_table(path).to_pylist()]


@pytest.fixture
def tables(shop_tables: dict[str, Rows]) -> dict[str, Rows]:
    return shop_tables


def mapping_with(**tables: dict[str, Any]) -> Mapping:
    base = {"name": "test", "currency": "EUR", "legal_basis": "contract"}
    return Mapping.model_validate({**base, "tables": tables})


def test_every_row_of_a_good_shop_is_accepted(write_shop: Any, log: EventLog) -> None:
    summary = imported(write_shop(), log)

    assert summary.accepted == {
        "Identified": 1, "Order Completed": 3, "Order Refunded": 1, "Points Expiring": 1,
        "Product Added": 1, "Product Reviewed": 1, "Product Viewed": 2, "Wheel Spun": 1,
    }  # fmt: skip
    assert (summary.duplicates, summary.products, summary.quarantined) == (0, 3, {})


def test_importing_twice_adds_nothing(write_shop: Any, log: EventLog, tables: Any) -> None:
    tables["lines"][0]["quantity"] = -1.0
    folder = write_shop(**tables)
    first = imported(folder, log)
    fingerprint, aside = log.fingerprint, quarantined(log)

    second = imported(folder, log)

    assert (second.accepted, second.duplicates) == ({}, sum(first.accepted.values()))
    assert second.quarantined == first.quarantined
    assert (log.fingerprint, quarantined(log)) == (fingerprint, aside)


def test_an_order_gets_its_lines_in_their_order(shop_log: EventLog) -> None:
    order = by_id(shop_log)["order:o1"]

    assert order.products == (Line("pot-red", 1.0, 8.0), Line("seeds", 2.0, 2.5))
    assert (order.value, order.quantity, order.measure, order.currency) == (12.5, 3.0, 0.5, "EUR")
    assert json.loads(order.properties or "") == {"coupon": "HELLO", "discount": 0.5, "total": 12.5}
    assert (order.user_id, order.channel, order.source) == ("ada", "web", "shop")


def test_an_order_without_total_is_worth_its_lines(shop_log: EventLog) -> None:
    assert by_id(shop_log)["order:o2"].value == 8.0


def test_slots_follow_the_schema(shop_log: EventLog) -> None:
    events = by_id(shop_log)

    assert (events["e1"].value, events["e1"].quantity) == (8.0, None)
    assert (events["e2"].value, events["e2"].quantity) == (None, 1.0)
    assert (events["e3"].value, events["e3"].quantity) == (8.0, 1.0)
    assert (events["e4"].value, events["e4"].measure) == (50.0, 10.5)
    assert json.loads(events["e4"].properties or "") == {
        "expires_at": "2024-02-11T12:00:00Z", "points": 50.0,
    }  # fmt: skip
    assert (events["e7"].value, events["e7"].product_id) == (4.0, "pot-blue")


def test_an_unknown_event_keeps_name_ids_and_time(shop_log: EventLog) -> None:
    spun = by_id(shop_log)["e8"]

    assert (spun.type, spun.name, spun.user_id) == (0, "Wheel Spun", "ben")
    assert (iso(spun.timestamp), spun.properties) == ("2024-03-10T08:00:00Z", None)


def test_csv_gives_the_same_events_as_parquet(write_shop: Any, tmp_path: Path) -> None:
    logs = [EventLog(tmp_path / form) for form in ("parquet", "csv")]
    imported(write_shop(), logs[0])
    shutil.rmtree(tmp_path / "shop")
    imported(write_shop(form="csv"), logs[1])

    assert by_id(logs[0]) == by_id(logs[1])
    assert logs[0].fingerprint == logs[1].fingerprint


def test_ids_in_csv_keep_their_zeros(write_shop: Any, log: EventLog, tables: Any) -> None:
    for row in (*tables["products"], *tables["lines"], *tables["events"]):
        if row.get("product_id") == "seeds":
            row["product_id"] = "00123"
    imported(write_shop(form="csv", **tables), log)

    assert "00123" in log.catalog.index


def test_aliases_and_case_find_the_event_type(write_shop: Any, log: EventLog, tables: Any) -> None:
    tables["events"][0]["event"] = "viewed PRODUCT"
    imported(write_shop(**tables), log)

    assert (by_id(log)["e1"].type, by_id(log)["e1"].name) == (7, "Product Viewed")


def test_timestamps_without_zone_are_in_the_shops(write_shop: Any, log: EventLog) -> None:
    london = SHOP.model_copy(
        update={"time_zone": "Europe/London", "arrival_lag": timedelta(hours=36)}
    )
    rows = [
        {"event_id": "winter", "event": "Store Visited", "user_id": "ada", "timestamp": text}
        | {"event_id": name}
        for name, text in (("winter", "2024-01-10 10:00:00"), ("summer", "2024-05-10 10:00:00"))
    ]
    imported(write_shop(events=rows), log, london)
    events = by_id(log)

    assert iso(events["winter"].timestamp) == "2024-01-10T10:00:00Z"
    assert iso(events["summer"].timestamp) == "2024-05-10T09:00:00Z"
    assert iso(events["summer"].received_at) == "2024-05-11T21:00:00Z"
    assert events["summer"].channel == "store"


def test_products_only_in_events_join_the_catalogue(
    write_shop: Any, log: EventLog, tables: Any
) -> None:
    tables["lines"][0]["product_id"] = "unlisted"
    imported(write_shop(**tables), log)
    product = log.catalog.product(log.catalog.find("unlisted"))

    assert log.catalog.ids == ["pot-red", "pot-blue", "seeds", "unlisted"]
    assert (product.title, product.available) == (None, True)
    assert product.first_seen_at == instant("2024-01-10T10:00")


def test_a_second_import_updates_products_in_place(
    write_shop: Any, log: EventLog, tables: Any
) -> None:
    imported(write_shop(), log)
    tables["products"] = [
        {"product_id": "new", "price": 1.0},
        {"product_id": "seeds", "price": 3.0},
    ]
    imported(write_shop(**tables), log)

    assert log.catalog.ids == ["pot-red", "pot-blue", "seeds", "new"]
    assert log.catalog.price.tolist() == [8.0, 9.0, 3.0, 1.0]
    assert log.catalog.title(2) == "Sunflower seeds"


LONG = "x" * 10_000

Spoil = Callable[[dict[str, Rows]], None]


def spoil(table: str, row: int, **columns: Any) -> Spoil:
    def change(tables: dict[str, Rows]) -> None:
        tables[table][row].update(columns)

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (spoil("lines", 0, quantity=-2.0), ("lines", "quantity", reasons.below(0))),
        (spoil("lines", 0, price=-0.01), ("lines", "price", reasons.below(0))),
        (spoil("lines", 0, product_id=LONG), ("lines", "product_id", reasons.TOO_LONG)),
        (spoil("lines", 0, product_id="a\0b"), ("lines", "product_id", reasons.CONTROL_CHARACTERS)),
        (spoil("lines", 0, product_id="  "), ("lines", "product_id", reasons.MISSING)),
        (spoil("lines", 0, order_id="o99"), ("lines", "order_id", reasons.NO_ORDER)),
        (spoil("lines", 0, quantity=float("inf")), ("lines", "quantity", reasons.NOT_A_NUMBER)),
        (spoil("products", 0, product_id=LONG), ("products", "product_id", reasons.TOO_LONG)),
        (spoil("products", 1, product_id="pot-red"), ("products", "product_id", reasons.REPEATED)),
        (spoil("products", 0, attributes="{red"), ("products", "attributes", reasons.NOT_JSON)),
        (spoil("events", 0, timestamp=None), ("events", "timestamp", reasons.MISSING)),
        (spoil("events", 0, user_id="a\x07b"), ("events", "user_id", reasons.CONTROL_CHARACTERS)),
        (spoil("events", 0, user_id=None), ("events", "user_id", reasons.NOBODY)),
        (spoil("events", 0, user_id="anonymous:x"), ("events", "user_id", reasons.RESERVED)),
        (spoil("events", 0, product_id=None), ("events", "product_id", reasons.MISSING)),
        (spoil("events", 0, event="Order Line"), ("events", "event", reasons.INTERNAL)),
        (spoil("events", 6, rating=9.0), ("events", "rating", reasons.above(5))),
        (spoil("events", 6, rating=0.0), ("events", "rating", reasons.below(1))),
        (spoil("events", 5, country="D\0E"), ("events", "country", reasons.NUL)),
        (
            spoil("events", 2, products=[{"product_id": "seeds", "quantity": -1.0, "price": 1.0}]),
            ("events", "products.quantity", reasons.below(0)),
        ),
    ],
)
def test_a_bad_row_is_kept_aside_with_its_reason_and_the_others_stay(
    write_shop: Any, log: EventLog, tables: Any, change: Spoil, expected: tuple[str, str, str]
) -> None:
    change(tables)
    summary = imported(write_shop(**tables), log)
    aside = quarantined(log)

    assert summary.quarantined == {expected: 1}
    assert [(row["table"], row["column"], row["reason"]) for row in aside] == [expected]
    assert max(len(text) for row in aside for text in row.values() if isinstance(text, str)) <= 255
    rejected_events = 1 if expected[0] == "events" else 0
    assert sum(summary.accepted.values()) == 11 - rejected_events


def test_a_date_in_the_future_takes_the_orders_lines_with_it(
    write_shop: Any, log: EventLog, tables: Any
) -> None:
    tables["orders"][0]["timestamp"] = tables["orders"][0]["timestamp"].replace(year=2034)
    summary = imported(write_shop(**tables), log)

    assert summary.quarantined == {
        ("lines", "order_id", reasons.ORDER_REJECTED): 2,
        ("orders", "timestamp", reasons.FUTURE): 1,
    }
    assert "order:o1" not in by_id(log)
    future = next(row for row in quarantined(log) if row["table"] == "orders")
    assert (future["value"], future["row"], future["order_id"]) == ("2034-01-10T10:00:00Z", 1, "o1")


def test_mixed_currencies_are_rejected(write_shop: Any, log: EventLog, tables: Any) -> None:
    tables["orders"][1]["currency"] = "usd"
    summary = imported(write_shop(**tables), log)

    assert summary.quarantined[("orders", "currency", reasons.other_currency("EUR"))] == 1
    assert summary.accepted["Order Completed"] == 2


def test_a_number_that_is_none_is_rejected_with_its_text(
    write_shop: Any, log: EventLog, tables: Any
) -> None:
    for row in tables["lines"]:
        row["quantity"] = str(row["quantity"])
    tables["lines"][0]["quantity"] = "two"
    summary = imported(write_shop(**tables), log)

    assert summary.quarantined == {("lines", "quantity", reasons.NOT_A_NUMBER): 1}
    assert quarantined(log)[0]["value"] == "two"
    assert by_id(log)["order:o1"].products == (Line("pot-red", 1.0, 8.0),)


def test_equal_bad_rows_are_counted_each(write_shop: Any, log: EventLog, tables: Any) -> None:
    bad = {**tables["lines"][0], "quantity": -1.0}
    tables["lines"] += [bad, dict(bad)]
    summary = imported(write_shop(**tables), log)

    assert summary.quarantined == {("lines", "quantity", reasons.below(0)): 2}
    assert len(quarantined(log)) == 2


def test_a_select_can_reject_rows_with_a_reason_of_its_own(write_shop: Any, log: EventLog) -> None:
    visits = {
        "files": ["events.parquet"],
        "produces": "events",
        "select": """SELECT event_id, event, timestamp, user_id, anonymous_id,
            CASE WHEN event_id = 'e8' THEN 'a game' END AS reject
            FROM events WHERE event_id IN ('e6', 'e8')""",
    }
    summary = imported(write_shop(), log, mapping_with(events=visits))

    assert summary.quarantined == {("events", "reject", "a game"): 1}
    assert summary.accepted == {"Identified": 1}


def test_a_step_is_read_by_later_tables(write_shop: Any, log: EventLog) -> None:
    step = {"files": ["events.parquet"], "select": "SELECT * FROM raw WHERE user_id = 'ben'"}
    produced = {
        "produces": "events",
        "select": "SELECT event_id, 'Store Visited' AS event, timestamp, user_id FROM raw",
    }
    summary = imported(write_shop(), log, mapping_with(raw=step, visits=produced))

    assert summary.accepted == {"Store Visited": 3}


@pytest.mark.parametrize(
    ("select", "told"),
    [
        ("SELECT order_no AS order_id FROM orders", "reads the column order_no"),
        ("SELECT o.order_no AS order_id FROM orders o", "reads the column order_no"),
        ("SELECT *, 1 AS colour FROM orders", "yields the column colour"),
        ("SELECT order_id FROM orders", "does not yield timestamp"),
        ("SELECT * FROM baskets", "does not run"),
        ("SELEKT * FROM orders", "does not run"),
        ("DROP TABLE orders", "one SELECT"),
        ("SELECT * FROM orders; SELECT 1", "one SELECT"),
    ],
)
def test_a_select_that_does_not_fit_is_named(
    write_shop: Any, log: EventLog, select: str, told: str
) -> None:
    orders = {"files": ["orders.parquet"], "produces": "orders", "select": select}
    with pytest.raises(MappingError, match=told) as raised:
        imported(write_shop(), log, mapping_with(orders=orders))

    assert "tables.orders" in str(raised.value)
    assert len(log) == 0


def test_the_columns_that_may_be_read_or_yielded_are_named(write_shop: Any, log: EventLog) -> None:
    reads = {"files": ["orders.parquet"], "produces": "orders", "select": "SELECT no FROM orders"}
    with pytest.raises(MappingError, match=r"orders has order_id, user_id, .*total"):
        imported(write_shop(), log, mapping_with(orders=reads))
    yields = reads | {"select": "SELECT *, 1 AS no FROM orders"}
    with pytest.raises(MappingError, match=r"allowed are: order_id, timestamp, .*coupon"):
        imported(write_shop(), log, mapping_with(orders=yields))


def test_a_missing_file_is_named(write_shop: Any, log: EventLog) -> None:
    folder = write_shop()
    (folder / "orders.parquet").unlink()
    with pytest.raises(InputError, match=r"table orders: no file in .*orders\.csv"):
        imported(folder, log)
    named = {"files": ["gone.parquet"], "produces": "orders", "select": "SELECT * FROM orders"}
    with pytest.raises(InputError, match=r"gone\.parquet is missing"):
        imported(folder, log, mapping_with(orders=named))


def test_a_shop_may_lack_optional_tables(write_shop: Any, log: EventLog) -> None:
    folder = write_shop()
    (folder / "events.parquet").unlink()

    assert imported(folder, log).absent == ("events",)


@pytest.mark.parametrize("content", [b"", b"not Parquet at all", b"PAR1" + b"\0" * 50 + b"PAR1"])
def test_an_unreadable_parquet_file_is_named(
    write_shop: Any, log: EventLog, content: bytes
) -> None:
    folder = write_shop()
    (folder / "lines.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"table lines: cannot read .*lines\.parquet"):
        imported(folder, log)
    assert len(log) == 0


def test_a_parquet_file_damaged_in_the_middle_is_reported(write_shop: Any, log: EventLog) -> None:
    folder = write_shop()
    path = folder / "lines.parquet"
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xff" * 196
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"lines"):
        imported(folder, log)
    assert len(log) == 0


def test_an_empty_table_is_named(write_shop: Any, log: EventLog) -> None:
    folder = write_shop()
    orders = pq.read_table(folder / "orders.parquet")
    pq.write_table(orders.slice(0, 0), folder / "orders.parquet")
    with pytest.raises(InputError, match="table orders is empty"):
        imported(folder, log)


def test_progress_names_each_stage_with_its_rows(write_shop: Any, log: EventLog) -> None:
    stages: dict[str, int] = {}
    import_tables(SHOP, write_shop(), log, now=NOW, progress=stages.__setitem__)

    assert stages == {
        "read products": 3, "read orders": 3, "read lines": 4, "read events": 8,
        "products": 3, "quarantine": 0, "append": 11,
    }  # fmt: skip


def test_the_legal_basis_is_recorded(shop_log: EventLog) -> None:
    assert shop_log.manifest.legal_bases == {"shop": "contract"}
