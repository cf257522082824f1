"""How far figures have moved from what a model was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

SMALL: Final = 0.1
LARGE: Final = 0.25
"""Below 0.1 a population counts as the same, from 0.25 on as another (Siddiqi 2006, p. 137)."""


def population_stability(expected: Floats, actual: Floats, bins: int = 10) -> float:
    """The population stability index: Jeffreys' divergence of two samples over bins.

    Bins are quantiles of the expected sample. A value that is a bin's edge (0 orders, say) has a
    bin of its own, and so has NaN. Half a row is added to each bin, so that an empty one is no
    infinity. Source: Siddiqi, *Credit Risk Scorecards*, 2006; Kullback and Leibler 1951.

    Arguments:
        expected: what was trained on, shape (n,); NaN where undefined.
        actual: what is there now, shape (m,).
        bins: how many quantiles.

    Returns:
        0 where both are spread alike; NaN where one of them is empty.
    """
    if not len(expected) or not len(actual):
        return float("nan")
    known = expected[~np.isnan(expected)]
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else known
    most = 2 * len(edges) + 2
    before, now = (
        np.bincount(_bin(values, edges), minlength=most) for values in (expected, actual)
    )
    used = (before + now) > 0
    shares = [(count[used] + 0.5) / (count.sum() + 0.5 * used.sum()) for count in (before, now)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def _bin(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """Between edge i - 1 and i is 2 i, on edge i is 2 i + 1; NaN comes last."""
    place = np.searchsorted(edges, values, "left") + np.searchsorted(edges, values, "right")
    return np.where(np.isnan(values), 2 * len(edges) + 1, place).astype(np.int64)


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
