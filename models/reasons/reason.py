"""Why a model says what it says: what moved one customer's score, in sentences."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from models.reasons.figures import Figures
from models.reasons.groups import Phrase, story

LIMIT = 5
"""Reasons at most; more are not read."""

LEAST = 0.03
"""Share of all that moved the score from which on something is a reason; the rest is noise."""


@dataclass(frozen=True)
class Reason:
    """One thing about a customer that moved their score."""

    group: str
    """The features behind it, by a name of `models.reasons.groups.GROUPS`."""
    contribution: float
    """Their share of how far the score is from everybody's, in the model's own unit (the log odds
    of leaving, for churn); above 0 it raises the score."""
    text: str
    """"Usually orders every 32 days, silent for 71"."""


def reasons(
    contributions: Mapping[str, float], values: Mapping[str, float], limit: int = LIMIT
) -> list[Reason]:
    """What moved a customer's score most, strongest first; correlated features are one reason.

    What has nothing to say, for want of figures, gives way to the next; what moved hardly anything
    is left out.

    Arguments:
        contributions: of each feature to the score, as exact Shapley values (Lundberg et al. 2018).
        values: the customer's features; they may be more than those that contributed.
        limit: how many reasons at most.
    """
    of = Figures(values)
    told = _moved(contributions, of)
    totals = {group: sum(phrases.values()) for group, phrases in told.items()}
    least = LEAST * sum(map(abs, totals.values()))
    out: list[Reason] = []
    for group in sorted(totals, key=lambda each: (-abs(totals[each]), each)):
        if len(out) >= limit or abs(totals[group]) <= least:
            break
        text = _text(told[group], totals[group], of)
        if text is not None:
            out.append(Reason(group, totals[group], text))
    return out


def grouped(contributions: Mapping[str, float], values: Mapping[str, float]) -> dict[str, float]:
    """What each group of features contributed, told or not; they add up to the whole."""
    told = _moved(contributions, Figures(values))
    return {group: sum(phrases.values()) for group, phrases in told.items()}


def _moved(contributions: Mapping[str, float], of: Figures) -> dict[str, dict[Phrase, float]]:
    out: dict[str, dict[Phrase, float]] = defaultdict(lambda: defaultdict(float))
    for feature, contribution in contributions.items():
        group, phrase = story(feature, of)
        out[group][phrase] += contribution
    return out


def _text(phrases: Mapping[Phrase, float], total: float, of: Figures) -> str | None:
    """The sentence that speaks of what moved the score most, in the group's direction."""
    sign = 1 if total > 0 else -1
    for phrase in sorted(phrases, key=lambda each: -sign * phrases[each]):
        if sign * phrases[phrase] <= 0:
            break
        text = phrase.tell(of)
        if text is not None:
            return text
    return None
