"""The point-in-time frame that a data scientist pulls into a notebook."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import features
from features.errors import InputError
from features.events.log import LOG_SCHEMA, EventLog
from features.events.schema import schema
from features.instants import instant


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """Ana orders on 1 May and 1 June, Ben on 20 June; an anonymous visitor looks around."""
    made = [
        ("1", "Order Completed", "2026-05-01", "ana", None, 30.0),
        ("2", "Order Completed", "2026-06-01", "ana", None, 50.0),
        ("3", "Order Completed", "2026-06-20", "ben", None, 10.0),
        ("4", "Product Viewed", "2026-06-02", None, "tablet", 5.0),
    ]
    rows = [
        dict.fromkeys(LOG_SCHEMA.names)
        | {
            "event_id": event_id,
            "type": schema().code(name),
            "name": name,
            "timestamp": instant(day),
            "received_at": instant(day),
            "user_id": user,
            "anonymous_id": visitor,
            "channel": "web",
            "value": value,
            "source": "test",
        }
        for event_id, name, day, user, visitor, value in made
    ]
    log = EventLog(tmp_path / "log")
    log.append(pa.Table.from_pylist(rows, schema=LOG_SCHEMA))
    return log


def test_a_frame_has_a_row_for_each_customer_and_instant(log: EventLog) -> None:
    frame = features.frame(log, ["ana", "ben"], at=["2026-06-10", "2026-07-01"])
    assert frame["purchase_orders_life"].to_dict() == {
        ("ana", frame.index[0][1]): 2.0,
        ("ben", frame.index[0][1]): 0.0,
        ("ana", frame.index[2][1]): 2.0,
        ("ben", frame.index[2][1]): 1.0,
    }
    assert frame.dtypes.unique().tolist() == [np.float32]


def test_without_names_everybody_with_a_user_id_is_in_it(log: EventLog) -> None:
    frame = features.frame(log.path, at="2026-07-01")
    assert frame.index.get_level_values("customer_id").tolist() == ["ana", "ben"]


def test_every_column_is_documented(log: EventLog) -> None:
    frame = features.frame(log, at="2026-07-01")
    described = features.describe()
    assert list(described.index) == list(frame.columns)
    assert described.loc["purchase_spend_30d", "meaning"] == "Spent in the last 30 days"
    assert frame.attrs["features"]["purchase_spend_30d"] == "Spent in the last 30 days (money)"


def test_an_unknown_customer_is_named(log: EventLog) -> None:
    with pytest.raises(InputError, match="no customer 'eve' in these timelines"):
        features.frame(log, ["eve"], at="2026-07-01")


def test_a_wrong_date_says_how_to_write_one(log: EventLog) -> None:
    with pytest.raises(InputError, match="'yesterday' is no date; write it as 2011-09-10"):
        features.frame(log, at="yesterday")


def test_a_missing_log_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no events in .*; run: python -m training import"):
        features.frame(tmp_path / "nothing", at="2026-07-01")
    assert not (tmp_path / "nothing").exists()
