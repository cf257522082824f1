"""Trees that correct what statistical models tell of orders and of their value."""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.boosting import parameters, to_predict
from models.purchases.gammagamma import reach
from models.value.seen import COLUMNS

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

MIN_ROWS = 200
"""Rows from which anything is learnt."""


@dataclass(frozen=True)
class Settings:
    """Of both boosters."""

    trees: int
    leaves: int
    learning_rate: float
    min_rows: int
    column_share: float
    seed: int
    threads: int


def orders_trees(settings: Settings, names: Sequence[str], columns: npt.NDArray[np.float32],
                 orders: Floats, start: Floats) -> lgb.Booster | None:  # fmt: skip
    """Poisson trees that start at an expected number of orders; None with too little to learn.

    Arguments:
        settings: of LightGBM.
        names: of the features, without `COLUMNS`.
        columns: features and `COLUMNS`.
        orders: what came.
        start: what was expected, above 0.
    """
    if len(orders) < MIN_ROWS or not orders.any():
        return None
    return _boost(settings, names, columns, orders, np.log(start), "poisson")


def value_trees(settings: Settings, names: Sequence[str], columns: npt.NDArray[np.float32],
                value: Floats, start: Floats) -> lgb.Booster | None:  # fmt: skip
    """Trees on the logarithm of an order's value that start at an expected one.

    On the logarithm, since a wholesaler's orders are worth a thousand of a household's; what is
    lost of the mean that way the caller puts back.

    Arguments:
        settings: of LightGBM.
        names: of the features, without `COLUMNS`.
        columns: features and `COLUMNS`, of customers who ordered.
        value: what an order of theirs was worth, above 0.
        start: what was expected, above 0.
    """
    if len(value) < MIN_ROWS:
        return None
    drawn_in = np.clip(value, *reach(value))
    return _boost(settings, names, columns, np.log(drawn_in), np.log(start), "l2")


def correction(booster: lgb.Booster | None, columns: npt.NDArray[np.float32], threads: int
               ) -> Floats:  # fmt: skip
    """By how much trees move the logarithm of an expectation; 0 without trees."""
    if booster is None or not len(columns):
        return np.zeros(len(columns))
    used = to_predict(len(columns), threads)
    return np.asarray(booster.predict(columns, raw_score=True, num_threads=used), np.float64)


def importance(names: Sequence[str], boosters: Sequence[lgb.Booster | None]) -> dict[str, float]:
    """The gain of each column as a share, summed over boosters."""
    out = np.zeros(len(names) + len(COLUMNS))
    for booster in boosters:
        if booster is not None:
            gains = np.asarray(booster.feature_importance("gain"), np.float64)
            out += gains / max(float(gains.sum()), 1e-12)
    return dict(zip((*names, *COLUMNS), out.tolist(), strict=True))


def _boost(
    settings: Settings,
    names: Sequence[str],
    columns: npt.NDArray[np.float32],
    true: Floats,
    start: Floats,
    objective: str,
) -> lgb.Booster:
    grown = parameters(
        objective,
        len(true),
        leaves=settings.leaves,
        learning_rate=settings.learning_rate,
        min_rows=settings.min_rows,
        column_share=settings.column_share,
        seed=settings.seed,
        threads=settings.threads,
    )
    grown["boost_from_average"] = False
    data = lgb.Dataset(columns, true, feature_name=[*names, *COLUMNS], init_score=start)
    return lgb.train(grown, data, num_boost_round=settings.trees)
