"""How a season moves everybody's rate of ordering, and what that says of the season to come.

A shop's customers order more before Christmas, all alike. What is left of it when age and rhythm
of each customer are accounted for, as a purchase model does, is the season: the power `s` to which
each probability of silence must be raised so that its mean is the observed rate. A power, since
with `s` times the rate of ordering a Poisson customer's silence e^(-λ) becomes e^(-sλ).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from features.instants import DAY_MS

Floats = npt.NDArray[np.float64]

YEAR_MS = 365 * DAY_MS

PRIOR = 1.0
"""The weight of last year's season where nothing can be looked back on: that it comes again is what
a seasonal naive forecast takes for granted."""

MIN_HISTORY_DAYS = 180
"""Days of history before an instant's power counts: in a shop that is younger a purchase model
cannot tell who has left from who is silent, and its error is no season."""

SPREAD = 0.3
"""How far the log of a power strays from its forecast where nothing can be looked back on: at
Christmas a gift shop's customers order half as often again as in spring."""

_PRIOR_SEASONS = 2.0
"""How many whole horizons looked back on that is worth."""

_MOST = 20.0
"""Powers lie between 1/20 and 20; beyond, everybody or nobody ordered."""


def power(silence: Floats, rate: float) -> float:
    """The power of probabilities of silence whose mean is a rate; 1 where there is none.

    >>> round(power(np.array([0.5, 0.5]), 0.25), 6)
    2.0
    """

    def excess(s: float) -> float:
        return float(np.mean(silence**s)) - rate

    if not len(silence) or excess(1 / _MOST) <= 0 or excess(_MOST) >= 0:
        return 1.0
    return float(brentq(excess, 1 / _MOST, _MOST))


@dataclass(frozen=True)
class Season:
    """Powers observed at past instants, and the forecast for later ones."""

    at: npt.NDArray[np.int64]
    """Instants, rising, shape (instants,)."""
    log_power: Floats
    """Logarithm of the power observed in the horizon after each."""
    weight: float
    """How much of last year's season is expected again, from 0 to 1."""
    spread: float = SPREAD
    """Standard deviation of the log of a power around its forecast."""
    seasons: float = 0.0
    """How many whole horizons that was looked back on."""

    @classmethod
    def of(cls, at: npt.NDArray[np.int64], powers: Floats, horizon_days: int) -> "Season":
        """The season of a shop, its weight chosen by looking back.

        At each past instant at which it could have been done, the power is forecast from what was
        known then, without a season and by last year's. The weight is that of the least squared
        error, drawn towards `PRIOR` as if there were one more instant. How far such forecasts
        were off is how far the next one may be.

        Arguments:
            at: instants, rising.
            powers: the power observed after each.
            horizon_days: days after which a power is known.
        """
        logs = np.log(powers)
        change, truth, plain = [], [], []
        for now, true in zip(at.tolist(), logs.tolist(), strict=True):
            known = at + horizon_days * DAY_MS <= now
            told = _forecasts(at[known], logs[known], now)
            if told is None and known.any():
                plain.append(true - _level(at[known], logs[known]))
            if told is not None:
                level, season = told
                change.append(season - level)
                truth.append(true - level)
        moved, due = np.array(change), np.array(truth)
        doubt = float(np.var(logs)) if len(logs) > 1 else 1.0
        weight = (float(moved @ due) + PRIOR * doubt) / (float(moved @ moved) + doubt + 1e-12)
        weight = float(np.clip(weight, 0.0, 1.0))
        # a shop of one year is forecast, and so judged, without a season
        missed = due - weight * moved if len(due) else np.array(plain)
        step = float(np.median(np.diff(at))) / DAY_MS if len(at) > 1 else horizon_days
        seasons = len(missed) * min(1.0, step / horizon_days)
        squares = float(np.mean(missed**2)) if len(missed) else 0.0
        variance = (_PRIOR_SEASONS * SPREAD**2 + seasons * squares) / (_PRIOR_SEASONS + seasons)
        return cls(at, logs, weight, float(np.sqrt(variance)), seasons)

    @classmethod
    def none(cls) -> "Season":
        """Nothing is known of any season."""
        return cls(np.empty(0, np.int64), np.empty(0), 0.0)

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Season":
        """What `document` gave."""
        at, logs = document["at"], document["log_power"]
        rest = (float(document[name]) for name in ("weight", "spread", "seasons"))
        return cls(np.array(at, np.int64), np.array(logs, np.float64), *rest)

    def document(self) -> Mapping[str, Any]:
        """As JSON has it."""
        return {
            "at": self.at.tolist(),
            "log_power": self.log_power.tolist(),
            "weight": self.weight,
            "spread": self.spread,
            "seasons": self.seasons,
        }

    @property
    def freedom(self) -> float:
        """Degrees of freedom that `spread` is known by."""
        return _PRIOR_SEASONS + self.seasons

    def power(self, at: int) -> float:
        """The power expected after an instant; 1 when nothing is known."""
        if not len(self.at):
            return 1.0
        told = _forecasts(self.at, self.log_power, at)
        if told is None:
            return float(np.exp(_level(self.at, self.log_power)))
        level, season = told
        return float(np.exp(level + self.weight * (season - level)))


def _level(at: npt.NDArray[np.int64], logs: Floats) -> float:
    """The mean of the last year, which has every season in it once."""
    return float(np.mean(logs[at > at[-1] - YEAR_MS]))


def _forecasts(at: npt.NDArray[np.int64], logs: Floats, now: int) -> tuple[float, float] | None:
    """What to expect without a season, and by last year's; None where last year is not known.

    Last year's is moved by how far this year's latest power is from that of a year before.
    """
    then = now - YEAR_MS
    if not len(at) or not at[0] <= then <= at[-1]:
        return None
    season = float(np.interp(then, at, logs))
    if at[-1] - YEAR_MS >= at[0]:
        season += float(logs[-1]) - float(np.interp(at[-1] - YEAR_MS, at, logs))
    return _level(at, logs), season
