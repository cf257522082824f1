"""How long events are kept, by type: what is older loses what it says, or goes altogether."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from features.errors import InputError, shown
from features.events.schema import schema
from features.instants import DAY_MS

_MOST_DAYS = 1e6
"""Nothing is older, and an instant could not hold much more."""

EVERY = "*"
"""Stands for every type that is not named."""

SCORES = "scores"
"""Stands for the churn probabilities that were served, which are no events."""

IMPRESSIONS = "impressions"
"""Stands for the recommendations that were shown, likewise."""

UNLIMITED = (
    "Consent Changed",
    "Segment Consent Preference Updated",
    "Unsubscribed",
    "Email Marked as Spam",
    "Message Unsubscribed",
    "Customer Corrected",
)
"""What people said about their data holds until they say otherwise, so it does not age."""


@dataclass(frozen=True)
class Retention:
    """Days by event name; without any, everything is kept.

    Arguments:
        days: by the name of an event type, `scores` for what was served, or `*` for all that are
            not named.
        keep_numbers: whether an aged event's row stays in the timelines: its instant, type,
            channel, product and numbers. Its properties and order id go either way, and the row
            whose number stands for a text.

    Raises:
        InputError: a name is no event type or one that may not age, or days are negative.

    >>> Retention({"Product Viewed": 30}).cutoffs(now=31 * 86_400_000)
    {7: 86400000}
    """

    days: Mapping[str, float] = field(default_factory=dict)
    keep_numbers: bool = True

    def __post_init__(self) -> None:
        for name, days in self.days.items():
            kind = schema().find(name)
            if name not in (EVERY, SCORES, IMPRESSIONS) and (kind is None or kind.internal):
                raise InputError(
                    f"REGULARS_RETAIN_DAYS: no event is named {shown(name)}; "
                    f"features/events/schema.toml lists them, {EVERY!r} means all, "
                    f"{SCORES!r} and {IMPRESSIONS!r} what was served"
                )
            if kind is not None and kind.name in UNLIMITED:
                raise InputError(
                    f"REGULARS_RETAIN_DAYS: {kind.name} may not age: it is what the customer "
                    "said about their data; leave it out"
                )
            if not 0 <= days < _MOST_DAYS:
                raise InputError(f"REGULARS_RETAIN_DAYS, {shown(name)}: {days} days; 0 or more")

    def cutoffs(self, now: int) -> dict[int, int]:
        """By the type's code, the instant before which its events have aged.

        Code 0, of events that the schema does not know, is there under `*`.
        """
        named = {
            kind.code: days
            for name, days in self.days.items()
            if (kind := schema().find(name)) is not None
        }
        if EVERY in self.days:
            others = [e.code for e in schema().events if e.name not in UNLIMITED and not e.internal]
            named = dict.fromkeys((0, *others), self.days[EVERY]) | named
        return {code: now - int(days * DAY_MS) for code, days in sorted(named.items())}

    def cutoff_of(self, what: str, now: int) -> int | None:
        """The instant before which SCORES or IMPRESSIONS have aged, and go; None: they stay."""
        days = self.days.get(what, self.days.get(EVERY))
        return None if days is None else now - int(days * DAY_MS)

    def row_cutoffs(self, now: int) -> dict[int, int]:
        """By the code of a timeline row, lines of orders included, before when it has aged."""
        events = self.cutoffs(now)
        if self.keep_numbers:
            texts = schema().measured_texts
            return {code: before for code, before in events.items() if code in texts}
        lines = {
            schema().code(kind.lines): events[kind.code]
            for kind in schema().events
            if kind.lines is not None and kind.code in events
        }
        return events | lines
