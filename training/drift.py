"""How far figures have moved from those of the training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

Floats = npt.NDArray[np.floating]

BINS: Final = 10
"""Of a population stability index; its usual limits are told for ten."""

SMALL: Final = 0.1
LARGE: Final = 0.25
"""Below 0.1 a population counts as the same, from 0.25 on as another (Siddiqi 2006, p. 137)."""

SURE: Final = 0.999
"""How improbable a deviation must be by chance: some twenty indices are looked at every day."""


def population_stability(expected: Floats, actual: Floats, bins: int = BINS) -> float:
    """The population stability index: Σ (a − e) ln(a / e) over the shares of bins.

    Bins are quantiles of the expected; a value that fills a whole bin (0 orders, say) has one of
    its own, and NaN has one. Half a count is added to each bin that anybody is in, so that one
    that is empty on one side gives no infinity. Source: Siddiqi, *Credit Risk Scorecards*, 2006.

    Arguments:
        expected: values of the training, shape (n,); NaN where undefined.
        actual: values of now, shape (m,).
        bins: quantiles of the expected.

    Returns:
        0 where both are spread alike; NaN where one of them is empty.

    >>> population_stability(np.arange(1000.0), np.arange(1000.0))
    0.0
    >>> population_stability(np.arange(1000.0), np.arange(1000.0) + 500) > LARGE
    True
    """
    if not len(expected) or not len(actual):
        return float("nan")
    edges = _edges(expected, bins)
    before, now = _counts(expected, edges), _counts(actual, edges)
    used = (before + now) > 0
    e, a = ((count[used] + 0.5) / (count.sum() + 0.5 * used.sum()) for count in (before, now))
    return float(((a - e) * np.log(a / e)).sum())


def by_chance(expected: int, actual: int, bins: int = BINS) -> float:
    """What the index of two samples of one population stays below, but for one case in a thousand.

    Their index is about (1/n + 1/m) χ² of one degree less than there are bins (Yurdakul and
    Naranjo, Journal of Risk Model Validation 14, 2020): 100 customers a day reach .3 by chance.
    """
    return float((1 / expected + 1 / actual) * chi2.ppf(SURE, bins))  # NaN has a bin as well


def _edges(expected: Floats, bins: int) -> Floats:
    """Upper bounds of all bins but the last, each in its bin."""
    finite = expected[~np.isnan(expected)].astype(np.float64)
    if not len(finite):
        return np.empty(0)
    inner = np.quantile(finite, np.arange(1, bins) / bins, method="inverted_cdf")
    values, counts = np.unique(inner, return_counts=True)
    whole = values[counts > 1]
    return np.unique(np.concatenate([values, np.nextafter(whole, -np.inf)]))


def _counts(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """How many are in each bin; NaN comes last."""
    missing = np.isnan(values)
    place = np.where(missing, len(edges) + 1, np.searchsorted(edges, values.astype(np.float64)))
    return np.bincount(place, minlength=len(edges) + 2)


@dataclass(frozen=True)
class Drift:
    """One column against training."""

    name: str
    stability: float
    """`population_stability`."""
    before: float
    """Mean where it is defined, in training."""
    now: float
    undefined_before: float
    """Share of NaN in training."""
    undefined_now: float

    @property
    def verdict(self) -> str:
        """In one word."""
        if not self.stability >= SMALL:
            return "steady"
        return "moved" if self.stability < LARGE else "another"


def drifts(
    names: Sequence[str], expected: npt.NDArray[np.float32], actual: npt.NDArray[np.float32]
) -> list[Drift]:
    """Every column against training, the worst first.

    Arguments:
        names: of the columns.
        expected: what was trained on, shape (n, columns).
        actual: what is there now, shape (m, columns).
    """
    found = [drift(name, expected[:, i], actual[:, i]) for i, name in enumerate(names)]
    return sorted(found, key=lambda each: (-each.stability, each.name))


def drift(name: str, expected: Floats, actual: Floats) -> Drift:
    """One column against training."""
    return Drift(
        name,
        population_stability(expected, actual),
        _mean(expected),
        _mean(actual),
        float(np.isnan(expected).mean()) if len(expected) else 0.0,
        float(np.isnan(actual).mean()) if len(actual) else 0.0,
    )


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else float("nan")
