"""The contract of the probability models, and how their parameters are found."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # no stubs

from features.errors import InputError, NotEnoughDataError
from models.purchases.counts import Counts, Floats

MIN_CUSTOMERS = 20
"""Below this four parameters describe noise."""

_LOG_BOUND = 12.0
"""Parameters lie between exp(-12) and exp(12) weeks; beyond, the likelihood is flat."""

_FAR = 1e10
"""The loss of parameters out of bounds or without a likelihood."""


class PurchaseModel(ABC):
    """Customers buy at rates of their own until, unseen, they leave."""

    names: ClassVar[tuple[str, ...]]
    """Names of the parameters, in the order of `parameters_`."""

    def __init__(self, parameters: Sequence[float] = ()) -> None:
        self.parameters_: tuple[float, ...] = tuple(map(float, parameters))

    def fit(
        self, counts: Counts, *, precise: bool = True, start: Sequence[float] | None = None
    ) -> Self:
        """Find the parameters by maximum likelihood (L-BFGS on their logarithms).

        Arguments:
            counts: of customers.
            precise: whether Nelder-Mead polishes what was found: digits that published parameters
                have and predictions do not need, at twice the time.
            start: parameters to start from, of a similar moment; ones when None.

        Raises:
            NotEnoughDataError: fewer than MIN_CUSTOMERS customers, or nobody came back.
        """
        if len(counts) < MIN_CUSTOMERS:
            raise NotEnoughDataError(
                f"{len(counts)} customers are too few for a purchase model; "
                f"at least {MIN_CUSTOMERS} are needed: import a longer history"
            )
        if not (counts.frequency > 0).any():
            raise NotEnoughDataError(
                "no customer bought on a second day, so nothing can be said of when they come "
                "back; import a longer history"
            )
        different, weight = counts.grouped()
        weight = weight / weight.sum()

        def loss(log_parameters: Floats) -> float:
            within = np.clip(log_parameters, -_LOG_BOUND, _LOG_BOUND)
            if (within != log_parameters).any():
                return _FAR + float(np.abs(log_parameters - within).sum())
            with np.errstate(all="ignore"):
                value = float(self._log_likelihood(np.exp(within), different) @ weight)
            return -value if np.isfinite(value) else _FAR

        bounds = [(-_LOG_BOUND, _LOG_BOUND)] * len(self.names)
        begin = np.zeros(len(self.names))
        if start is not None:  # not where the likelihood is flat
            begin = np.clip(np.log(start), -_LOG_BOUND / 2, _LOG_BOUND / 2)
        # systems of four unknowns: threads would only wait for each other
        with threadpool_limits(1, "blas"):
            found = minimize(loss, begin, method="L-BFGS-B", bounds=bounds)
            if precise:
                finer = {"xatol": 1e-5, "fatol": 1e-9}
                found = minimize(loss, found.x, method="Nelder-Mead", options=finer)
        self.parameters_ = tuple(float(p) for p in np.exp(found.x))
        return self

    def no_order(self, counts: Counts, weeks: float) -> Floats:
        """P(no purchase in the next weeks), shape (customers,)."""
        return self.no_order_by(counts, np.array([weeks]))[:, 0]

    def no_order_by(self, counts: Counts, weeks: Floats) -> Floats:
        """P(no purchase in each of these spans), shape (customers, spans)."""
        parameters, alive = self._fitted, self.alive(counts)
        out = np.empty((len(counts), len(weeks)))
        for place, span in enumerate(weeks.tolist()):
            self._check(span)
            out[:, place] = 1 - alive + alive * self._silent(parameters, counts, span)
        return np.clip(out, 0.0, 1.0)

    def orders(self, counts: Counts, weeks: float) -> Floats:
        """Expected days with a purchase in the next weeks, shape (customers,)."""
        self._check(weeks)
        return np.maximum(self._orders(self._fitted, counts, weeks), 0.0)

    def alive(self, counts: Counts) -> Floats:
        """P(the customer has not left yet), shape (customers,)."""
        return np.clip(self._alive(self._fitted, counts), 0.0, 1.0)

    def log_likelihood(self, counts: Counts) -> Floats:
        """Of each customer, by the fitted parameters."""
        return self._log_likelihood(self._fitted, counts)

    @property
    def _fitted(self) -> Floats:
        if not self.parameters_:
            raise InputError("this purchase model is not fitted; call fit first")
        return np.array(self.parameters_)

    def _check(self, weeks: float) -> None:
        if not weeks > 0:
            raise InputError(f"weeks = {weeks:g}: must be above 0")

    @abstractmethod
    def _log_likelihood(self, parameters: Floats, counts: Counts) -> Floats: ...

    @abstractmethod
    def _alive(self, parameters: Floats, counts: Counts) -> Floats: ...

    @abstractmethod
    def _silent(self, parameters: Floats, counts: Counts, weeks: float) -> Floats:
        """P(no purchase in the next weeks) of customers who have not left yet."""

    @abstractmethod
    def _orders(self, parameters: Floats, counts: Counts, weeks: float) -> Floats: ...
