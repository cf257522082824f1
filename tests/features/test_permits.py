"""Who may be profiled, at every instant of a log: what was known then, and whose it was then."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import frame, permits
from features.consents import PERSONALISATION, PROFILING, ConsentRules
from features.consents.of_log import Dissent
from features.events.event import table_of
from features.events.importer import import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
from features.events.validation import parse
from features.instants import DAY_MS, instant
from features.permits import PURPOSES, permitted
from features.timeline_build import timelines_of

RULES = ConsentRules()
ON_CONSENT = ConsentRules(profiling="consent")
JANUARY = instant("2024-01-01")


def day(number):
    return JANUARY + number * DAY_MS


def happened(number, event, *, arrived=None, context=None, user=None, visitor=None, **properties):
    ids = {"userId": user, "anonymousId": visitor}
    message = {
        "type": "track",
        "event": event,
        "messageId": f"{number}-{event}-{user}-{visitor}",
        "timestamp": f"2024-01-{number + 1:02}T00:00:00Z",
        "properties": properties,
        "context": context or {},
    } | {name: i for name, i in ids.items() if i is not None}
    return parse(message, day(number if arrived is None else arrived))


def said(number, status, purpose="profiling", **more):
    return happened(number, "Consent Changed", purpose=purpose, status=status, **more)


def viewed(number, **more):
    return happened(number, "Product Viewed", product_id="tea", **more)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "log")


def who(log, number, *events, purpose=PROFILING, rules=RULES):
    """Names of those who allow a purpose on a day, known by then."""
    if events:
        log.append(table_of(events))
    timelines = permitted(timelines_of(log), log, rules)
    return timelines.ids(np.flatnonzero(timelines.allowing(purpose, day(number))))


def test_everybody_may_be_profiled_until_they_object_and_then_not_even_at_earlier_instants(log):
    assert who(log, 4, viewed(0, user="ann"), viewed(0, user="bob")) == ["ann", "bob"]
    assert who(log, 5, said(5, "denied", user="ann")) == ["bob"]
    assert who(log, 4) == ["bob"]
    assert who(log, 5, purpose=PERSONALISATION) == ["ann", "bob"]


def test_while_somebody_objected_they_were_in_no_set_though_they_agree_now(log):
    log.append(table_of([viewed(0, user="ann")]))
    log.append(table_of([said(3, "denied", user="ann"), said(6, "granted", user="ann")]))
    assert [bool(who(log, number)) for number in range(9)] == [not 3 <= n < 6 for n in range(9)]


def test_on_the_basis_of_consent_nobody_is_until_they_agree(log):
    events = [viewed(0, user="ann"), viewed(0, user="bob"), said(5, "granted", user="ann")]
    assert who(log, 4, *events, rules=ON_CONSENT) == []
    assert who(log, 5, rules=ON_CONSENT) == ["ann"]
    assert who(log, 5, said(8, "denied", user="ann"), rules=ON_CONSENT) == []


def test_an_objection_that_arrived_late_was_not_known_before(log):
    events = [viewed(0, user="ann"), said(2, "denied", user="ann", arrived=6)]
    assert who(log, 5, *events, said(8, "granted", user="ann")) == ["ann"]
    assert who(log, 6) == []
    assert who(log, 8) == ["ann"]


def test_an_expired_agreement_no_longer_counts(log):
    grant = said(1, "granted", user="ann", expires_at="2024-01-05T00:00:00Z")
    assert who(log, 3, grant, rules=ON_CONSENT) == ["ann"]
    assert who(log, 3, viewed(4, user="ann"), rules=ON_CONSENT) == []


def test_a_visitors_objection_is_the_users_from_the_login_until_the_device_is_shared(log):
    events = [
        viewed(0, user="ann"),
        said(1, "denied", visitor="v"),
        viewed(3, user="ann", visitor="v"),
    ]
    assert who(log, 2, *events) == [] == who(log, 3)
    assert who(log, 8, viewed(8, user="bob", visitor="v")) == ["ann", "bob"]
    assert who(log, 7) == ["bob"]
    assert who(log, 2) == ["ann", "bob"]


def test_a_banners_categories_count_as_well(log):
    def stamped(number, analytics):
        consent = {"consent": {"categoryPreferences": {"Analytics": analytics}}}
        return viewed(number, user="ann", context=consent)

    events = [stamped(number, not 3 <= number < 6) for number in range(9)]
    log.append(table_of(events))
    assert [bool(who(log, number)) for number in range(9)] == [not 3 <= n < 6 for n in range(9)]


def test_what_looks_like_a_bot_may_object(log):
    log.append(table_of([viewed(0, user="ann")]))
    message = {
        "type": "track", "event": "Consent Changed", "messageId": "m", "userId": "ann",
        "properties": {"purpose": "profiling", "status": "denied"},
    }  # fmt: skip
    log.append(table_of([parse(message, day(1), marks=("bot",))]))
    assert who(log, 2) == []


def test_whoever_was_imported_on_the_basis_of_consent_is_profiled_once_they_agree(log, tmp_path):
    (tmp_path / "events.csv").write_text(
        "event_id,event,timestamp,user_id,purpose,status\n"
        "e1,Store Visited,2024-01-02,ann,,\n"
        "e2,Store Visited,2024-01-02,bob,,\n"
        "e3,Consent Changed,2024-01-05,ann,profiling,granted\n"
    )
    mapping = Mapping.model_validate(
        {
            "name": "club",
            "currency": "EUR",
            "legal_basis": "consent",
            "tables": {"events": {"files": ["events.csv"], "produces": "events",
                                  "select": "SELECT * FROM events"}},
        }
    )  # fmt: skip
    import_tables(mapping, tmp_path, log, now=day(10))
    assert who(log, 3, viewed(2, user="cid")) == ["cid"]
    assert who(log, 5) == ["ann", "cid"], "bob was asked nothing"


EVENTS = st.lists(
    st.one_of(
        st.builds(
            lambda number, status, purpose, who: said(number, status, purpose, **who),
            st.integers(0, 20),
            st.sampled_from(["granted", "denied"]),
            st.sampled_from(["profiling", "Personalisation", "marketing"]),
            st.sampled_from([{"user": "ann"}, {"user": "bob"}, {"visitor": "v"}, {"visitor": "w"}]),
        ),
        st.builds(
            lambda number, user, visitor, analytics: viewed(
                number,
                user=user,
                visitor=visitor,
                context={"consent": {"categoryPreferences": {"Analytics": analytics}}},
            ),
            st.integers(0, 20),
            st.sampled_from(["ann", "bob", None]),
            st.sampled_from(["v", "w"]),
            st.booleans(),
        ),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda event: event.event_id,
)


@settings(max_examples=15, deadline=None)
@given(EVENTS, st.sampled_from([RULES, ON_CONSENT]))
def test_reading_only_who_says_the_contrary_leaves_out_nobody(events, rules):
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "log")
        log.append(table_of([viewed(0, user="ann"), viewed(0, user="bob"), *events]))
        timelines = timelines_of(log)
        everything = Dissent(frozenset(("ann", "bob", "anonymous:v", "anonymous:w")), log.last_at)
        quick = permitted(timelines, log, rules)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(permits, "dissent", lambda *_: everything)
            slow = permitted(timelines, log, rules)
        for purpose in PURPOSES:
            for number in range(22):
                asked = purpose, day(number)
                assert quick.allowing(*asked).tolist() == slow.allowing(*asked).tolist()


def test_a_frame_has_no_row_of_whoever_objects(log):
    log.append(
        table_of([viewed(0, user="ann"), viewed(0, user="bob"), said(5, "denied", user="ann")])
    )
    both = frame(log, at=[day(4), day(6)], rules=RULES)
    assert both.index.get_level_values("customer_id").tolist() == ["bob", "bob"]
    assert frame(log, ["ann"], at=day(6), rules=RULES).empty
