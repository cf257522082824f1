"""A purchase model's figures and what it made them from, weighted anew by what followed."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # no stubs

from models.churn.base import Floats
from models.purchases import Counts

RIDGE = 1e-3
"""Of the weights of standardised columns, at least; with few customers as if each weight were drawn
from a standard normal distribution."""

FARTHEST = 2.0
"""Standard deviations beyond which few were seen: a line drawn through the many says nothing of who
has ordered this minute."""

LEAST_SPREAD = 1e-3
"""Standard deviation below which a column counts as constant."""


class Recalibration:
    """A logistic regression on what the purchase model says, starting from what it says.

    The models' P(no order) leans on who they think has left, which they cannot see; the log of
    the expected orders and P(alive) say the same with other weight, and recency, age and frequency
    what the models' assumptions missed. Seven numbers learn which.
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
        columns: Floats,
        counts: Counts,
        left: npt.NDArray[np.bool_],
        start: Floats,
        weight: Floats,
    ) -> Self:
        """Learn from rows whose log odds start at `start`.

        Arguments:
            columns: of `base.COLUMNS`, shape (n, 3).
            counts: of the same customers.
            left: True where no order followed, shape (n,).
            start: log odds, shape (n,).
            weight: of each row, shape (n,).
        """
        seen = _seen(columns, counts)
        self.mean_ = np.average(seen, axis=0, weights=weight)
        spread = np.sqrt(np.average((seen - self.mean_) ** 2, axis=0, weights=weight))
        # what is the same for all tells nothing, and must not when a later customer differs
        self.scale_ = np.where(spread > LEAST_SPREAD, spread, np.inf)
        table, share = self._table(columns, counts), weight / weight.sum()
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

    def predict(self, columns: Floats, counts: Counts) -> Floats:
        """What is added to the log odds, shape (n,)."""
        # not by a matrix product, whose last digit depends on how many rows there are
        out = np.zeros(len(columns))
        for column, weight in zip(self._table(columns, counts).T, self.weights_, strict=True):
            out += weight * column
        return out

    def document(self) -> Mapping[str, Any]:
        """The arguments that make it again."""
        return {
            "mean": self.mean_.tolist(),
            "scale": self.scale_.tolist(),
            "weights": self.weights_.tolist(),
        }

    def _table(self, columns: Floats, counts: Counts) -> Floats:
        standard = (_seen(columns, counts) - self.mean_) / self.scale_
        near = np.clip(standard, -FARTHEST, FARTHEST)
        return np.column_stack([np.ones(len(columns)), near])


def _seen(columns: Floats, counts: Counts) -> Floats:
    """What the model says, 0 where nothing, and logs of recency, age and frequency."""
    # side by side in memory: numpy's logarithms of a stride differ in the last digit
    silence, orders, alive = np.ascontiguousarray(np.nan_to_num(columns).T)
    orders = np.log(np.maximum(np.expm1(orders), 1e-6))
    silent = np.log1p(7 * (counts.age - counts.recency))
    own = (silent, np.log1p(7 * counts.age), np.log1p(counts.frequency))
    return np.column_stack([silence, orders, alive, *own])
