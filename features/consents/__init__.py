"""What people allow: a ledger of statements, and what they add up to at an instant."""

from features.consents.reading import consents_of
from features.consents.rules import ConsentRules
from features.consents.standing import Standing, standing
from features.consents.statement import (
    ALL_CHANNELS,
    LOCATION,
    MARKETING,
    PERSONALISATION,
    PROFILING,
    REQUIRED,
    SERVICE,
    Consent,
    ConsentStatus,
)

__all__ = [
    "ALL_CHANNELS",
    "LOCATION",
    "MARKETING",
    "PERSONALISATION",
    "PROFILING",
    "REQUIRED",
    "SERVICE",
    "Consent",
    "ConsentRules",
    "ConsentStatus",
    "Standing",
    "consents_of",
    "standing",
]
