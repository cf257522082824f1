"""Consents, e-mail campaigns and push messages, and what people do with them."""

import numpy as np

from features.instants import DAY_MS, moment
from training.simulation.arrays import DAY, FAR, HOUR, MINUTE, SECOND, Flags, Floats, Ints
from training.simulation.block import Block
from training.simulation.people import APP, CHAT, EMAIL, PUSH, WEB
from training.simulation.vocabulary import PURPOSES, STATUSES

EMAIL_EVERY = 28
PUSH_EVERY = 35
"""Days between two campaigns; seldom, so that the log is not mostly messages."""

PER_PERSON = 4096
"""Ids of messages are the person's number times this, plus the campaign's."""

BOUNCED = 0.004
OPTS_IN = 0.68
PUSH_OPTS_IN = 0.55
ON_SITE_OPTS_IN = 0.6
"""Who allows offers and help while on the site or in the app."""
PERSONALISED = 0.85

WITHDRAWN = 1500 * DAY
"""Mean time until a consent is withdrawn."""

AFTERWARDS = 0.05
"""How much of a person's interest in e-mails remains after leaving."""


def campaigns(start_at: int, end_at: int) -> tuple[list[str], Ints, Ints]:
    """Names of all campaigns, and the instants (ms) of the e-mails and of the push messages.

    The pushes' names come after those of the e-mails.
    """
    mails = np.arange(start_at + 7 * DAY_MS, end_at, EMAIL_EVERY * DAY_MS) + 8 * int(HOUR)
    pushes = np.arange(start_at + 12 * DAY_MS, end_at, PUSH_EVERY * DAY_MS) + 17 * int(HOUR)
    names = [f"newsletter-{moment(at):%Y-%m-%d}" for at in mails.tolist()]
    names += [f"app-{moment(at):%Y-%m-%d}" for at in pushes.tolist()]
    return names, mails, pushes


def messages(block: Block) -> None:
    """Write down what a block was sent, opened and clicked, allowed and refused."""
    people, rng = block.people, block.rng
    _, mails, pushes = campaigns(block.world.start_at, block.world.end_at)
    here = np.flatnonzero(people.customer)
    first_order = np.searchsorted(block.orders.person, here)
    joined = np.full(len(people), FAR)
    joined[here] = block.orders.at[first_order] + 2 * MINUTE
    channel = np.full(len(people), WEB)
    channel[here] = block.orders.channel[first_order]
    block.events.add(
        "Consent Changed",
        here,
        joined[here],
        channel[here],
        purpose=PURPOSES.index("personalisation"),
        status=(rng.random(len(here)) < PERSONALISED).astype(np.int64),
    )
    _emails(block, mails, *_consents(block, joined, channel, EMAIL, OPTS_IN))
    on_app = np.full(len(people), APP)
    app = block.visits.login_at[:, 1] + 2 * MINUTE
    _pushes(block, pushes, len(mails), *_consents(block, app, on_app, PUSH, PUSH_OPTS_IN))
    for consent_channel in (WEB, APP, CHAT):
        block.events.add(
            "Consent Changed",
            here,
            joined[here],
            channel[here],
            purpose=PURPOSES.index("marketing"),
            status=(rng.random(len(here)) < ON_SITE_OPTS_IN).astype(np.int64),
            consent_channel=consent_channel,
        )


def _consents(
    block: Block, asked_at: Floats, channel: Ints, consent_channel: int, share: float
) -> tuple[Floats, Floats]:
    """Ask everyone on `channel` whether marketing may use `consent_channel`.

    Returns:
        Since when it is granted and when it is withdrawn, per person; `FAR` for never.
    """
    rng, n = block.rng, len(asked_at)
    granted = rng.random(n) < share
    since = np.where(granted & (asked_at < block.world.end_at), asked_at, FAR)
    until = np.where(since < FAR, since + rng.exponential(WITHDRAWN, n), FAR)
    marketing = PURPOSES.index("marketing")
    asked = np.flatnonzero(asked_at < block.world.end_at)
    block.events.add(
        "Consent Changed",
        asked,
        asked_at[asked],
        channel[asked],
        purpose=marketing,
        status=granted[asked].astype(np.int64),
        consent_channel=consent_channel,
    )
    ended = np.flatnonzero(until < block.world.end_at)
    email = consent_channel == EMAIL
    name = "Unsubscribed" if email else "Message Unsubscribed"
    block.events.add(name, ended, until[ended], consent_channel)
    block.events.add(
        "Consent Changed",
        ended,
        until[ended] + SECOND,
        EMAIL if email else APP,
        purpose=marketing,
        status=STATUSES.index("denied"),
        consent_channel=consent_channel,
    )
    return since, until


def _emails(block: Block, mails: Ints, since: Floats, until: Floats) -> None:
    people, rng = block.people, block.rng
    person, campaign = np.nonzero((since[:, None] < mails) & (mails < until[:, None]))
    n = len(person)
    at = mails[campaign] + MINUTE * rng.uniform(0, 40, n)
    number = people.number[person] * PER_PERSON + campaign

    def mail(name: str, some: Flags, when: Floats) -> None:
        who, which = person[some], campaign[some]
        block.events.add(name, who, when[some], EMAIL, email_id=number[some], campaign=which)

    bounced = rng.random(n) < BOUNCED
    interest = people.email_interest[person]
    interest = np.where(at < block.orders.left_at[person], interest, AFTERWARDS * interest)
    opened = ~bounced & (rng.random(n) < interest)
    clicked = opened & (rng.random(n) < 0.2)
    read = at + MINUTE + rng.exponential(5 * HOUR, n)
    mail("Email Bounced", bounced, at)
    mail("Email Delivered", ~bounced, at)
    mail("Email Opened", opened, read)
    mail("Email Link Clicked", clicked, read + MINUTE)


def _pushes(block: Block, pushes: Ints, first: int, since: Floats, until: Floats) -> None:
    """Push messages; `first` is the place of their first campaign's name."""
    people, rng = block.people, block.rng
    person, campaign = np.nonzero((since[:, None] < pushes) & (pushes < until[:, None]))
    n = len(person)
    at = pushes[campaign] + MINUTE * rng.uniform(0, 5, n)
    number = people.number[person] * PER_PERSON + campaign

    def push(name: str, some: Flags, when: Floats) -> None:
        who, which = person[some], first + campaign[some]
        block.events.add(name, who, when[some], PUSH, message_id=number[some], campaign=which)

    here = at < block.orders.left_at[person]
    # Who has left has often removed the app.
    delivered = rng.random(n) < np.where(here, 0.95, 0.4)
    opened = delivered & here & (rng.random(n) < 0.6 * people.email_interest[person])
    clicked = opened & (rng.random(n) < 0.3)
    read = at + MINUTE + rng.exponential(2 * HOUR, n)
    push("Message Sent", np.full(n, True), at)
    push("Message Delivered", delivered, at + 2 * SECOND)
    push("Message Opened", opened, read)
    push("Message Clicked", clicked, read + MINUTE)
