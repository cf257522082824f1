"""Past instants as the model learns from them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from features.errors import NotEnoughDataError
from features.instants import DAY_MS
from models.churn.season import MIN_HISTORY_DAYS, YEAR_MS, Season
from models.purchases.gammagamma import reach
from models.value.seen import COLUMNS, Seen, Statistics

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

    def worth(self) -> float:
        """What orders were worth over what was expected of them; each one's ratio drawn in."""
        rows = self.bought
        if not len(rows):
            return 1.0
        ratio = self.spend[rows] / self.orders[rows] / self.value[rows]
        weight = self.orders[rows] * self.value[rows]
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


def _season(instants: list[int], levels: list[float], days: int) -> Season:
    """As churn's, of levels; the first one stands for the half step before it, too.

    Instants lie some thirty days apart and are no divisors of a year: a year before the present
    may lie just before the first of them.
    """
    if not instants:
        return Season.none()
    at, values = np.array(instants, np.int64), np.array(levels)
    # of a part of a year a level may be the season's: what is believed of it is that part
    values **= min(1.0, (int(at[-1] - at[0]) + days * DAY_MS) / YEAR_MS)
    if len(at) > 1:
        half = (at[1] - at[0]) // 2
        at, values = np.append(at[0] - half, at), np.append(values[0], values)
    return Season.of(at, values, days)
