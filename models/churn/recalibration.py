"""A purchase model's figures, what it made them from and what an order is worth, weighted anew."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # no stubs

from models.churn.base import Floats
from models.purchases import Counts

RIDGE = 1e-4
"""Of the weights of standardised columns, at least; with few customers as if each weight were drawn
from a standard normal distribution."""

FARTHEST = 2.0
"""Standard deviations beyond which few were seen: a line drawn through the many says nothing of who
has ordered this minute."""

LEAST_SPREAD = 1e-3
"""Standard deviation below which a column counts as constant."""


ORDER_VALUE = "purchase_order_value_mean_life"
"""The declared feature that says what an order of a customer's is worth."""


class Recalibration:
    """A logistic regression on what the purchase model says, starting from what it says.

    The models' P(no order) leans on who they think has left, which they cannot see; the log of
    the expected orders and P(alive) say the same with other weight, and recency, age and frequency
    what the models' assumptions missed. What an order is worth they are never told, and whoever
    spends more comes back more often. Eight numbers learn which.
    """

    def __init__(
        self,
        mean: Sequence[float] = (),
        scale: Sequence[float] = (),
        weights: Sequence[float] = (),
    ) -> None:
        self.mean_ = np.asarray(mean, np.float64)
        self.scale_ = np.asarray(scale, np.float64)
        self.weights_ = np.asarray(weights, np.float64)

    def fit(
        self,
        seen: Floats,
        left: npt.NDArray[np.bool_],
        start: Floats,
        weight: Floats,
    ) -> Self:
        """Learn from rows whose log odds start at `start`.

        Arguments:
            seen: of `seen`, shape (n, columns).
            left: True where no order followed, shape (n,).
            start: log odds, shape (n,).
            weight: of each row, shape (n,).
        """
        # an order's worth may not be known of some
        known = np.where(np.isfinite(seen), weight[:, None], 0.0)
        known /= np.maximum(known.sum(axis=0), np.finfo(np.float64).tiny)
        self.mean_ = (known * np.nan_to_num(seen)).sum(axis=0)
        spread = np.sqrt((known * np.nan_to_num(seen - self.mean_) ** 2).sum(axis=0))
        # what is the same for all tells nothing, and must not when a later customer differs
        self.scale_ = np.where(spread > LEAST_SPREAD, spread, np.inf)
        table, share = self._table(seen), weight / weight.sum()
        ridge = max(RIDGE, 0.5 / len(left))

        def loss(weights: Floats) -> tuple[float, Floats]:
            raw = start + table @ weights
            lost = float(share @ (np.logaddexp(0, raw) - left * raw) + ridge * weights @ weights)
            return lost, table.T @ (share * (expit(raw) - left)) + 2 * ridge * weights

        # systems of seven unknowns: threads would only wait for each other
        with threadpool_limits(1, "blas"):
            begin = np.zeros(table.shape[1])
            self.weights_ = minimize(loss, begin, jac=True, method="L-BFGS-B").x
        return self

    def predict(self, seen: Floats) -> Floats:
        """What is added to the log odds: for the rhythm, and for an order's worth; shape (n, 2)."""
        # not by a matrix product, whose last digit depends on how many rows there are
        out = np.zeros((len(seen), 2))
        *rhythm, worth = zip(self._table(seen).T, self.weights_, strict=True)
        for column, weight in rhythm:
            out[:, 0] += weight * column
        out[:, 1] = worth[1] * worth[0]
        return out

    def document(self) -> Mapping[str, Any]:
        """The arguments that make it again."""
        return {
            "mean": self.mean_.tolist(),
            "scale": self.scale_.tolist(),
            "weights": self.weights_.tolist(),
        }

    def _table(self, seen: Floats) -> Floats:
        standard = np.nan_to_num((seen - self.mean_) / self.scale_)
        near = np.clip(standard, -FARTHEST, FARTHEST)
        return np.column_stack([np.ones(len(seen)), near])


def worth(X: npt.NDArray[np.float32], names: Sequence[str]) -> Floats:  # noqa: N803
    """Log of one and the mean value of a customer's orders, shape (n,); NaN where not known.

    Arguments:
        X: features of customers, shape (n, features).
        names: of its columns.
    """
    if ORDER_VALUE not in names:
        return np.full(len(X), np.nan)
    mean = np.ascontiguousarray(X[:, list(names).index(ORDER_VALUE)], np.float64)
    out: Floats = np.log1p(np.maximum(mean, 0.0))
    return out


def seen(columns: Floats, counts: Counts, worth: Floats) -> Floats:
    """What is weighted anew: the model's figures, logs of what they are made from, and worth.

    Arguments:
        columns: of `base.COLUMNS`, shape (n, 3); NaN, where the model says nothing, counts as 0.
        counts: of the same customers.
        worth: of `worth`, shape (n,).

    Returns:
        Shape (n, 7), worth last.
    """
    # side by side in memory: numpy's logarithms of a stride differ in the last digit
    silence, orders, alive = np.ascontiguousarray(np.nan_to_num(columns).T)
    orders = np.log(np.maximum(np.expm1(orders), 1e-6))
    silent = np.log1p(7 * (counts.age - counts.recency))
    own = (silent, np.log1p(7 * counts.age), np.log1p(counts.frequency), worth)
    return np.column_stack([silence, orders, alive, *own])
