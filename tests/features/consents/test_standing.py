"""What holds: for every set of statements, in whatever order, also of ids that were joined."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.consents import (
    ALL_CHANNELS,
    LOCATION,
    MARKETING,
    PERSONALISATION,
    PROFILING,
    REQUIRED,
    SERVICE,
    Consent,
    ConsentRules,
    standing,
)
from features.errors import InputError

RULES = ConsentRules()
ON_CONSENT = ConsentRules(personalisation="consent", profiling="consent")
LATER = 100
"""After every statement of these tests."""


def said(status, at, purpose=MARKETING, channel="email", **more):
    return Consent(purpose, channel, status, at, more.pop("event_id", f"e{at}"), **more)


def allowed(*consents, purpose=MARKETING, channel="email", at=LATER, rules=RULES):
    return standing(consents, rules, purpose, channel, at=at).allowed


# --- one id -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "by_default", "on_consent"),
    [
        (SERVICE, True, True),
        (MARKETING, False, False),
        (LOCATION, False, False),
        (PERSONALISATION, True, False),
        (PROFILING, True, False),
    ],
)
def test_never_said_means_what_the_shops_legal_basis_says(purpose, by_default, on_consent):
    assert allowed(purpose=purpose) == by_default
    assert allowed(purpose=purpose, rules=ON_CONSENT) == on_consent
    assert not standing([], RULES, purpose, at=0).said


@pytest.mark.parametrize("purpose", [SERVICE, PERSONALISATION, PROFILING])
@pytest.mark.parametrize("rules", [RULES, ON_CONSENT])
def test_an_objection_holds_on_every_basis(purpose, rules):
    denial = said("denied", 1, purpose, ALL_CHANNELS)
    stands = standing([denial], rules, purpose, at=LATER)
    assert (stands.allowed, stands.said, stands.at) == (False, True, 1)
    assert stands.reason == f"consent to {purpose} is denied"


def test_a_purpose_without_a_channel_is_allowed_where_no_channel_forbids_it():
    by_mail = said("denied", 1, PROFILING, "email")
    assert not allowed(by_mail, purpose=PROFILING, channel=None)
    assert allowed(by_mail, purpose=PROFILING, channel="web")
    granted = said("granted", 1, PROFILING, "web")
    assert not allowed(granted, purpose=PROFILING, channel=None, rules=ON_CONSENT)
    assert allowed(granted, purpose=PROFILING, channel="web", rules=ON_CONSENT)


def test_of_contradictory_statements_at_one_instant_the_denial_holds():
    both = said("granted", 5, event_id="a"), said("denied", 5, event_id="b")
    assert not allowed(*both)
    assert not allowed(*reversed(both))


def test_consent_counts_from_its_instant_and_not_from_its_expiry_on():
    grant = said("granted", 10, expires_at=20)
    assert [allowed(grant, at=at) for at in (9, 10, 19, 20)] == [False, True, True, False]
    assert standing([grant], RULES, MARKETING, "email", at=20).reason == (
        "consent to marketing by email expired at 1970-01-01 00:00 UTC"
    )
    assert "was ever given" in standing([grant], RULES, MARKETING, "email", at=9).reason


def test_a_consent_that_had_expired_when_it_was_given_never_holds():
    assert not any(allowed(said("granted", 10, expires_at=5), at=at) for at in range(LATER))


def test_a_denial_does_not_expire_into_a_grant():
    grant, denial = said("granted", 1), said("denied", 10, expires_at=20)
    assert [allowed(grant, denial, at=at) for at in (9, 10, 20)] == [True, False, False]


def test_when_a_limited_grant_expires_an_older_denial_holds_again_and_an_older_grant_does_not():
    limited = said("granted", 10, expires_at=20)
    assert not allowed(said("denied", 1), limited)
    assert standing([said("denied", 1), limited], RULES, MARKETING, "email", at=30).said
    assert not allowed(said("granted", 1), limited)


def test_what_came_along_with_an_event_lifts_no_denial_that_was_said_on_its_own():
    objection = said("denied", 1)
    banner = said("granted", 5, carried=True)
    assert not allowed(objection, banner)
    assert allowed(objection, banner, said("granted", 6))
    assert allowed(said("denied", 1, carried=True), banner)


def test_imported_on_the_basis_of_consent_nobody_is_profiled_before_they_said_so():
    rests = said(REQUIRED, 1, PROFILING, ALL_CHANNELS)
    stands = standing([rests], RULES, PROFILING, at=LATER)
    assert (stands.allowed, stands.said) == (False, False)
    assert "imported on the basis of consent" in stands.reason
    assert allowed(rests, said("granted", 5, PROFILING, ALL_CHANNELS), purpose=PROFILING)
    assert allowed(rests, purpose=PERSONALISATION, channel=None)


# --- ids that were joined -----------------------------------------------------------------------

JOINED = 50


def by_user(status, at, **more):
    return said(status, at, customer_id="ann", **more)


def by_visitor(status, at, **more):
    return said(status, at, customer_id="anonymous:v", joined_at=JOINED, **more)


@pytest.mark.parametrize("first", ["ann", "v"])
def test_of_what_two_ids_said_before_they_were_joined_the_more_restrictive_holds(first):
    user_at, visitor_at = (10, 20) if first == "ann" else (20, 10)
    assert not allowed(by_user("granted", user_at), by_visitor("denied", visitor_at))
    assert not allowed(by_user("denied", user_at), by_visitor("granted", visitor_at))
    assert allowed(by_user("granted", user_at), by_visitor("granted", visitor_at))


def test_an_id_that_said_nothing_is_neutral():
    assert allowed(by_visitor("granted", 10))
    assert allowed(by_user("granted", 10))
    expired = by_visitor("granted", 10, expires_at=20)
    assert allowed(by_user("granted", 10), expired)


@pytest.mark.parametrize("who", [by_user, by_visitor])
def test_what_the_joined_person_says_overrides_both(who):
    before = by_user("denied", 10), by_visitor("denied", 20)
    assert allowed(*before, who("granted", JOINED))
    assert not allowed(by_user("granted", 1), by_visitor("granted", 2), who("denied", JOINED))


def test_a_grant_at_the_login_itself_speaks_for_both_ids():
    """A client sends both in one batch: the statement's instant is before its arrival."""
    denial = by_visitor("denied", 10)
    assert not allowed(denial, by_user("granted", JOINED - 1))
    assert allowed(denial, by_user("granted", JOINED - 1, together=("anonymous:v",)))


