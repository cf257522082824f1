"""What a customer has said about consent, and what it adds up to."""

from collections.abc import Sequence
from datetime import datetime

from features.consents import Consent
from features.instants import moment
from serving.consent import standings
from serving.profile.known import Known
from serving.profile.section import section


@section
class ConsentView:
    """One line of the ledger."""

    purpose: str
    channel: str
    status: str
    """`granted`, `denied`, or `required`: nobody said it, an import rests on consent."""
    at: datetime
    source: str
    """What it came through: a key's name, a mapping's, or `employee`."""
    expires_at: datetime | None
    """From when on a grant no longer holds."""
    carried: bool
    """Whether it came along with an event that was about something else."""
    customer_id: str
    """The id it was said under."""
    event_id: str


@section
class StandingView:
    """What holds for a purpose on a channel."""

    allowed: bool
    said: bool
    """False where it is so by default."""
    reason: str


def consents(statements: Sequence[Consent]) -> tuple[ConsentView, ...]:
    """All statements, oldest first."""
    return tuple(
        ConsentView(
            c.purpose,
            c.channel,
            c.status,
            moment(c.at),
            c.source,
            None if c.expires_at is None else moment(c.expires_at),
            c.carried,
            c.customer_id,
            c.event_id,
        )
        for c in statements
    )


def standing(known: Known) -> dict[str, dict[str, StandingView]]:
    """What holds, by purpose and channel."""
    return {
        purpose: {
            channel: StandingView(s.allowed, s.said, s.reason) for channel, s in channels.items()
        }
        for purpose, channels in standings(known.consents, known.rules, known.at).items()
    }
