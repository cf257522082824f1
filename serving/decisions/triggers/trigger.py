"""What a trigger is."""

from dataclasses import dataclass
from typing import Protocol

from features.events.event import Event
from features.timeline import Timeline


@dataclass(frozen=True)
class Finding:
    """What a trigger saw when it looked."""

    reason: str
    """In words that may be read to the customer."""
    too_late: bool = False
    """It was so, but so long ago that stepping in would be odd."""


class Trigger(Protocol):
    """Watches events and asks for a look at the customer; looks, and says what it found.

    Triggers hold no state: everything they know is in the event or in the timeline.
    """

    @property
    def name(self) -> str:
        """Its name in timers and decisions; stored, so it never changes."""
        ...

    @property
    def purpose(self) -> str:
        """The purpose of its message, which the customer must have consented to."""
        ...

    @property
    def channel(self) -> str:
        """The channel of its message."""
        ...

    @property
    def too_late_ms(self) -> int:
        """After how long stepping in is odd; an event told of later than that wakes nobody."""
        ...

    @property
    def cooldown_ms(self) -> int:
        """How long it stays silent towards a customer after it has sent."""
        ...

    def due_at(self, event: Event) -> int | None:
        """When to look after this event; None when the event does not concern it."""
        ...

    def look(self, timeline: Timeline, at: int) -> Finding | None:
        """What is to be said at this instant; None when there is nothing."""
        ...
