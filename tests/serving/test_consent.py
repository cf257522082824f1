"""What customers allow and deny, however it is written and whoever tells of it."""

import pytest

from features.consents import ConsentRules, consents_of, standing
from features.events.event import Event
from features.events.schema import schema


def allowed(client, channel="email", purpose="marketing"):
    consents, now = client.service.store.consents("ann"), client.service.clock()
    return standing(consents, ConsentRules(), purpose, channel, at=now).allowed


def consent(client, message_id, purpose, status, **more):
    return client.track(
        "Consent Changed", message_id, userId="ann", purpose=purpose, status=status, **more
    )


@pytest.mark.parametrize("event", ["Unsubscribed", "Email Marked as Spam"])
@pytest.mark.parametrize("told_by", ["server", "browser", None])
def test_leaving_a_newsletter_denies_email_whoever_tells_of_it(client, clock, event, told_by):
    consent(client, "m1", "marketing", "granted", consent_channel="email")
    consent(client, "m2", "marketing", "granted", consent_channel="chat")
    clock.advance(minutes=1)
    context = {} if told_by is None else {"channel": told_by}
    client.track(event, "m3", userId="ann", context=context)
    assert (allowed(client), allowed(client, "chat")) == (False, True)


def test_leaving_messages_denies_their_channel_and_all_when_none_is_told(client, clock):
    consent(client, "m1", "marketing", "granted")
    clock.advance(minutes=1)
    client.track("Message Unsubscribed", "m2", userId="ann", context={"channel": "sms"})
    assert (allowed(client, "sms"), allowed(client, "push")) == (False, True)
    clock.advance(minutes=1)
    client.track("Message Unsubscribed", "m3", userId="ann", context={"channel": "server"})
    assert not allowed(client, "push")


def test_a_denial_holds_however_it_is_written(client, clock):
    consent(client, "m1", "marketing", "granted", consent_channel="email")
    clock.advance(minutes=1)
    consent(client, "m2", " Marketing", "Denied ", consent_channel="Email")
    assert not allowed(client)


def test_the_american_spelling_means_the_same(client):
    consent(client, "m1", "Personalization", "granted")
    assert allowed(client, purpose="personalisation")


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("purpose", "newsletters", "none of: service, marketing, personalisation, profiling"),
        ("status", "yes", "none of: granted, denied"),
        ("consent_channel", "fax", "none of: all, other, web, app, email"),
    ],
)
def test_a_statement_that_nobody_understands_is_refused_and_kept_aside(client, column, value, says):
    told = {"purpose": "marketing", "status": "granted", column: value}
    answer = client.track("Consent Changed", "m1", userId="ann", **told)
    assert answer.status_code == 400
    assert says in answer.json()["message"]
    [aside] = client.service.store.quarantined()
    assert (aside.column, aside.message_id) == (column, "m1")
    assert client.service.store.consents("ann") == []


def test_statements_in_older_logs_are_read_in_the_one_spelling():
    kind = schema().find("Consent Changed")
    said = '{"purpose": "Personalization ", "status": "Granted", "consent_channel": "E-mail"}'
    event = Event("e", kind.code, kind.name, 1, 1, "web", user_id="ann", properties=said)
    [statement] = consents_of(event, ConsentRules())
    assert (statement.purpose, statement.channel) == ("personalisation", "email")
    assert statement.status == "granted"


def test_a_consent_can_be_given_for_every_channel_there_is():
    channels = schema().properties["consent_channel"].values
    assert set(channels) == {"all", *schema().channels}
