"""Why a model says what it says: a feature's meaning with the customer's own figure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from features.definitions import FEATURES, Feature


@dataclass(frozen=True)
class ChurnReason:
    """One feature that moved a customer's churn risk."""

    feature: str
    contribution: float
    """Change of the log odds of leaving; above 0 raises the risk."""
    text: str
    """"Days since the last order: 71"."""


def reasons(
    contributions: Mapping[str, float], values: Mapping[str, float], limit: int
) -> list[ChurnReason]:
    """The features that moved a customer's score most, strongest first.

    Those whose figure says nothing to a reader are left out.

    Arguments:
        contributions: of each feature to the score.
        values: the customer's features.
        limit: how many reasons at most.
    """
    moved = {name: each for name, each in contributions.items() if each != 0 and speaks(name)}
    strongest = sorted(moved, key=lambda name: (-abs(moved[name]), name))[:limit]
    return [ChurnReason(name, moved[name], sentence(name, values[name])) for name in strongest]


def speaks(feature: str) -> bool:
    """Whether a feature's figure means something to a reader; a category's number does not."""
    declared = _declared().get(feature)
    return declared is None or not declared.unit.endswith((" index", " code"))


def sentence(feature: str, value: float) -> str:
    """A feature's meaning and value, in words; the plain name if nobody declares it.

    >>> sentence("cadence_order_days_since_last", 71.2)
    'Days since the last order: 71'
    """
    declared = _declared().get(feature)
    meaning = declared.meaning if declared else feature.replace("_", " ")
    return f"{meaning}: {figure(value, declared.unit if declared else '')}"


@cache
def _declared() -> dict[str, Feature]:
    return {feature.name: feature for feature in FEATURES}


def figure(value: float, unit: str) -> str:
    """A value as it is read, by the unit of its feature."""
    if math.isnan(value):
        return "not known"
    if unit == "share":
        return f"{value:.0%}"
    if unit == "money":
        return f"{value:,.2f}"
    if unit == "times" or (abs(value) < 10 and not float(value).is_integer()):
        return f"{value:.1f}"
    return f"{value:,.0f}"
