"""Pareto/NBD: customers leave at rates of their own, whether they buy or not.

Sources: Schmittlein, Morrison and Colombo (1987), Counting your customers; Fader and Hardie
(2005), A note on deriving the Pareto/NBD model and related expressions.
"""

from typing import ClassVar

import numpy as np
from scipy.special import gammaln

from models.purchases.counts import Counts, Floats
from models.purchases.model import PurchaseModel

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


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
        out: Floats = stays + weeks / 2 * _integral(leaving)
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
    """Log A₀ of Fader and Hardie (2005), the weight of having left since the last purchase.

    It is (r + s + x) ∫ (α + τ)^-(r + x) (β + τ)^-(s + 1) dτ from the last purchase to now. Their
    hypergeometric series overflows where α and β are far apart; Gauss-Legendre does not, in a
    variable in which a single power, of the same value, slope and tail, would be a constant.
    """
    r, alpha, s, beta = parameters
    buys, leaves = r + counts.frequency, s + 1
    last, rate, gone = counts.recency, alpha + counts.recency, beta + counts.recency
    whole = buys + s
    scale = (buys + leaves) / (buys / rate + leaves / gone)
    end = np.expm1(-whole * np.log1p((counts.age - last) / scale))  # -1 < end ≤ 0
    moved = np.log1p(end * (_NODES + 1)[:, None] / 2) / -whole
    since = scale * np.expm1(moved)
    power = (
        -buys * np.log1p(since / rate)
        - leaves * np.log1p(since / gone)
        + (buys + leaves) * np.log1p(since / scale)
    )
    with np.errstate(divide="ignore"):
        weight = np.log(_integral(np.exp(power))) + np.log(-end * scale / 2)
    out: Floats = weight - buys * np.log(rate) - leaves * np.log(gone)
    return out


def _integral(values: Floats) -> Floats:
    """Gauss-Legendre's sum over the nodes, values of shape (nodes, customers).

    Not by a matrix product, whose last digit depends on how many customers there are.
    """
    out: Floats = (_WEIGHTS[:, None] * values).sum(axis=0)
    return out
