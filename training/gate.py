"""The promotion gate: a candidate must not be worse than the champion.

Both are measured on the same customers and period. What may be lost is a share of the
champion's figure, because figures on one period are noisy: with 5,000 customers the standard
deviation of an AUC near .8 is about .006.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TOLERANCE: Final = 0.01
"""The share of the champion's figure that a candidate may lose."""

HIGHER_IS_BETTER: Final = {
    "churn.ours.auc": True,
    "churn.ours.brier": False,
    "value.ours.orders_rmse": False,
    "value.ours.spend_gini": True,
    "next_product.ours.recall@10": True,
}
"""The figures that decide, and whether more of each is better."""


@dataclass(frozen=True)
class Comparison:
    """One figure of the champion and the candidate, and the limit the candidate must keep."""

    metric: str
    champion: float | None
    candidate: float | None
    limit: float | None
    holds: bool

    def __str__(self) -> str:
        if self.champion is None or self.limit is None:
            return f"{self.metric}: the champion has none"
        if self.candidate is None:
            return f"{self.metric}: champion {self.champion:.4f}, the candidate has none"
        word = "at least" if HIGHER_IS_BETTER[self.metric] else "at most"
        return (
            f"{self.metric}: champion {self.champion:.4f}, candidate {self.candidate:.4f}, "
            f"{word} {self.limit:.4f} needed"
        )


def compare(
    champion: Mapping[str, float], candidate: Mapping[str, float], tolerance: float = TOLERANCE
) -> list[Comparison]:
    """The deciding figures side by side.

    A figure that only the candidate has is a gain; one that only the champion has is a loss,
    whatever the tolerance; one that neither has is left out. An undefined figure (NaN, where
    nobody left or nobody stayed) counts as none.

    Arguments:
        champion: metrics of the version that serves.
        candidate: metrics of the one that would, on the same evaluation.
        tolerance: see `TOLERANCE`; negative asks for an improvement.

    >>> for c in compare({"churn.ours.auc": 0.8}, {"churn.ours.auc": 0.78}):
    ...     print(c.holds, c)
    False churn.ours.auc: champion 0.8000, candidate 0.7800, at least 0.7920 needed
    """
    comparisons = []
    for metric, higher in HIGHER_IS_BETTER.items():
        was, now = _defined(champion, metric), _defined(candidate, metric)
        if was is None and now is None:
            continue
        limit = None if was is None else was * (1 - tolerance if higher else 1 + tolerance)
        if limit is None:
            holds = True
        elif now is None:
            holds = False
        else:
            holds = now >= limit if higher else now <= limit
        comparisons.append(Comparison(metric, was, now, limit, holds))
    return comparisons


def _defined(metrics: Mapping[str, float], name: str) -> float | None:
    value = metrics.get(name)
    return None if value is None or math.isnan(value) else value
