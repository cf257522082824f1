"""A consent banner's categories, as Segment's clients stamp them on every event.

Source: Segment's consent management, the consent object.
"""

from collections.abc import Mapping
from typing import Any

from features.errors import EventError
from features.events import values
from features.events.rules import PREFERENCES

__all__ = ["PREFERENCES", "UPDATED", "preferences_of"]

UPDATED = "Segment Consent Preference Updated"
"""The event that is about nothing else."""


def preferences_of(message: Mapping[str, Any]) -> dict[str, bool] | None:
    """What `context.consent.categoryPreferences` of a message says; None when it is absent.

    Segment takes a category that is absent for denied; here what was never said is neutral.

    Raises:
        EventError: it is no object of true and false.
    """
    context = message.get("context")
    consent = context.get("consent") if isinstance(context, dict) else None
    if consent is None:
        return None
    if not isinstance(consent, dict):
        raise EventError("context.consent", consent, "no object")
    given = consent.get("categoryPreferences")
    if given is None:
        return None
    return values.preferences("context.consent.categoryPreferences", given)
