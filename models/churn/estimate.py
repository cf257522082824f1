"""A probability and how sure it is."""

from dataclasses import dataclass

from models.churn.base import Floats

LEVEL = 0.9
"""Of intervals: nine of ten groups of customers like these leave at a rate inside."""


@dataclass(frozen=True)
class Estimate:
    """P(no order in the horizon) with an interval, each of shape (n,)."""

    probability: Floats
    low: Floats
    high: Floats
