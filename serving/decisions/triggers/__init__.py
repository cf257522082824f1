"""The triggers that run; a new one is a file here and a line in this list."""

from serving.decisions.triggers.stalled_checkout import StalledCheckout
from serving.decisions.triggers.trigger import Finding, Trigger

__all__ = ["TRIGGERS", "Finding", "StalledCheckout", "Trigger"]

TRIGGERS: tuple[Trigger, ...] = (StalledCheckout(),)
