"""Past instants as the model learns from them, and the back-test that says how far to go."""

from dataclasses import dataclass
from typing import Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.errors import NotEnoughDataError
from models.churn.season import MIN_HISTORY_DAYS, Season
from models.purchases.gammagamma import reach
from models.value.choice import MARGIN, SHARES, best, by_instant, orders_score, spend_score
from models.value.folds import fold
from models.value.seen import COLUMNS, Seen, Statistics
from models.value.trees import Settings, correction, orders_trees, value_trees

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

FIT_CUSTOMERS = 5_000
"""Customers that a purchase model is fitted on, drawn at random: four numbers need no more."""

_MOST = 20.0
"""Levels lie between 1/20 and 20."""


@dataclass(frozen=True)
class Past:
    """Customers at past instants, what was expected of them, and what came."""

    columns: npt.NDArray[np.float32]
    """Features and `COLUMNS`, shape (n, features + 3)."""
    at: Rows
    customers: Rows | None
    once: npt.NDArray[np.bool_]
    orders: Floats
    spend: Floats
    expected: Floats
    """Orders by the purchase model of the instant."""
    level: Floats
    """What came at the instant over what was expected, the same for all of it."""
    value: Floats
    """Expected spend on a day with an order."""
    season: Season

    @classmethod
    def of(
        cls,
        features: npt.NDArray[np.float32],
        seen: Seen,
        orders: Floats,
        spend: Floats,
        at: Rows,
        customers: Rows | None,
        *,
        kind: str,
        days: int,
        seed: int,
    ) -> Self:
        """Fit the statistical models at each instant; instants where they cannot be are left out.

        Arguments:
            features: of customers at past instants.
            seen: the same customers.
            orders: days with an order in the `days` after.
            spend: spent in the same.
            at: the instant of each row.
            customers: who each row is of; None where that is not known.
            kind: of the purchase model.
            days: days that `orders` and `spend` count.
            seed: of the draw of customers that the models are fitted on.
        """
        n = len(at)
        expected, level, value = np.full(n, np.nan), np.ones(n), np.full(n, np.nan)
        extra = np.full((n, len(COLUMNS)), np.nan)
        instants, levels = [], []
        for instant in np.unique(at):
            rows = np.flatnonzero(at == instant)
            theirs = seen.of_rows(rows)
            try:
                told = Statistics.fit(kind, theirs.sample(FIT_CUSTOMERS, seed))
            except NotEnoughDataError:
                continue
            expected[rows], value[rows] = told.orders(theirs, days), told.value(theirs)
            extra[rows] = told.columns(theirs, expected[rows], value[rows])
            came = float(orders[rows].mean() / expected[rows].mean())
            level[rows] = np.clip(came, 1 / _MOST, _MOST)
            if theirs.counts.age.max() * 7 >= MIN_HISTORY_DAYS:
                instants.append(int(instant))
                levels.append(float(level[rows[0]]))
        kept = np.flatnonzero(np.isfinite(expected))
        return cls(
            columns=np.column_stack([features, extra.astype(np.float32)])[kept],
            at=at[kept],
            customers=None if customers is None else customers[kept],
            once=seen.once[kept],
            orders=orders[kept],
            spend=spend[kept],
            expected=expected[kept],
            level=level[kept],
            value=value[kept],
            season=_season(instants, levels, days),
        )

    @property
    def bought(self) -> Rows:
        """Rows of which the value of an order is known."""
        known = (self.orders > 0) & (self.spend > 0) & np.isfinite(self.value)
        return np.flatnonzero(known)

    def worth(self, booster: lgb.Booster | None, share: float, threads: int) -> float:
        """What orders were worth over what was expected of them; each one's ratio drawn in.

        Arguments:
            booster: trees on the value of an order.
            share: how far they are followed.
            threads: of LightGBM.
        """
        rows = self.bought
        if not len(rows):
            return 1.0
        moved = correction(booster, self.columns[rows], threads)
        expected = self.value[rows] * np.exp(share * moved)
        ratio = self.spend[rows] / self.orders[rows] / expected
        weight = self.orders[rows] * expected
        weight = np.minimum(weight, np.quantile(weight, 0.99))  # no customer's alone
        return float(np.clip(ratio, *reach(ratio)) @ weight / weight.sum())

    def of_rows(self, rows: Rows) -> "Past":
        """These rows alone."""
        return Past(
            self.columns[rows],
            self.at[rows],
            None if self.customers is None else self.customers[rows],
            self.once[rows],
            self.orders[rows],
            self.spend[rows],
            self.expected[rows],
            self.level[rows],
            self.value[rows],
            self.season,
        )


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
    split = fold(past.at, past.customers, days, settings.seed)
    if split is None or not past.orders[split[1]].any():
        return Chosen()
    learnt, seen = past.of_rows(split[0]), past.of_rows(split[1])
    start = seen.expected * seen.level if level else seen.expected
    booster = orders_trees(
        settings, names, learnt.columns, learnt.orders, learnt.expected * learnt.level
    )
    moved = correction(booster, seen.columns, settings.threads)
    scores: dict[float, float] = {}
    for each in SHARES if booster is not None else (0.0,):
        forecast = _followed(start, moved, each)
        scores[each] = by_instant(orders_score, seen.at, seen.orders, forecast)
    share = best(scores)
    forecast = _followed(start, moved, share)
    alike = _as_one(forecast, seen)
    together = by_instant(orders_score, seen.at, seen.orders, alike)
    pooled = together < scores[share] - MARGIN
    record = [(f"orders.{each:g}", score) for each, score in scores.items()]
    record.append(("orders.pooled", together))
    worth, more = _value_share(learnt, seen, forecast, settings, names)
    return Chosen(share, worth, pooled, (*record, *more))


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


