"""A checkout that has stopped: offer help by chat."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.consents import MARKETING
from features.events.event import Event
from features.events.schema import schema
from features.instants import moment
from features.timeline import Timeline
from serving.decisions.triggers.trigger import Finding

MINUTE_MS = 60_000


@dataclass(frozen=True)
class StalledCheckout:
    """Three minutes after the last step of a checkout, when no order has followed."""

    name: str = "stalled_checkout"
    purpose: str = MARKETING
    channel: str = "chat"
    silence_ms: int = 3 * MINUTE_MS
    """Silence after a step that counts as stalled; people fill in an address in less."""
    too_late_ms: int = 60 * MINUTE_MS
    """Silence after which the customer has left and a chat would reach nobody."""
    cooldown_ms: int = 24 * 60 * MINUTE_MS
    """One offer of help a day."""

    def due_at(self, event: Event) -> int | None:
        """Three minutes after each step."""
        return event.timestamp + self.silence_ms if event.type in self._steps else None

    def look(self, timeline: Timeline, at: int) -> Finding | None:
        """Still silent, and no order since the checkout began?

        Some shops send a last step after the order, so an order counts from the checkout's
        start on, not only from its last step.
        """
        past = timeline.until(at)
        steps = past.at[np.isin(past.type, self._steps)]
        if not len(steps) or at - steps[-1] < self.silence_ms:
            return None
        starts = past.at[past.type == self._start]
        began = int(starts[-1]) if len(starts) else int(steps[-1])
        if (past.at[past.type == self._order] >= began).any():
            return None
        silent = at - int(steps[-1])
        return Finding(
            f"the checkout's last step was at {moment(steps[-1]):%H:%M} UTC, "
            f"{silent // MINUTE_MS} minutes ago, and no order has followed",
            too_late=silent > self.too_late_ms,
        )

    @cached_property
    def _steps(self) -> list[int]:
        return [
            schema().code(name)
            for name in (
                "Checkout Started",
                "Checkout Step Viewed",
                "Checkout Step Completed",
                "Payment Info Entered",
            )
        ]

    @cached_property
    def _start(self) -> int:
        return schema().code("Checkout Started")

    @cached_property
    def _order(self) -> int:
        return schema().code("Order Completed")
