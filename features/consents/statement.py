"""One line of the consent ledger; lines are added, never changed."""

from dataclasses import dataclass, field
from typing import Final, Literal

SERVICE: Final = "service"
"""Messages that the contract needs: an order's confirmation, a recall."""

MARKETING: Final = "marketing"
"""Messages that want to sell."""

PERSONALISATION: Final = "personalisation"
"""Showing a person what their own past suggests."""

PROFILING: Final = "profiling"
"""Scoring a person, and learning from them."""

LOCATION: Final = "location"
"""Using where a person is."""

ConsentStatus = Literal["granted", "denied", "required"]

REQUIRED: Final = "required"
"""The status of a line that nobody said: these data were imported on the basis of consent, so
that the purpose needs one whatever the shop's own basis for it is."""

ALL_CHANNELS: Final = "all"
"""The channel of a consent that was given or denied without naming one."""


@dataclass(frozen=True)
class Consent:
    """One statement: this purpose, on this channel, from this instant."""

    purpose: str
    channel: str
    status: ConsentStatus
    at: int
    event_id: str
    """The event that said so; a statement is kept once per event."""
    source: str = "api"
    """What the event came through: a write key's name, or a mapping's."""
    expires_at: int | None = None
    """From when on a grant no longer holds; of a denial it means nothing."""
    carried: bool = False
    """Whether it came along with an event that was about something else: a banner's categories
    come along with every event, and say something new only where they change."""
    together: tuple[str, ...] = ()
    """Further customer ids that its event carried: it speaks for them, too."""
    customer_id: str = field(default="", compare=False)
    """The id it was made under; given by whoever reads it."""
    joined_at: int | None = field(default=None, compare=False)
    """Since when that id is known to be this person's; None for their leading one."""
