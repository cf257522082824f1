"""Customers at past instants with their features, computed once and used by many trainings."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.timeline import Timelines
from training.dataset import ChurnRows, Orders, instant_rows, together


class PastRows:
    """Rows at instants, kept.

    What a customer's features are at an instant depends on nothing later, so trainings up to
    different cutoffs share them. Labels do depend on the cutoff, by what had arrived then, and
    are made for each.

    Arguments:
        timelines: all customers.
        catalog: the numbering the timelines' products refer to.
        horizon_days: days after an instant in which an order means the customer stayed.
        seed: of the draw of customers.
        threads: of the feature kernel.
    """

    def __init__(
        self,
        timelines: Timelines,
        catalog: Catalog,
        horizon_days: int,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.timelines = timelines
        self.catalog = catalog
        self.horizon_days = horizon_days
        self.orders = Orders.of(timelines)
        self._seed = seed
        self._threads = threads
        self._kept: dict[tuple[int, int | None], ChurnRows] = {}

    def at(
        self,
        instants: npt.NDArray[np.int64],
        *,
        known_by: int | None = None,
        customers: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> ChurnRows:
        """Rows of these instants; arguments, result and errors as `churn_rows`."""
        parts = []
        for at in instants.tolist():
            if (at, customers) not in self._kept:
                self._kept[at, customers] = instant_rows(
                    self.timelines,
                    self.catalog,
                    self.orders,
                    at,
                    self.horizon_days,
                    customers=customers,
                    seed=self._seed,
                    threads=self._threads,
                )
            parts.append(self._labelled(self._kept[at, customers], at, known_by))
            if progress is not None:
                progress(1)
        return together(parts, instants)

    def _labelled(self, rows: ChurnRows, at: int, known_by: int | None) -> ChurnRows:
        returned = self.orders.returning(at, self.horizon_days, known_by)
        stayed = np.isin(rows.customer, returned, assume_unique=True)
        return ChurnRows(rows.X, ~stayed, rows.at, rows.customer)
