"""What a customer does between orders, a sentence per story; None where figures are missing."""

from features.events.schema import schema
from models.reasons.figures import (
    Figures,
    ago,
    capital,
    count,
    listed,
    number,
    over_time,
    share,
    times,
)

_ORDERED = {"web": "on the website", "app": "in the app", "store": "in the store"}
_SEEN = {**_ORDERED, "email": "by e-mail", "push": "by push message", "sms": "by text message"}
_SEEN |= {"chat": "in the chat", "phone": "on the telephone", "post": "by post"}

MONTHS = "in the last 90 days"
MONTH = "in the last 30"


def sessions(of: Figures) -> str | None:
    """How often somebody looked around in the shop."""
    spans = _spans(of, "engagement_browsing_sessions")
    told = over_time(spans, times, again=times, none="not")
    if told is None:
        return None
    return f"Browsed {told}" if spans[0][1] else "Has not browsed in the last 90 days"


def views(of: Figures) -> str | None:
    """How many products were looked at."""
    told = over_time(_spans(of, "engagement_views"), lambda n: count(n, "product"))
    return told and f"Viewed {told}"


def searches(of: Figures) -> str | None:
    """How often somebody searched."""
    told = over_time(_spans(of, "engagement_searches"), lambda n: count(n, "search", "searches"))
    return told and capital(told)


def activity(of: Figures) -> str | None:
    """When somebody last looked at anything."""
    since = of("engagement_activity_days_since_last")
    return None if since is None else f"Last looked at the shop or a message {ago(since)}"


def store_visits(of: Figures) -> str | None:
    """How often somebody came to the store."""
    told = over_time(_spans(of, "engagement_visits"), lambda n: count(n, "visit"))
    return told and capital(told).replace(" in", " to the store in", 1)


def carts(of: Figures) -> str | None:
    """How much was put into the cart."""
    told = over_time(_spans(of, "engagement_carts"), lambda n: count(n, "product"))
    return told and f"Put {told.replace(' in', ' into the cart in', 1)}"


def wishes(of: Figures) -> str | None:
    """How much was put on the wishlist."""
    told = over_time(_spans(of, "engagement_wishes"), lambda n: count(n, "product"))
    return told and f"Put {told.replace(' in', ' on the wishlist in', 1)}"


def checkouts(of: Figures) -> str | None:
    """How often somebody went to the checkout."""
    begun = of("engagement_checkouts_30d")
    return None if begun is None else f"Started {count(begun, 'checkout')} in the last 30 days"


def emails(of: Figures) -> str | None:
    """What became of the e-mails."""
    return _messages(of, "email", "e-mail")


def push(of: Figures) -> str | None:
    """What became of the push messages."""
    return _messages(of, "push", "push message")


def texts(of: Figures) -> str | None:
    """What became of the text messages; nobody sees whether they are read."""
    sent, clicked = of("engagement_sms_delivered_90d"), of("engagement_sms_clicked_90d")
    if sent is None:
        return None
    told = capital(f"{count(sent, 'text message')} {MONTHS}")
    return f"{told}, clicked {times(clicked)}" if clicked else told


def _messages(of: Figures, channel: str, noun: str) -> str | None:
    sent, opened, clicked = (
        of(f"engagement_{channel}_{step}_90d") for step in ("delivered", "opened", "clicked")
    )
    if sent is None or opened is None:
        return None
    mails, several = count(sent, noun), number(sent) != "1"
    if not opened:
        if not sent:
            return f"No {noun} {MONTHS}"
        told = f"Opened none of the {mails}" if several else f"Did not open the one {noun}"
    elif opened > sent:  # one is opened several times, or its delivery was not reported
        return f"Opened {noun}s {times(opened)} {MONTHS}"
    elif opened == sent:
        told = f"Opened all {mails}" if several else f"Opened the one {noun}"
    else:
        told = f"Opened {number(opened)} of the {mails}"
    told = f"{told} of the last 90 days"
    return f"{told}, clicked {times(clicked)}" if clicked else told


def unsubscribed(of: Figures) -> str | None:
    """That somebody had enough."""
    ended = of("engagement_unsubscribes_life")
    return f"Unsubscribed or reported spam {times(ended)}" if ended else None


def bought_where(of: Figures) -> str | None:
    """In which channels somebody orders."""
    shares = [(of(f"channel_{name}_share") or 0.0, where) for name, where in _ORDERED.items()]
    there = sorted((each for each in shares if each[0] > 0), reverse=True)
    if not there:
        return None
    if there[0][0] >= 1:
        return f"Orders only {there[0][1]}"
    return f"Orders {listed([f'{share(part)} {where}' for part, where in there])}"


def seen_where(of: Figures) -> str | None:
    """In which channels somebody is met."""
    last, several = of("channel_touch_last"), of("channel_touch_distinct_365d")
    where = _SEEN.get(_channels().get(-1 if last is None else round(last), ""))
    if where is None:
        return None
    if several is None or several < 1:
        return f"Last seen {where}"
    if round(several) == 1:
        return f"Seen in the last year only {where}"
    return f"Seen in {number(several)} channels in the last year, last {where}"


def _channels() -> dict[int, str]:
    return {code: name for name, code in schema().channels.items()}


def _spans(of: Figures, stem: str) -> list[tuple[str, float | None]]:
    return [(MONTHS, of(f"{stem}_90d")), (MONTH, of(f"{stem}_30d"))]
