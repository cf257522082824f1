"""BG/NBD and MBG/NBD: customers may leave after any purchase; in the second also after the first.

Sources: Fader, Hardie and Lee (2005), "Counting your customers" the easy way; Batislam, Denizel
and Filiztekin (2007), Empirical validation and comparison of models for customer base analysis.
"""

from typing import ClassVar

import numpy as np
from scipy.special import betaln, gammaln, hyp1f1, hyp2f1

from models.purchases.counts import Counts, Floats
from models.purchases.model import PurchaseModel


class BgNbd(PurchaseModel):
    """Gamma(r, α) distributed rates; after each repeat purchase one leaves with Beta(a, b).

    Whoever has bought once is always alive in it: it has no place to leave before the second.
    """

    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    first: ClassVar[int] = 0
    """Chances to leave before the first repeat purchase."""

    def _log_likelihood(self, parameters: Floats, counts: Counts) -> Floats:
        r, alpha, a, b = parameters
        x, chances = counts.frequency, counts.frequency + self.first
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
        stayed = betaln(a, b + chances) - (r + x) * np.log(alpha + counts.age)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = betaln(a + 1, b + chances - 1) - (r + x) * np.log(alpha + counts.recency)
        left = np.where(chances > 0, left, -np.inf)
        out: Floats = common + np.logaddexp(stayed, left)
        return out

    def _alive(self, parameters: Floats, counts: Counts) -> Floats:
        r, alpha, a, b = parameters
        chances = counts.frequency + self.first
        grown = (r + counts.frequency) * np.log((alpha + counts.age) / (alpha + counts.recency))
        odds = a / np.maximum(b + chances - 1, 1e-300) * np.exp(np.minimum(grown, 700))
        out: Floats = np.where(chances > 0, 1 / (1 + odds), 1.0)
        return out

    def _silent(self, parameters: Floats, counts: Counts, weeks: float) -> Floats:
        r, alpha, _, _ = parameters
        out: Floats = (1 + weeks / (alpha + counts.age)) ** -(r + counts.frequency)
        return out

    def _orders(self, parameters: Floats, counts: Counts, weeks: float) -> Floats:
        r, alpha, a, b = parameters
        x, chances = counts.frequency, counts.frequency + self.first
        whole = alpha + counts.age + weeks
        # E[(orders while alive)] of a Gamma-mixed rate and a Beta-mixed chance to leave
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            series = hyp2f1(r + x, b + chances, a + b + chances - 1, weeks / whole)
            shrunk = ((alpha + counts.age) / whole) ** (r + x) * series
            # customers of one rate have an r without end, where the series overflows: its limit
            rate = (r + x) / (alpha + counts.age)
            limit = hyp1f1(a - 1, a + b + chances - 1, -rate * weeks)
            shrunk = np.where(np.isfinite(shrunk), shrunk, limit)
            while_alive = (a + b + chances - 1) / (a - 1) * (1 - shrunk)
        if abs(a - 1) < 1e-6:
            return self._orders(np.array([r, alpha, 1 + 2e-6, b]), counts, weeks)
        out: Floats = self._alive(parameters, counts) * while_alive
        return out


class MbgNbd(BgNbd):
    """BG/NBD with a chance to leave after the very first purchase, too."""

    first: ClassVar[int] = 1
