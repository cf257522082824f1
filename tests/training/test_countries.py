"""Where customers are from: what was known at the instant, of whomever the identifier was then."""

from pathlib import Path

import pytest

from features.events.event import Event, table_of
from features.events.log import EventLog
from features.events.validation import parse
from features.instants import DAY_MS, instant
from features.timeline_build import timelines_of
from training.countries import NOT_KNOWN, countries

JANUARY = instant("2024-01-01")


def day(number: float) -> int:
    return JANUARY + int(number * DAY_MS)


def told(number: int, country: str | None = None, **ids: str) -> Event:
    traits = {} if country is None else {"country": country}
    message = {
        "type": "identify",
        "messageId": f"{number}-{country}-{ids}",
        "timestamp": f"2024-01-{number + 1:02}T00:00:00Z",
        "traits": traits,
        **ids,
    }
    found = parse(message, day(number))
    assert isinstance(found, Event)
    return found


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "log")


def homes(log: EventLog, at: int) -> dict[str, str]:
    timelines = timelines_of(log)
    return dict(zip(timelines.ids(), countries(log, timelines, at).tolist(), strict=True))


def test_the_latest_country_before_the_instant_counts(log: EventLog) -> None:
    log.append(
        table_of([told(1, "DE", userId="ann"), told(5, "FR", userId="ann"), told(2, userId="bob")])
    )
    assert homes(log, day(3)) == {"ann": "DE", "bob": NOT_KNOWN}
    assert homes(log, day(9))["ann"] == "FR"
    assert homes(log, day(1))["ann"] == NOT_KNOWN


def test_what_a_visitor_said_is_the_customers_from_the_login_on(log: EventLog) -> None:
    log.append(table_of([told(1, "DE", anonymousId="v1"), told(4, userId="ann", anonymousId="v1")]))
    assert homes(log, day(3)).get("ann") == NOT_KNOWN
    assert homes(log, day(9))["ann"] == "DE"


def test_an_empty_log_has_nobody(log: EventLog) -> None:
    log.append(table_of([told(1, userId="ann")]))
    assert homes(log, day(9)) == {"ann": NOT_KNOWN}
