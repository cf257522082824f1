"""All features, one file per family; a new feature is one entry in one of them."""

from features.definitions import (
    cadence,
    channel,
    engagement,
    experience,
    loyalty,
    preference,
    purchase,
)
from features.definitions.feature import Aggregation, Feature, Number

FEATURES: tuple[Feature, ...] = (
    *purchase.FEATURES,
    *cadence.FEATURES,
    *engagement.FEATURES,
    *preference.FEATURES,
    *experience.FEATURES,
    *loyalty.FEATURES,
    *channel.FEATURES,
)
"""Every declared feature, in the order of the matrix's columns."""

__all__ = ["FEATURES", "Aggregation", "Feature", "Number"]
