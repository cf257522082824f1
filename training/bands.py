"""What became of the customers of each band, and how steady scores and bands are."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from features.instants import DAY_MS
from training.backtest import PastTest
from training.dataset import Orders
from training.evaluate import ChurnEvaluation
from training.intervals import Interval, rate
from training.metrics import OURS

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

STEPS = tuple(f"{low}–{low + 20}\u00a0%" for low in range(0, 100, 20))
"""Bands of a model that has none of its own."""

SPEND_DAYS = 365
"""What a customer spent in this many days before the cutoff is at stake."""


@dataclass(frozen=True)
class Band:
    """Customers whose risk was called alike."""

    name: str
    customers: int
    share: float
    predicted: float
    """Mean probability; NaN where the band is empty."""
    observed: Interval
    """Share without an order, with Wilson's interval."""
    spend: float
    """What they spent in the year before, in the shop's currency."""
    spend_of_leavers: float
    """What those of them had spent who then left."""


def bands_of(evaluation: ChurnEvaluation) -> tuple[Sequence[str], Codes]:
    """Names of bands, lowest risk first, and each customer's place among them.

    The model's own; fifths of the probability where it has none.
    """
    if evaluation.band is not None:
        return evaluation.bands, evaluation.band
    return STEPS, np.minimum(evaluation.predicted[OURS] * len(STEPS), len(STEPS) - 1).astype(int)


def bands(test: PastTest, orders: Orders) -> list[Band]:
    """Each band at a cutoff, highest risk first."""
    names, code = bands_of(test.evaluation)
    left, predicted = test.evaluation.left, test.evaluation.predicted[OURS]
    spent = _spent(orders, test.rows.customer, test.at)
    out = []
    for place, name in reversed(list(enumerate(names))):
        mine = code == place
        out.append(
            Band(
                name=name,
                customers=int(mine.sum()),
                share=float(mine.mean()),
                predicted=float(predicted[mine].mean()) if mine.any() else float("nan"),
                observed=rate(left[mine]),
                spend=float(spent[mine].sum()),
                spend_of_leavers=float(spent[mine & left].sum()),
            )
        )
    return out


@dataclass(frozen=True)
class Change:
    """The same customers' scores at two cutoffs; each by the model of its own time."""

    before: int
    after: int
    customers: int
    rank_correlation: float
    """Spearman's."""
    mean_change: float
    """Of the probability."""
    mean_absolute_change: float
    rose: float
    """Share of the customers in a higher band than before."""
    fell: float


def changes(tests: Sequence[PastTest]) -> list[Change]:
    """Between each cutoff and the next."""
    return [_change(a, b) for a, b in pairwise(tests)]


def _change(before: PastTest, after: PastTest) -> Change:
    _, i, j = np.intersect1d(
        before.rows.customer, after.rows.customer, assume_unique=True, return_indices=True
    )
    first, second = before.evaluation.predicted[OURS][i], after.evaluation.predicted[OURS][j]
    moved = second - first
    steps = bands_of(after.evaluation)[1][j] - bands_of(before.evaluation)[1][i]
    vary = len(i) > 2 and np.ptp(first) > 0 and np.ptp(second) > 0
    return Change(
        before=before.at,
        after=after.at,
        customers=len(i),
        rank_correlation=float(spearmanr(first, second).statistic) if vary else float("nan"),
        mean_change=float(moved.mean()) if len(i) else float("nan"),
        mean_absolute_change=float(np.abs(moved).mean()) if len(i) else float("nan"),
        rose=float((steps > 0).mean()) if len(i) else float("nan"),
        fell=float((steps < 0).mean()) if len(i) else float("nan"),
    )


def _spent(orders: Orders, customers: npt.NDArray[np.int64], at: int) -> Floats:
    """What each customer's orders of the last SPEND_DAYS came to."""
    recent = orders.before(at) & (orders.at >= at - SPEND_DAYS * DAY_MS)
    places = int(max(orders.customer.max(initial=-1), customers.max(initial=-1))) + 1
    value = np.nan_to_num(orders.value[recent].astype(np.float64))
    spent = np.bincount(orders.customer[recent], weights=value, minlength=places)
    return spent.astype(np.float64)[customers]
