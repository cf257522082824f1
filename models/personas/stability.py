"""How many groups, and of which kind: what other customers would show as well."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.personas.clusters import KINDS, Clusters, Kind, fit

Floats = npt.NDArray[np.float64]

STABLE = 0.8
"""Adjusted Rand index from which two groupings count as the same: "good recovery" in Steinley
(2004), and the bound of Tibshirani and Walther (2005) for their prediction strength."""

QUARTILE = 0.25
"""A grouping's stability is what so small a share of its halvings falls short of. The mean would
forgive a grouping that flips between two."""

STILL = 0.1, 0.02
"""What stability and smallest share may lack for a grouping that was chosen last: near the bounds
it would come and go with chance."""

CLEARER = 0.05
"""By so much the silhouette of others must be greater before the last choice is given up."""

LEAST_SHARE = 0.05
"""Share of the customers that a group must have: nobody plans for fewer than one in twenty."""

HALF = 2_500
"""Customers in each half of a halving at most; more would only make what is stable more so."""

SILHOUETTE = 2_000
"""Customers whose silhouette is taken, at most: it costs the square of their number."""


@dataclass(frozen=True)
class Candidate:
    """One number of groups, found in one way."""

    kind: Kind
    groups: int
    stability: float
    silhouette: float
    least_share: float
    """Of the customers in the smallest group."""

    def holds(self, *, again: bool = False) -> bool:
        """Whether it may be chosen; `again` where it was chosen last."""
        stability, share = STILL if again else (0.0, 0.0)
        return self.stability >= STABLE - stability and self.least_share >= LEAST_SHARE - share


def candidates(points: Floats, most: int, halvings: int, seed: int) -> list[Candidate]:
    """Every kind with two groups and more.

    Two disjoint halves of the customers are grouped apart, then all customers are given their
    group by each; the adjusted Rand index (Hubert and Arabie 1985) says how well the two agree.
    That other customers, not the same ones drawn again, show the same groups is the criterion of
    Lange et al. (2004).

    Arguments:
        points: shape (n, traits).
        most: groups at most.
        halvings: how often.
        seed: of halves and starts.
    """
    rng = np.random.default_rng(seed)
    half = min(len(points) // 2, HALF)
    halves = [rng.permutation(len(points))[: 2 * half].reshape(2, half) for _ in range(halvings)]
    sample = rng.permutation(len(points))[:SILHOUETTE]
    return [
        _candidate(points, kind, groups, halves, sample, seed)
        for groups in range(2, most + 1)
        for kind in KINDS
    ]


def chosen(found: Sequence[Candidate], before: tuple[Kind, int] | None = None) -> Candidate | None:
    """The candidate to use; None when none holds.

    Of those that hold, which are all as good as found again, it is the one with the greatest
    silhouette (Rousseeuw 1987). Stability alone would not do: what falls into two clear groups may
    be halved again in a way that is found again. What was chosen last stays, unless another is
    `CLEARER`.
    """
    last = [each for each in found if (each.kind, each.groups) == before]
    holding = [each for each in found if each.holds(again=each in last)]
    if not holding:
        return None
    best = max(holding, key=lambda each: each.silhouette)
    for each in holding:
        if each in last and each.silhouette >= best.silhouette - CLEARER:
            return each
    return best


def _candidate(
    points: Floats,
    kind: Kind,
    groups: int,
    halves: Sequence[npt.NDArray[np.int64]],
    sample: npt.NDArray[np.int64],
    seed: int,
) -> Candidate:
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    agreed = []
    for pair in halves:
        one, other = (fit(points[half], kind, groups, seed).labels(points) for half in pair)
        agreed.append(adjusted_rand_score(one, other))
    labels = fit(points, kind, groups, seed).labels(points)
    several = 1 < len(np.unique(labels[sample])) < len(sample)
    return Candidate(
        kind,
        groups,
        stability=float(np.quantile(agreed, QUARTILE)),
        silhouette=float(silhouette_score(points[sample], labels[sample])) if several else -1.0,
        least_share=float(np.bincount(labels, minlength=groups).min() / len(labels)),
    )


def grouped(
    points: Floats, choice: Candidate | None, seed: int, start: npt.NDArray[np.int64] | None = None
) -> Clusters:
    """The groups of a choice; one of everybody where there is none."""
    if choice is None:
        return Clusters.one(points)
    return fit(points, choice.kind, choice.groups, seed, start)