def _followed(start: Floats, moved: Floats, share: float) -> Floats:
    """Expectations that follow trees by a share; their sum stays."""
    out = start * np.exp(share * moved)
    return np.asarray(out * (start.sum() / out.sum()), np.float64)


def _value_share(
    learnt: Past, seen: Past, orders: Floats, settings: Settings, names: tuple[str, ...]
) -> tuple[float, list[tuple[str, float]]]:
    """How far the trees on the value of an order are followed, and what each share scored."""
    rows = learnt.bought
    booster = value_trees(
        settings, names, learnt.columns[rows],
        learnt.spend[rows] / np.maximum(learnt.orders[rows], 1), learnt.value[rows],
    )  # fmt: skip
    if booster is None or not seen.spend.any() or not np.isfinite(seen.value).all():
        return 0.0, []
    moved = correction(booster, seen.columns, settings.threads)
    scores = {}
    for share in SHARES:
        forecast = orders * seen.value * np.exp(share * moved)
        forecast *= seen.spend.sum() / forecast.sum()
        scores[share] = by_instant(spend_score, seen.at, seen.spend, forecast)
    return best(scores), [(f"value.{share:g}", score) for share, score in scores.items()]


def _as_one(forecast: Floats, seen: Past) -> Floats:
    """The forecast with the one-time buyers of each instant at their mean."""
    _, group = np.unique(seen.at, return_inverse=True)
    count = np.maximum(np.bincount(group, seen.once), 1)
    mean = np.bincount(group, np.where(seen.once, forecast, 0.0)) / count
    return np.where(seen.once, mean[group], forecast)


def _season(instants: list[int], levels: list[float], days: int) -> Season:
    """As churn's, of levels; the first one stands for the half step before it, too.

    Instants lie some thirty days apart and are no divisors of a year: a year before the present
    may lie just before the first of them.
    """
    if not instants:
        return Season.none()
    at, values = np.array(instants, np.int64), np.array(levels)
    if len(at) > 1:
        half = (at[1] - at[0]) // 2
        at, values = np.append(at[0] - half, at), np.append(values[0], values)
    return Season.of(at, values, days)
