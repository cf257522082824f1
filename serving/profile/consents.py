"""What a customer has said about consent."""

from collections.abc import Sequence
from datetime import datetime

from features.instants import moment
from serving.profile.section import section
from serving.store import Consent


@section
class ConsentView:
    """One statement of the customer."""

    purpose: str
    channel: str
    status: str
    at: datetime


def consents(statements: Sequence[Consent]) -> tuple[ConsentView, ...]:
    """All statements, oldest first."""
    return tuple(ConsentView(c.purpose, c.channel, c.status, moment(c.at)) for c in statements)
