"""Pareto/NBD: customers leave at rates of their own, whether they buy or not.

Sources: Schmittlein, Morrison and Colombo (1987), Counting your customers; Fader and Hardie
(2005), A note on deriving the Pareto/NBD model and related expressions.
"""

from typing import ClassVar

import numpy as np
from scipy.special import gammaln

from models.purchases.counts import Counts, Floats
from models.purchases.model import PurchaseModel

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)

_FADED = 40.0
"""In logs; what is left of an integrand that has fallen so far is nothing."""


class ParetoNbd(PurchaseModel):
    """Gamma(r, α) distributed rates of buying, Gamma(s, β) distributed rates of leaving."""

    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")

    def _log_likelihood(self, parameters: Floats, counts: Counts) -> Floats:
        r, alpha, s, beta = parameters
        x = counts.frequency
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        stayed = -(r + x) * np.log(alpha + counts.age) - s * np.log(beta + counts.age)
        left = np.log(s) - np.log(r + s + x) + _log_departure(parameters, counts)
        out: Floats = common + np.logaddexp(stayed, left)
        return out

    def _alive(self, parameters: Floats, counts: Counts) -> Floats:
        r, alpha, s, beta = parameters
        x = counts.frequency
        odds = (
            np.log(s)
            - np.log(r + s + x)
            + (r + x) * np.log(alpha + counts.age)
            + s * np.log(beta + counts.age)
            + _log_departure(parameters, counts)
        )
        out: Floats = 1 / (1 + np.exp(np.minimum(odds, 700)))
        return out

    def _silent(self, parameters: Floats, counts: Counts, weeks: float) -> Floats:
        """By the law of total probability over the moment of leaving, by Gauss-Legendre."""
        r, alpha, s, beta = parameters
        buys, rate, leaves = r + counts.frequency, alpha + counts.age, beta + counts.age
        stays = (1 + weeks / leaves) ** -s * (1 + weeks / rate) ** -buys
        moments = (weeks / 2 * (_NODES + 1))[:, None]
        leaving = s / leaves * (1 + moments / leaves) ** -(s + 1) * (1 + moments / rate) ** -buys
        out: Floats = stays + weeks / 2 * (_WEIGHTS @ leaving)
        return out

    def _orders(self, parameters: Floats, counts: Counts, weeks: float) -> Floats:
        r, alpha, s, beta = parameters
        if abs(s - 1) < 1e-6:
            return self._orders(np.array([r, alpha, 1 + 2e-6, beta]), counts, weeks)
        leaves = beta + counts.age
        rate = (r + counts.frequency) / (alpha + counts.age)
        span = leaves / (s - 1) * (1 - (leaves / (leaves + weeks)) ** (s - 1))
        out: Floats = self._alive(parameters, counts) * rate * span
        return out


def _log_departure(parameters: Floats, counts: Counts) -> Floats:
    """Log A₀ of Fader and Hardie (2005): the weight of having left since the last purchase.

    As the integral that A₀ is short for, by Gauss-Legendre: the difference of two hypergeometric
    functions loses all digits for customers with a hundred purchases. The integrand falls at least
    as fast as a power of r + x, so it is followed until it has fallen by `_FADED`.
    """
    r, alpha, s, beta = parameters
    fall = r + counts.frequency
    begin = np.log(alpha + counts.recency)
    width = np.minimum(np.log(alpha + counts.age) - begin, _FADED / fall)
    moved = width * (_NODES[:, None] + 1) / 2  # of log(α + time), from its begin
    since = np.exp(begin + moved)
    logs = (1 - fall) * moved - (s + 1) * np.log(np.maximum(beta + since - alpha, 1e-300))
    highest = logs.max(axis=0)
    with np.errstate(divide="ignore"):
        whole = highest + np.log(_WEIGHTS @ np.exp(logs - highest)) + np.log(width / 2)
    out: Floats = np.log(r + s + counts.frequency) + (1 - fall) * begin + whole
    return np.where(np.isfinite(out), out, -700.0)
