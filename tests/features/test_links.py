"""Who belongs together, as an event log tells it."""

from features.events.event import Event, table_of
from features.events.log import EventLog
from features.events.schema import schema
from features.identity import FOREVER
from features.links import owners
from tests.models.shop import day


def test_whose_an_identifier_was_at_an_instant_is_read_from_the_log(tmp_path):
    log = EventLog(tmp_path / "log")
    seen = Event(
        event_id="e",
        type=schema().code("Product Viewed"),
        name="Product Viewed",
        user_id="ann",
        anonymous_id="v",
        timestamp=day(1),
        received_at=day(2),
        channel="web",
        product_id="p",
    )
    log.append(table_of([seen]))
    assert owners(log, FOREVER - 1) == owners(log, day(3)) == {"anonymous:v": "ann"}
    assert owners(log, day(1)) == {}
