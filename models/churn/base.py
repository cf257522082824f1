"""What a purchase model says of customers, at past instants and at the present one."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logit

from features.errors import NotEnoughDataError
from models.churn.season import MIN_HISTORY_DAYS, Season, power
from models.purchases import PURCHASE_MODELS, Counts, PurchaseModel

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

FIT_CUSTOMERS = 3_000
"""Customers that a purchase model is fitted on, drawn at random: four numbers need no more."""

COLUMNS = ("purchasing_no_order_log_odds", "purchasing_orders_log", "purchasing_alive")
"""What it adds to the features: log odds of P(no order), log of 1 + expected orders, P(alive)."""

LEAST = 1e-4
"""Probabilities stay this far from 0 and 1, so that log odds are finite."""


Fits = dict[tuple[str, int], PurchaseModel | None]
"""Fitted purchase models by kind and instant; None where there was too little."""


@dataclass(frozen=True)
class Past:
    """Customers at past instants and what became of them; arrays of shape (n,)."""

    counts: Counts
    left: npt.NDArray[np.bool_]
    at: npt.NDArray[np.int64]
    """int64 ms UTC."""
    days: npt.NDArray[np.int64]
    """How far each label looks ahead, the same for all rows of an instant."""
    seed: int
    worth: Floats
    """Log of one and what an order of theirs is worth; NaN where not known."""
    fits_: Fits = field(default_factory=dict)

    def instants(self) -> Iterable[tuple[int, Rows]]:
        """Each instant with its rows, oldest first."""
        for at in np.unique(self.at).tolist():
            yield at, np.flatnonzero(self.at == at)

    def fitted(self, kind: str, at: int) -> PurchaseModel | None:
        """A model of what was known at an instant; None where there was too little."""
        if (kind, at) not in self.fits_:
            counts = self.counts.of(np.flatnonzero(self.at == at))
            try:
                some = counts.sample(FIT_CUSTOMERS, self.seed)
                model = PURCHASE_MODELS[kind]().fit(
                    some, precise=False, start=self._earlier(kind, at)
                )
                self.fits_[kind, at] = model
            except NotEnoughDataError:
                self.fits_[kind, at] = None
        return self.fits_[kind, at]

    def _earlier(self, kind: str, at: int) -> tuple[float, ...] | None:
        """Parameters of the last instant before; a later one would tell of the future."""
        before = [
            (instant, model.parameters_)
            for (name, instant), model in self.fits_.items()
            if name == kind and instant < at and model is not None
        ]
        return max(before)[1] if before else None

    def losses(self, kind: str, at: int) -> Floats:
        """Log losses after an instant, told how many left: who they are is what is judged.

        Infinite where the model could not be fitted.
        """
        rows = np.flatnonzero(self.at == at)
        model, left = self.fitted(kind, at), self.left[rows]
        if model is None:
            return np.full(len(rows), np.inf)
        silence, _ = told(model, self.counts.of(rows), int(self.days[rows[0]]))
        return log_losses(levelled(log_odds(silence), float(left.mean())), left)

    def starts(self, kind: str) -> "Starts":
        """Where corrections start at each instant."""
        start = np.full(len(self.left), logit(np.clip(self.left.mean(), LEAST, 1 - LEAST)))
        columns = np.full((len(self.left), len(COLUMNS)), np.nan)
        latest, at, powers = None, [], []
        longest = int(self.days.max())
        for instant, rows in self.instants():
            model = self.fitted(kind, instant)
            if model is None:
                continue
            theirs, days = self.counts.of(rows), int(self.days[rows[0]])
            silence, columns[rows] = told(model, theirs, days)
            rate = float(self.left[rows].mean())
            moved = power(silence, rate)
            # no power makes all silent, as in a month when the shop is closed; what is particular
            # must not be learnt from that
            start[rows] = levelled(log_odds(silence**moved), rate)
            latest = model
            if days == longest and theirs.age.max() * 7 >= MIN_HISTORY_DAYS:
                at.append(instant)
                powers.append(moved)
        season = Season.none()
        if at:
            season = Season.of(np.array(at, np.int64), np.array(powers), longest)
        return Starts(start, columns, latest, season)


@dataclass(frozen=True)
class Starts:
    """Where corrections of a purchase model start."""

    log_odds: Floats
    """Of leaving, with the season that was observed; shape (n,)."""
    columns: Floats
    """What the model adds to the features, shape (n, 3)."""
    model: PurchaseModel | None
    """Of the latest instant."""
    season: Season


def told(model: PurchaseModel, counts: Counts, days: int) -> tuple[Floats, Floats]:
    """P(no order in so many days), and `COLUMNS`."""
    weeks = days / 7
    silence = np.clip(model.no_order(counts, weeks), LEAST, 1 - LEAST)
    columns = (log_odds(silence), np.log1p(model.orders(counts, weeks)), model.alive(counts))
    return silence, np.column_stack(columns)


def log_odds(probability: Floats) -> Floats:
    """Log odds, finite."""
    out: Floats = logit(np.clip(probability, LEAST, 1 - LEAST))
    return out


def levelled(raw: Floats, rate: float) -> Floats:
    """Log odds moved alike until their probabilities' mean is a rate."""
    rate = float(np.clip(rate, LEAST, 1 - LEAST))

    def excess(shift: float) -> float:
        return float(expit(raw + shift).mean()) - rate

    return raw + float(brentq(excess, -40.0, 40.0))


def log_losses(raw: Floats, left: npt.NDArray[np.bool_]) -> Floats:
    """Log loss of each log odds, shapes (…, n) and (n,)."""
    return np.logaddexp(0, np.where(left, -raw, raw))
