"""What a back-test says: which statistical model, and how far trees are followed."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from features.errors import NotEnoughDataError
from models.value.seen import KINDS, LEAST_ORDERS, Seen

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the trees' correction that are tried."""

DEFAULT_KIND = "mbg_nbd"
"""The purchase model where nothing can be looked back on: churn's."""

MARGIN = 0.001
"""What a richer forecast must be better by to be taken: a thousandth of its figures."""

CUSTOMERS = 5_000
"""Customers of one instant on which statistical models are compared."""

LATEST = 3
"""Instants that are looked back on."""


def choose_kind(seen: Seen, orders: Floats, at: npt.NDArray[np.int64], days: int, *, level: bool,
                seed: int) -> tuple[str, dict[str, float]]:  # fmt: skip
    """The kind of purchase model whose expectations came out best at the latest instants.

    Arguments:
        seen: customers at past instants.
        orders: days with an order in the days after.
        at: the instant of each row.
        days: days that `orders` counts.
        level: whether a forecast is moved to the level of its season: then the shape alone counts.
        seed: of the draw of customers.

    Returns:
        The kind's name, `DEFAULT_KIND` where nothing can be looked back on, and the score of
        each, lower is better.
    """
    scores: dict[str, list[float]] = {kind: [] for kind in KINDS}
    drawn = np.random.default_rng(seed)
    for instant in np.unique(at)[-LATEST:]:
        rows = np.flatnonzero(at == instant)
        if len(rows) > CUSTOMERS:
            rows = drawn.choice(rows, CUSTOMERS, replace=False)
        theirs, true = seen.of_rows(rows), orders[rows]
        if not true.any():
            continue
        for kind, model in KINDS.items():
            try:
                told = model().fit(theirs.counts).orders(theirs.counts, days / 7)
            except NotEnoughDataError:
                continue
            told = np.maximum(np.nan_to_num(told), LEAST_ORDERS)
            if level:
                told *= true.mean() / told.mean()
            scores[kind].append(orders_score(true, told))
    found = {kind: float(np.mean(each)) for kind, each in scores.items() if each}
    if not found:
        return DEFAULT_KIND, {}
    return min(found, key=lambda kind: (found[kind], kind)), found


def orders_score(true: Floats, told: Floats) -> float:
    """How far counts are from what came: MAE, RMSE and rank correlation, each as a ratio."""
    error = np.abs(true - told)
    figures = error.mean() * np.sqrt((error**2).mean()) / max(correlation(true, told), 0.01)
    return float(np.log(max(figures, 1e-12)))


def spend_score(true: Floats, told: Floats) -> float:
    """How far spend is from what came: MAE, rank correlation and Gini, each as a ratio."""
    ranks = max(correlation(true, told), 0.01) * max(gini(true, told), 0.01)
    return float(np.log(max(np.abs(true - told).mean(), 1e-12) / ranks))


def by_instant(
    score: Callable[[Floats, Floats], float], at: Rows, true: Floats, told: Floats
) -> float:
    """The mean score over instants: each is a forecast of its own."""
    parts = (np.flatnonzero(at == instant) for instant in np.unique(at))
    return float(np.mean([score(true[rows], told[rows]) for rows in parts if true[rows].any()]))


def best(scores: Mapping[float, float]) -> float:
    """The share with the lowest score; a larger one only where it gains `MARGIN`."""
    chosen = min(scores)
    for share in sorted(scores):
        if scores[share] < scores[chosen] - MARGIN:
            chosen = share
    return chosen


def correlation(true: Floats, told: Floats) -> float:
    """Spearman's; 0 where either is constant."""
    one, other = rankdata(true), rankdata(told)
    one, other = one - one.mean(), other - other.mean()
    whole = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / whole if whole > 0 else 0.0


def gini(true: Floats, told: Floats) -> float:
    """Gini coefficient of what came in the order of what was told, over the best possible.

    Rows of equal forecast count as their mean, so that their order does not matter. NaN where
    all came out equal.
    """

    def area(order: Floats) -> float:
        _, group = np.unique(-order, return_inverse=True)
        mean = (np.bincount(group, true) / np.bincount(group))[group]
        place = np.argsort(-order, kind="stable")
        return float(np.cumsum(mean[place]).mean() / true.sum()) - (len(true) + 1) / 2 / len(true)

    if not len(true) or true.sum() <= 0 or (true == true[0]).all():
        return float("nan")
    return area(told) / area(true)
