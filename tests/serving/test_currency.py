"""Money of another currency is put aside, not summed."""

from features.events.event import table_of
from features.events.log import EventLog
from features.events.validation import parse
from serving import history


def spend(client):
    return client.get("/v1/customers/ann").json()["features"]["purchase_spend_life"]


def test_an_order_in_another_currency_than_the_shops_is_put_aside(start):
    client = start(currency="EUR")
    client.track("Order Completed", "m1", userId="ann", order_id="o1", total=10, currency="EUR")
    client.track("Order Completed", "m2", userId="ann", order_id="o2", total=1000, currency="JPY")
    client.track("Order Completed", "m3", userId="ann", order_id="o3", total=5)
    assert spend(client) == 15
    [put_aside] = client.get("/v1/quarantine").json()["rejected"]
    assert put_aside["message_id"] == "m2"
    assert "EUR" in put_aside["reason"]


def test_the_loaded_history_says_the_shops_currency(start, settings, clock):
    client = start()
    log = EventLog(settings.log)
    with log.transaction() as changes:
        changes.declare("shop", "contract", "GBP")
    seen = parse(
        {"type": "page", "messageId": "p1", "userId": "bob", "timestamp": "2011-09-01"}, clock()
    )
    log.append(table_of([seen]))
    history.load(log, client.service.store)
    clock.advance(minutes=1)
    client.track("Order Completed", "m1", userId="ann", order_id="o1", total=10, currency="GBP")
    client.track("Order Completed", "m2", userId="ann", order_id="o2", total=10, currency="EUR")
    assert spend(client) == 10
