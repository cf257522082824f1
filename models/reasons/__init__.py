"""Why a model says what it says, in sentences with the customer's own figures."""

from models.reasons.figures import figure, sentence
from models.reasons.reason import LIMIT, Reason, grouped, reasons

__all__ = ["LIMIT", "Reason", "figure", "grouped", "reasons", "sentence"]
