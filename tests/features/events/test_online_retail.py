"""The shipped mapping of Online Retail II, on a few rows with each of its quirks."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.events.event import Event, Line, events_of
from features.events.importer import ImportSummary, import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
from features.instants import instant, iso

Row = tuple[str, str, str | None, int, str, float, int | None, str]

SCHEMA = pa.schema(
    [
        ("Invoice", pa.string()),
        ("StockCode", pa.string()),
        ("Description", pa.string()),
        ("Quantity", pa.int32()),
        ("InvoiceDate", pa.timestamp("us")),
        ("Price", pa.float64()),
        ("Customer ID", pa.int32()),
        ("Country", pa.string()),
    ]
)

FIRST: list[Row] = [
    ("489434", "85048", "CHRISTMAS LIGHTS", 12, "2009-12-01 07:45", 6.95, 13085, "France"),
    ("489434", "79323p", "PINK LIGHTS ", 2, "2009-12-01 07:45", 6.75, 13085, "France"),
    ("489434", "79323P", "PINK LIGHTS", 2, "2009-12-01 07:45", 6.75, 13085, "France"),
    ("489434", "POST", "POSTAGE", 1, "2009-12-01 07:45", 18.0, 13085, "France"),
    ("489435", "85048", "damaged", -3, "2010-06-01 09:00", 0.0, None, "United Kingdom"),
    ("489436", "85048", "LIGHTS", 1, "2010-06-01 09:00", 0.0, 13085, "France"),
    ("A506401", "B", "Adjust bad debt", 1, "2010-04-29 13:36", -53594.36, None, "United Kingdom"),
    ("C489449", "79323P", "PINK LIGHTS", -1, "2010-06-02 10:33", 6.75, 13085, "France"),
    ("536365", "85048", "CHRISTMAS LIGHTS", 6, "2010-12-01 08:26", 2.55, 17850, "United Kingdom"),
]
SECOND: list[Row] = [
    ("536365", "85048", "CHRISTMAS LIGHTS", 6, "2010-12-01 08:26", 2.55, 17850, "United Kingdom"),
    ("536544", "79323W", "WHITE LIGHTS", 1, "2010-12-10 14:32", 7.0, None, "United Kingdom"),
    ("536544", "DCGS0058", "GUM", 1, "2010-12-10 14:32", 0.83, None, "United Kingdom"),
]


def write(folder: Path, name: str, rows: list[Row]) -> None:
    records: list[dict[str, Any]] = [
        dict(zip(SCHEMA.names, row, strict=True)) | {"InvoiceDate": datetime.fromisoformat(row[4])}
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(records, schema=SCHEMA), folder / name)


@pytest.fixture
def imported(tmp_path: Path, log: EventLog) -> Callable[[], ImportSummary]:
    write(tmp_path, "year_2009_2010.parquet", FIRST)
    write(tmp_path, "year_2010_2011.parquet", SECOND)
    mapping = Mapping.load("online_retail_2")
    return lambda: import_tables(mapping, tmp_path, log, now=instant("2012-01-01"))


@pytest.fixture
def events(imported: Callable[[], ImportSummary], log: EventLog) -> dict[str, Event]:
    imported()
    return {e.event_id: e for path in log.segments for e in events_of(pq.read_table(path))}


def test_every_row_that_is_no_sale_is_counted_with_its_reason(
    imported: Callable[[], ImportSummary],
) -> None:
    summary = imported()

    assert summary.accepted == {"Identified": 2, "Order Completed": 3, "Order Refunded": 1}
    assert summary.quarantined == {
        ("lines", "reject", reason): 1
        for reason in (
            "a bad-debt adjustment, no order",
            "a stock correction: no price and no customer",
            "given away: no price",
            "postage, fees, vouchers, manual or test entries are not products",
            "this invoice stands in both sheets and is taken from the second",
        )
    }
    again = imported()
    assert (again.accepted, again.duplicates) == ({}, 6)


def test_an_invoice_is_an_order_of_goods_and_keeps_equal_lines(events: dict[str, Event]) -> None:
    order = events["order:489434"]

    assert order.products == (
        Line("85048", 12.0, 6.95), Line("79323P", 2.0, 6.75), Line("79323P", 2.0, 6.75),
    )  # fmt: skip
    assert order.value == pytest.approx(12 * 6.95 + 4 * 6.75)
    assert (order.user_id, order.currency, order.channel) == ("13085", "GBP", "web")
    assert iso(order.timestamp) == "2009-12-01T07:45:00Z"


def test_a_cancellation_is_a_refund_at_its_own_time(events: dict[str, Event]) -> None:
    refund = events["refund:C489449"]

    assert (refund.name, refund.order_id) == ("Order Refunded", "C489449")
    assert refund.products == (Line("79323P", 1.0, 6.75),)
    assert iso(refund.timestamp) == "2010-06-02T09:33:00Z", "London has summer time"


def test_lines_without_a_customer_are_an_anonymous_basket(events: dict[str, Event]) -> None:
    basket = events["order:536544"]

    assert (basket.user_id, basket.anonymous_id) == (None, "basket-536544")


def test_the_overlap_of_the_sheets_counts_once(events: dict[str, Event]) -> None:
    assert events["order:536365"].products == (Line("85048", 6.0, 2.55),)


def test_a_customers_country_is_known_from_the_first_invoice(events: dict[str, Event]) -> None:
    first = events["identified:13085"]

    assert (first.name, first.properties) == ("Identified", '{"country": "France"}')
    assert first.timestamp == events["order:489434"].timestamp


def test_variants_share_the_digits_of_their_code(events: dict[str, Event], log: EventLog) -> None:
    assert events
    catalog = log.catalog
    pink = catalog.product(catalog.find("79323P"))

    assert (pink.parent_id, pink.title, pink.price) == ("79323", "PINK LIGHTS", 6.75)
    assert catalog.product(catalog.find("DCGS0058")).parent_id is None
    assert catalog.parent[catalog.find("79323W")] == catalog.find("79323P")
    assert "POST" not in catalog.index