# --- for every ledger ---------------------------------------------------------------------------

IDS = {"a": None, "b": 10, "c": 20}
"""Three ids and when they joined the first."""

STATUSES = st.sampled_from(["granted", "denied"])


@st.composite
def plain(draw):
    who = draw(st.sampled_from(sorted(IDS)))
    return said(
        draw(STATUSES),
        draw(st.integers(1, 30)),
        customer_id=who,
        joined_at=IDS[who],
        event_id=str(draw(st.integers(0, 10**9))),
    )


@st.composite
def anything(draw):
    who = draw(st.sampled_from(sorted(IDS)))
    return Consent(
        draw(st.sampled_from([MARKETING, PROFILING])),
        draw(st.sampled_from([ALL_CHANNELS, "email", "web"])),
        draw(st.sampled_from(["granted", "denied", REQUIRED])),
        draw(st.integers(1, 30)),
        str(draw(st.integers(0, 10**9))),
        expires_at=draw(st.none() | st.integers(1, 40)),
        carried=draw(st.booleans()),
        together=tuple(draw(st.lists(st.sampled_from(sorted(IDS)), max_size=1))),
        customer_id=who,
        joined_at=IDS[who],
    )


ASKED = st.tuples(
    st.sampled_from([MARKETING, PROFILING]),
    st.sampled_from([None, "email", "web", ALL_CHANNELS]),
    st.integers(0, 45),
)

MANY = settings(max_examples=1000, deadline=None)


def found(consents, asked, rules=RULES):
    purpose, channel, at = asked
    return standing(consents, rules, purpose, channel, at=at)


@MANY
@given(st.lists(anything(), max_size=8), ASKED, st.randoms(use_true_random=False))
def test_the_order_and_repetition_of_the_ledger_do_not_matter(ledger, asked, drawn):
    shuffled = ledger + [c for c in ledger if drawn.random() < 0.5]
    drawn.shuffle(shuffled)
    assert found(shuffled, asked) == found(ledger, asked)


@MANY
@given(st.lists(anything(), max_size=8), ASKED)
def test_what_is_said_later_changes_nothing_of_before(ledger, asked):
    past = [c for c in ledger if c.at <= asked[2]]
    assert found(past, asked) == found(ledger, asked)


@MANY
@given(st.lists(anything(), max_size=8), anything(), ASKED)
def test_one_denial_more_allows_nothing_that_was_not_allowed(ledger, more, asked):
    if more.status != "denied":
        return
    if not found(ledger, asked).allowed:
        assert not found([*ledger, more], asked).allowed


@MANY
@given(st.lists(anything(), max_size=8), ASKED)
def test_on_the_basis_of_consent_nothing_is_allowed_that_otherwise_is_not(ledger, asked):
    if found(ledger, asked, ON_CONSENT).allowed:
        assert found(ledger, asked).allowed


def replayed(ledger, at):
    """What holds of three ids at an instant, told as a story: the slow and obvious way."""
    groups = {name: {name} for name in IDS}
    holds = dict.fromkeys(IDS)  # by the group's first id
    leader = {name: name for name in IDS}
    for now in range(at + 1):
        for name, joined_at in IDS.items():
            if joined_at == now:
                told = {holds["a"], holds[name]} - {None}
                holds["a"] = "denied" if "denied" in told else ("granted" if told else None)
                groups["a"].add(name)
                leader[name] = "a"
        for status in ("granted", "denied"):  # at one instant the denial has the last word
            for consent in ledger:
                if consent.at == now and consent.status == status:
                    holds[leader[consent.customer_id]] = status
    # ids that join later are already known to be this person's by whoever asks now
    told = {holds[leader[name]] for name in IDS} - {None}
    return bool(told) and "denied" not in told


@MANY
@given(st.lists(plain(), max_size=8), st.integers(20, 45))
def test_joined_ids_are_as_the_story_of_their_joining_tells(ledger, at):
    assert found(ledger, (MARKETING, "email", at)).allowed == replayed(ledger, at)


# --- the shop's categories ----------------------------------------------------------------------


def test_categories_are_found_however_they_are_written():
    for written in ("DataSharing", "data_sharing", "Data Sharing"):
        assert RULES.of_category(written) == ()
    [grant] = RULES.of_category("ADVERTISING")
    assert (grant.purpose, grant.channel) == (MARKETING, None)


def test_the_shops_categories_come_before_the_usual_ones():
    rules = ConsentRules(categories={"C0004": ["profiling"], "News": ["marketing:e-mail"]})
    assert [grant.purpose for grant in rules.of_category("c0004")] == [PROFILING]
    [grant] = rules.of_category("news")
    assert (grant.purpose, grant.channel) == (MARKETING, "email")


@pytest.mark.parametrize("purpose", ["selling", "marketing:fax", ""])
def test_a_category_for_an_unknown_purpose_is_refused_with_those_there_are(purpose):
    with pytest.raises(InputError, match=r"'News'.*write a purpose \(service, marketing"):
        ConsentRules(categories={"News": [purpose]})
