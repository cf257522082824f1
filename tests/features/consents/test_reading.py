"""What events and imported tables say of consent."""

import json
from pathlib import Path

import pytest

from features.consents import ConsentRules, consents_of
from features.consents.of_log import statements
from features.events.event import events_of
from features.events.importer import import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
from features.events.validation import parse
from features.instants import instant

NOW = instant("2024-05-01T12:00:00Z")
RULES = ConsentRules()


def track(event, context=None, **properties):
    return {
        "type": "track",
        "event": event,
        "messageId": "m1",
        "userId": "ada",
        "anonymousId": "v",
        "properties": properties,
        "context": context or {},
    }


def said(message, rules=RULES):
    return consents_of(parse(message, NOW, source="site"), rules)


def banner(**categories):
    return {"channel": "browser", "consent": {"categoryPreferences": categories}}


def test_a_statement_tells_its_source_its_expiry_and_whom_it_speaks_for():
    [statement] = said(
        track("Consent Changed", purpose="marketing", status="granted", consent_channel="email",
              expires_at="2025-05-01T00:00:00Z")
    )  # fmt: skip
    assert (statement.source, statement.carried) == ("site", False)
    assert statement.expires_at == instant("2025-05-01")
    assert statement.together == ("anonymous:v",)


def test_segments_own_example_says_what_it_says():
    told = said(
        track("Segment Consent Preference Updated",
              banner(Advertising=True, Analytics=False, Functional=True, DataSharing=False))
    )  # fmt: skip
    assert {(c.purpose, c.channel, c.status, c.carried) for c in told} == {
        ("marketing", "web", "granted", False),
        ("profiling", "all", "denied", False),
        ("personalisation", "all", "granted", False),
    }


def test_any_other_event_carries_the_same_along_even_one_that_nobody_knows():
    for event in ("Cart Viewed", "Wheel Spun"):
        [statement] = said(track(event, banner(Analytics=False)))
        assert (statement.purpose, statement.carried) == ("profiling", True)


def test_an_unsubscription_carries_its_banner_along_too():
    told = said(track("Unsubscribed", banner(Analytics=True)))
    assert [(c.purpose, c.channel, c.status, c.carried) for c in told] == [
        ("marketing", "email", "denied", False),
        ("profiling", "all", "granted", True),
    ]


def test_a_category_that_is_null_says_nothing():
    assert said(track("Cart Viewed", banner(Analytics=None))) == ()


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    rows = [
        ("e1", "Segment Consent Preference Updated", '{"Analytics": false, "Functional": null}'),
        ("e2", "Segment Consent Preference Updated", '{"Analytics": "perhaps"}'),
        ("e3", "Segment Consent Preference Updated", ""),
        ("e4", "Segment Consent Preference Updated", "[true]"),
        ("e5", "Cart Viewed", '{"Analytics": "not kept, not read"}'),
    ]
    table = ["event_id,event,timestamp,user_id,category_preferences"]
    table += [f'{i},{event},2024-01-01,ada,"{text.replace(chr(34), chr(34) * 2)}"'
              for i, event, text in rows]  # fmt: skip
    (tmp_path / "events.csv").write_text("\n".join(table))
    select = {"files": ["events.csv"], "produces": "events", "select": "SELECT * FROM events"}
    mapping = Mapping.model_validate(
        {"name": "shop", "currency": "EUR", "legal_basis": "contract", "tables": {"events": select}}
    )
    out = EventLog(tmp_path / "log")
    summary = import_tables(mapping, tmp_path, out, now=NOW)
    assert summary.quarantined == {
        ("events", "category_preferences", "missing, and this event needs it"): 1,
        ("events", "category_preferences", "no JSON object"): 1,
        (
            "events", "category_preferences",
            "no object of consent categories, each true or false",
        ): 1,
    }  # fmt: skip
    return out


def test_imported_categories_are_statements_and_those_that_cannot_be_read_are_kept_aside(
    log, tmp_path
):
    [line] = statements(log, tmp_path, RULES)
    assert (line.consent.purpose, line.consent.status) == ("profiling", "denied")
    assert (line.consent.customer_id, line.consent.source) == ("ada", "shop")
    events = {event.event_id: event.properties for event in events_of(log.dataset.to_table())}
    assert json.loads(events["e1"])["category_preferences"]["Analytics"] is False
    assert events["e5"] is None


def test_a_log_without_events_says_nothing(tmp_path):
    assert list(statements(EventLog(tmp_path / "empty"), tmp_path, RULES)) == []
