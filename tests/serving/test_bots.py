"""Bots are marked: stored and queryable, in nobody's timeline."""

import sqlite3
from contextlib import closing

import pytest

from features.consents import ALL_CHANNELS
from serving.bots import Bots, calls_itself_one

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
PEOPLE = (
    CHROME,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537",
    "analytics-python/2.4.0",
    "analytics-node/2.2.1",
    "python-requests/2.32.3",
    "okhttp/4.12.0",
    "",
    None,
    17,
)
BOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    CHROME.replace("Chrome/", "HeadlessChrome/"),
    CHROME + " Chrome-Lighthouse",
    "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "DatadogSynthetics",
)


@pytest.mark.parametrize("agent", PEOPLE)
def test_people_and_their_telephones_are_no_bots(agent):
    assert not calls_itself_one(agent)


@pytest.mark.parametrize("agent", BOTS)
def test_what_calls_itself_a_bot_is_one(agent):
    assert calls_itself_one(agent)


def marks(client, **asked):
    events = client.get("/v1/events", params=asked).json()["events"]
    return {event["event_id"]: event["marks"] for event in events}


def test_a_bots_events_are_kept_and_asked_for_but_in_no_timeline(client):
    client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    for message_id, event in (("m2", "Product Viewed"), ("m3", "Order Completed")):
        client.track(
            event,
            message_id,
            userId="ann",
            anonymousId="v",
            product_id="tea",
            order_id="o1",
            total=5,
            context={"userAgent": BOTS[0]},
        )
    profile = client.get("/v1/customers/ann").json()
    assert (profile["events"], profile["last_orders"]) == (1, [])
    assert profile["identifiers"] == ["ann"], "a bot ties no ids"
    assert marks(client, customer_id="ann") == {"m1": [], "m2": ["bot"], "order:o1": ["bot"]}


def test_the_requests_own_agent_counts_where_the_event_tells_none(client):
    body = {"event": "Store Visited", "userId": "ann"}
    for message_id, context, agent in (
        ("m1", {}, BOTS[7]),
        ("m2", {"userAgent": CHROME}, BOTS[7]),
        ("m3", {}, CHROME),
    ):
        sent = {**body, "messageId": message_id, "context": context}
        assert client.post("/v1/t", sent, headers={"User-Agent": agent}).is_success
    assert marks(client) == {"m1": ["bot"], "m2": [], "m3": []}


def test_a_bot_consents_to_nothing_and_is_waited_for_by_nobody(client, clock):
    told = {"context": {"userAgent": BOTS[0]}, "anonymousId": "v"}
    client.track("Consent Changed", "m1", purpose="service", status="granted", **told)
    client.track("Checkout Started", "m2", **told)
    assert client.service.store.consents("anonymous:v") == []
    assert client.service.store.claim(clock.now + 10**9, until=clock.now + 2 * 10**9) == []
    assert client.get("/v1/customers/anonymous:v").json()["consents"] == []


def test_whoever_clicks_faster_than_people_do_is_a_bot_from_there_on(start):
    client = start(bot_events_per_minute=3)
    for n in range(5):
        at = f"2011-09-10T11:00:{n:02}Z"
        client.track("Cart Viewed", f"fast{n}", anonymousId="v", timestamp=at)
    client.track("Cart Viewed", "later", anonymousId="v", timestamp="2011-09-10T11:01:00Z")
    client.track("Cart Viewed", "other", anonymousId="w", timestamp="2011-09-10T11:00:04Z")
    bots = [event for event, marked in marks(client).items() if marked == ["bot"]]
    assert sorted(bots) == ["fast3", "fast4"]
    assert client.get("/v1/customers/anonymous:v").json()["events"] == 4


def test_a_past_that_is_sent_at_once_is_not_fast(start):
    client = start(bot_events_per_minute=3)
    past = [
        {"type": "page", "messageId": f"m{n}", "userId": "ann", "timestamp": f"2011-0{n}-01"}
        for n in range(1, 9)
    ]
    client.post("/v1/batch", {"batch": past})
    assert client.get("/v1/customers/ann").json()["events"] == 8


def test_who_sends_again_what_was_stored_is_not_fast(start):
    client = start(bot_events_per_minute=3)
    for _ in range(5):
        for n in range(3):
            client.track("Cart Viewed", f"m{n}", userId="ann")
    assert marks(client) == {"m0": [], "m1": [], "m2": []}
    client.track("Cart Viewed", "m3", userId="ann")
    assert marks(client)["m3"] == ["bot"]


def test_ids_are_forgotten_so_that_memory_stays_bounded(monkeypatch):
    monkeypatch.setattr("serving.bots.IDS_KEPT", 10)
    bots = Bots(per_minute=1_000)
    for n in range(1_000):
        bots.too_fast("ann", 0, f"m{n}")
    assert len(bots._counted) + len(bots._counted_before) <= 21


def test_what_looks_like_a_bot_may_take_its_consent_back(client):
    told = {"context": {"userAgent": BOTS[0]}, "userId": "ann"}
    client.track("Consent Changed", "m1", purpose="marketing", status="granted", userId="ann")
    client.track("Unsubscribed", "m2", **told)
    client.track("Consent Changed", "m3", purpose="profiling", status="denied", **told)
    client.track("Consent Changed", "m4", purpose="service", status="granted", **told)
    kept = [(c.purpose, c.channel, c.status) for c in client.service.store.consents("ann")]
    assert kept == [
        ("marketing", ALL_CHANNELS, "granted"),
        ("marketing", "email", "denied"),
        ("profiling", ALL_CHANNELS, "denied"),
    ]


def test_who_is_told_to_come_back_and_does_is_not_fast(start, settings):
    client = start(bot_events_per_minute=3, busy_seconds=0.01)
    with closing(sqlite3.connect(settings.store_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(4):
            assert client.track("Cart Viewed", "m1", userId="ann").status_code == 503
        other.execute("ROLLBACK")
    assert client.track("Cart Viewed", "m1", userId="ann").status_code == 200
    assert marks(client) == {"m1": []}
