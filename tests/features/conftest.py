"""A tiny shop as tables on disk, and a log that holds it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from features.events.importer import import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
from features.instants import instant

Rows = list[dict[str, Any]]
WriteShop = Callable[..., Path]

NOW = instant("2024-06-01")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _tables() -> dict[str, Rows]:
    """Two customers and a visitor who logs in; three products, one sold in two colours."""
    return {
        "products": [
            {"product_id": "pot-red", "parent_id": "pot", "title": "Red pot",
             "category": "Garden > Pots", "brand": "Terra", "price": 8.0,
             "attributes": '{"colour": "red"}', "first_seen_at": moment("2023-01-01"),
             "available": True},
            {"product_id": "pot-blue", "parent_id": "pot", "title": "Blue pot",
             "category": "Garden > Pots", "brand": "Terra", "price": 9.0,
             "attributes": '{"colour": "blue"}', "first_seen_at": moment("2023-02-01"),
             "available": True},
            {"product_id": "seeds", "parent_id": None, "title": "Sunflower seeds",
             "category": "Garden > Seeds", "brand": "Solis", "price": 2.5,
             "attributes": None, "first_seen_at": None, "available": False},
        ],
        "orders": [
            {"order_id": "o1", "user_id": "ada", "anonymous_id": None, "channel": "web",
             "timestamp": moment("2024-01-10T10:00"), "total": 12.5, "discount": 0.5,
             "coupon": "HELLO", "currency": "EUR"},
            {"order_id": "o2", "user_id": "ada", "anonymous_id": None, "channel": "store",
             "timestamp": moment("2024-02-10T10:00"), "total": None, "discount": None,
             "coupon": None, "currency": "EUR"},
            {"order_id": "o3", "user_id": None, "anonymous_id": "phone-1", "channel": "app",
             "timestamp": moment("2024-03-01T09:00"), "total": 9.0, "discount": None,
             "coupon": None, "currency": "EUR"},
        ],
        "lines": [
            {"order_id": "o1", "line": 1, "product_id": "seeds", "quantity": 2.0, "price": 2.5},
            {"order_id": "o1", "line": 0, "product_id": "pot-red", "quantity": 1.0, "price": 8.0},
            {"order_id": "o2", "line": 0, "product_id": "seeds", "quantity": 4.0, "price": 2.0},
            {"order_id": "o3", "line": 0, "product_id": "pot-blue", "quantity": 1.0, "price": 9.0},
        ],
        "events": [
            event("e1", "Product Viewed", "2024-01-10T09:00", user_id="ada", product_id="pot-red",
                  price=8.0),
            event("e2", "Product Added", "2024-01-10T09:30", user_id="ada", product_id="pot-red"),
            event("e3", "Order Refunded", "2024-01-20T09:00", user_id="ada", order_id="o1",
                  products=[{"product_id": "pot-red", "quantity": 1.0, "price": 8.0}]),
            event("e4", "Points Expiring", "2024-02-01T00:00", user_id="ada", points=50.0,
                  expires_at=moment("2024-02-11T12:00")),
            event("e5", "Product Viewed", "2024-03-01T08:00", anonymous_id="phone-1",
                  product_id="pot-blue"),
            event("e6", "Identified", "2024-03-02T08:00", user_id="ben", anonymous_id="phone-1",
                  country="DE"),
            event("e7", "Product Reviewed", "2024-03-09T08:00", user_id="ben",
                  product_id="pot-blue", rating=4.0),
            event("e8", "Wheel Spun", "2024-03-10T08:00", user_id="ben"),
        ],
    }  # fmt: skip


def event(event_id: str, name: str, at: str, **columns: Any) -> dict[str, Any]:
    return {"event_id": event_id, "event": name, "timestamp": moment(at), **columns}


def table(rows: Rows) -> pa.Table:
    """Rows that need not all have the same keys."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows])


@pytest.fixture
def shop_tables() -> dict[str, Rows]:
    """The tiny shop's tables, to be changed."""
    return _tables()


@pytest.fixture
def write_shop(tmp_path: Path) -> WriteShop:
    """Writes the tiny shop, with tables replaced by keyword, and gives its folder."""

    def write(*, form: str = "parquet", **replaced: Rows) -> Path:
        folder = tmp_path / "shop"
        folder.mkdir(exist_ok=True)
        for name, rows in {**_tables(), **replaced}.items():
            if form == "csv":
                pc.write_csv(_flat(table(rows)), folder / f"{name}.csv")
            else:
                pq.write_table(table(rows), folder / f"{name}.parquet")
        return folder

    return write


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """A log that is still empty."""
    return EventLog(tmp_path / "log")


@pytest.fixture
def shop_log(write_shop: WriteShop, log: EventLog) -> EventLog:
    """A log that holds the tiny shop."""
    import_tables(Mapping.load("shop"), write_shop(), log, now=NOW)
    return log


def _flat(rows: pa.Table) -> pa.Table:
    """Lists as JSON text, as CSV must hold them."""
    columns = {
        name: [json.dumps(v) if isinstance(v, list) else v for v in rows[name].to_pylist()]
        for name in rows.column_names
    }
    return pa.table(columns)
