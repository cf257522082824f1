"""What a customer was shown and sent, and what came of it, by the events that told of it."""

from datetime import datetime

from features.instants import moment
from serving.profile.past import Past
from serving.profile.section import section


@section
class Times:
    """How often something happened."""

    times: int
    last_at: datetime | None
    """Null when it never did."""


@section
class Responses:
    """What reached the customer, and what they made of it."""

    recommendations_shown: Times
    recommendations_clicked: Times
    offers_shown: Times
    offers_accepted: Times
    offers_declined: Times
    messages_sent: Times
    """On channels other than e-mail, whose events begin with the delivery."""
    messages_delivered: Times
    """E-mails among them, as in what follows."""
    messages_opened: Times
    messages_clicked: Times
    unsubscribed: Times
    """Unsubscribed, or marked as spam."""


EVENTS = {
    "recommendations_shown": ("Recommendation Shown",),
    "recommendations_clicked": ("Recommendation Clicked",),
    "offers_shown": ("Offer Shown",),
    "offers_accepted": ("Offer Accepted",),
    "offers_declined": ("Offer Declined",),
    "messages_sent": ("Message Sent",),
    "messages_delivered": ("Email Delivered", "Message Delivered"),
    "messages_opened": ("Email Opened", "Message Opened"),
    "messages_clicked": ("Email Link Clicked", "Message Clicked"),
    "unsubscribed": ("Unsubscribed", "Message Unsubscribed", "Email Marked as Spam"),
}

NEVER = Times(0, None)


def responses(past: Past) -> Responses:
    """How often each happened."""
    return Responses(**{name: _times(past, events) for name, events in EVENTS.items()})


def _times(past: Past, events: tuple[str, ...]) -> Times:
    last = past.last(*events)
    if last is None:
        return NEVER
    return Times(past.count(*events), moment(int(past.rows.at[last])))
