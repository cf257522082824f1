"""Gamma-Gamma: what a customer's orders are worth, shrunk towards everybody's.

Source: Fader and Hardie (2013), The Gamma-Gamma model of monetary value; their equations (1a) and
(5). An order's value is Gamma(p, ν) about a customer's own level, and ν is Gamma(q, γ) in the
population; how much somebody spends is independent of how often.
"""

import math
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from features.errors import InputError, NotEnoughDataError
from models.purchases.counts import Floats
from models.purchases.model import MIN_CUSTOMERS

_LOG_BOUND = 12.0
"""Parameters lie between exp(-12) and exp(12) times the median order."""

_FAR_OUT = 10.0
"""A mean this many times that of the hundredth customer from the top counts as just so far out: one
order of 70,000 in a shop of 30 says nothing of the others', while wholesalers are told as such."""

_SLOPE = 0.01
"""Pull of the parameters towards 1: when all orders are worth the same they have no maximum."""


class GammaGamma:
    """Expected value of a customer's orders from how many there were and their mean."""

    names: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")

    def __init__(self, parameters: Sequence[float] = (), most: float = math.inf) -> None:
        self.parameters_: tuple[float, ...] = tuple(map(float, parameters))
        self.most_ = float(most)
        """The largest mean that is believed; larger ones count as this."""

    def fit(self, orders: Floats, mean_value: Floats) -> Self:
        """Find the parameters by maximum likelihood.

        Arguments:
            orders: how many orders each customer made, shape (customers,).
            mean_value: their mean, in any currency; whoever has none above 0 (returned all of
                it, or got it for nothing) says nothing and is left out.

        Raises:
            NotEnoughDataError: fewer than MIN_CUSTOMERS customers have spent anything.
        """
        x, m = _checked(orders, mean_value)
        told = (x > 0) & (m > 0)
        if int(told.sum()) < MIN_CUSTOMERS:
            raise NotEnoughDataError(
                f"{int(told.sum())} customers with orders of a value above 0 are too few for a "
                f"spend model; at least {MIN_CUSTOMERS} are needed: send the value of orders"
            )
        x, m = x[told], m[told]
        low, self.most_ = reach(m)
        m = np.clip(m, low, self.most_)
        unit = float(np.median(m))

        def loss(logs: Floats) -> float:
            within = np.clip(logs, -_LOG_BOUND, _LOG_BOUND)
            with np.errstate(all="ignore"):
                value = float(np.mean(_log_likelihood(np.exp(within), x, m / unit)))
            strayed = float(np.abs(logs - within).sum()) + _SLOPE * float(logs @ logs) / len(x)
            return strayed - value if np.isfinite(value) else 1e10

        found = minimize(loss, np.array([0.5, 1.0, 0.5]), method="Nelder-Mead", options=_SEARCH)
        p, q, gamma = np.exp(np.clip(found.x, -_LOG_BOUND, _LOG_BOUND))
        self.parameters_ = (float(p), float(q), float(gamma) * unit)
        return self

    def value(self, orders: Floats, mean_value: Floats) -> Floats:
        """Expected value of one order of each customer, shape (customers,).

        That of the population for whoever has spent nothing yet.
        """
        p, q, gamma = self._fitted
        x, m = _checked(orders, mean_value)
        told = (x > 0) & (m > 0)
        x, m = np.where(told, x, 0.0), np.where(told, np.minimum(m, self.most_), 0.0)
        # the mean of the population does not exist for q ≤ 1; whoever has one order has one
        out: Floats = p * (gamma + m * x) / np.maximum(p * x + q - 1, min(p, 0.5))
        return out

    def log_likelihood(self, orders: Floats, mean_value: Floats) -> Floats:
        """Of each customer's mean value, all above 0, by the fitted parameters."""
        return _log_likelihood(self._fitted, *_checked(orders, mean_value))

    @property
    def _fitted(self) -> Floats:
        if not self.parameters_:
            raise InputError("this spend model is not fitted; call fit first")
        return np.array(self.parameters_)


_SEARCH = {"xatol": 1e-5, "fatol": 1e-9, "maxiter": 2_000}


def _log_likelihood(parameters: Floats, x: Floats, m: Floats) -> Floats:
    p, q, gamma = parameters
    out: Floats = (
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(gamma)
        + (p * x - 1) * np.log(m)
        + p * x * np.log(x)
        - (p * x + q) * np.log(gamma + m * x)
    )
    return out


def reach(amounts: Floats) -> tuple[float, float]:
    """Where amounts above 0 begin to lie far out, to either side; see `_FAR_OUT`."""
    low, high = np.quantile(amounts, (0.01, 0.99), method="nearest")
    if len(amounts) < 100:  # the largest is its own quantile
        low, high = np.sort(amounts)[[min(1, len(amounts) - 1), max(len(amounts) - 2, 0)]]
    return float(low) / _FAR_OUT, float(high) * _FAR_OUT


def _checked(orders: Floats, mean_value: Floats) -> tuple[Floats, Floats]:
    x, m = np.asarray(orders, np.float64), np.asarray(mean_value, np.float64)
    if x.shape != m.shape or x.ndim != 1:
        raise InputError(f"orders {x.shape} and mean_value {m.shape} must have one shape, (n,)")
    m = np.nan_to_num(m, nan=0.0, posinf=math.inf, neginf=0.0)
    if not np.isfinite(x + m).all():
        raise InputError("orders and mean_value must be finite")
    return x, m
