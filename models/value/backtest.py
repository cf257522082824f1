"""The back-test that says how far trees are followed, and the trees that come of it."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.value.choice import MARGIN, SHARES, best, by_instant, orders_score, spend_score
from models.value.folds import folds
from models.value.past import Past
from models.value.trees import Settings, correction, orders_trees, value_trees

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Chosen:
    """What the back-test says."""

    orders_share: float = 0.0
    """How much of the trees' correction of the orders is taken."""
    value_share: float = 0.0
    """How much of that of an order's value."""
    pooled: bool = False
    """Whether one-time buyers are one group, their age telling nothing of them."""
    scores: tuple[tuple[str, float], ...] = ()
    """What was tried, and the score it had; lower is better."""


def back_tested(
    past: Past, settings: Settings, names: tuple[str, ...], days: int, *, level: bool
) -> Chosen:
    """Compare the statistical models alone, trees, and blends on rows that trees have not seen.

    Arguments:
        past: everything known.
        settings: of the trees.
        names: of the features.
        days: days that outcomes count.
        level: whether the level of the season is known when it is told; if not, what the
            purchase model expects is what is compared.
    """
    tried = [
        _tried(past.of_rows(learnt), past.of_rows(looked), settings, names, level=level)
        for learnt, looked in folds(past.at, past.customers, days, settings.seed)
        if past.orders[looked].any()
    ]
    if not tried:
        return Chosen()
    scores = _mean([each.orders for each in tried])
    share = best(scores)
    together = float(np.mean([each.pooled[share] for each in tried]))
    dearer = _mean([each.value[share] for each in tried])
    record = [(f"orders.{each:g}", score) for each, score in scores.items()]
    record.append(("orders.pooled", together))
    record += [(f"value.{each:g}", score) for each, score in dearer.items()]
    pooled = together < scores[share] - MARGIN
    return Chosen(share, best(dearer) if dearer else 0.0, pooled, tuple(record))


def followed(
    past: Past, chosen: Chosen, settings: Settings, names: tuple[str, ...]
) -> tuple[lgb.Booster | None, lgb.Booster | None]:
    """Trees on orders and on their value, as far as the back-test wants any."""
    rows = past.bought
    orders = value = None
    if chosen.orders_share > 0:
        start = past.expected * past.level
        orders = orders_trees(settings, names, past.columns, past.orders, start)
    if chosen.value_share > 0:
        worth = past.spend[rows] / past.orders[rows]
        value = value_trees(settings, names, past.columns[rows], worth, past.value[rows])
    return orders, value


@dataclass(frozen=True)
class _Tried:
    """Scores of one fold by share of the trees."""

    orders: dict[float, float]
    pooled: dict[float, float]
    """Those of the orders with one-time buyers as one group."""
    value: dict[float, dict[float, float]]
    """Those of spend, by share of the orders' trees and then by that of the value's."""


def _tried(
    learnt: Past, seen: Past, settings: Settings, names: tuple[str, ...], *, level: bool
) -> _Tried:
    start = seen.expected * seen.level if level else seen.expected
    booster = orders_trees(
        settings, names, learnt.columns, learnt.orders, learnt.expected * learnt.level
    )
    moved = correction(booster, seen.columns, settings.threads)
    dearer = _dearer(learnt, seen, settings, names)
    out = _Tried({}, {}, {})
    for share in SHARES if booster is not None else (0.0,):
        forecast = _followed(start, moved, share)
        out.orders[share] = by_instant(orders_score, seen.at, seen.orders, forecast)
        alike = _as_one(forecast, seen)
        out.pooled[share] = by_instant(orders_score, seen.at, seen.orders, alike)
        out.value[share] = {}
        if dearer is None:
            continue
        for other in SHARES:
            spend = _followed(forecast * seen.value, dearer, other)
            spend *= seen.spend.sum() / spend.sum()
            out.value[share][other] = by_instant(spend_score, seen.at, seen.spend, spend)
    return out


def _dearer(learnt: Past, seen: Past, settings: Settings, names: tuple[str, ...]) -> Floats | None:
    """How trees on the value of an order move it; None where that cannot be looked back on."""
    rows = learnt.bought
    if not seen.spend.any() or not np.isfinite(seen.value).all():
        return None
    worth = learnt.spend[rows] / learnt.orders[rows]
    booster = value_trees(settings, names, learnt.columns[rows], worth, learnt.value[rows])
    return None if booster is None else correction(booster, seen.columns, settings.threads)


def _mean(scores: list[dict[float, float]]) -> dict[float, float]:
    """The mean score of each share that all folds tried."""
    shares = [share for share in SHARES if all(share in each for each in scores)]
    return {share: float(np.mean([each[share] for each in scores])) for share in shares}


def _followed(start: Floats, moved: Floats, share: float) -> Floats:
    """Expectations that follow trees by a share; their sum stays."""
    out = start * np.exp(share * moved)
    return np.asarray(out * (start.sum() / out.sum()), np.float64)


def _as_one(forecast: Floats, seen: Past) -> Floats:
    """The forecast with the one-time buyers of each instant at their mean."""
    _, group = np.unique(seen.at, return_inverse=True)
    count = np.maximum(np.bincount(group, seen.once), 1)
    mean = np.bincount(group, np.where(seen.once, forecast, 0.0)) / count
    return np.where(seen.once, mean[group], forecast)
