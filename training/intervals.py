"""How sure figures are: intervals of rates and of single AUCs by formula, of others by resampling.

Methods that are compared are resampled together, the AUC too, since their differences are paired.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]

RESAMPLES = 1_000
"""Enough for the ends of a 95 % interval to one part in twenty of its width."""

LEVEL = 0.95
"""Of intervals."""

MOST_CELLS = 4_000_000
"""Customers times resamples held at once; eight bytes each."""


@dataclass(frozen=True)
class Interval:
    """A figure with its interval at `LEVEL`; NaN where it is undefined."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the figure differs from zero beyond chance."""
        return self.low > 0 or self.high < 0

    def __rsub__(self, value: float) -> "Interval":
        """A number that is known less this figure."""
        return Interval(value - self.value, value - self.high, value - self.low)


UNDEFINED = Interval(np.nan, np.nan, np.nan)


def wilson(rate: Floats, count: npt.NDArray[np.int64], z: float = 1.96) -> tuple[Floats, Floats]:
    """Wilson's score interval of shares (Wilson 1927), low and high."""
    middle = (rate + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2))
    return middle - half, middle + half


def rate(happened: npt.NDArray[np.bool_]) -> Interval:
    """The share of True with Wilson's interval."""
    if not len(happened):
        return UNDEFINED
    share = np.array([happened.mean()])
    low, high = wilson(share, np.array([len(happened)]))
    return Interval(float(share[0]), max(0.0, float(low[0])), min(1.0, float(high[0])))


def auc_interval(left: npt.NDArray[np.bool_], predicted: Floats, z: float = 1.96) -> Interval:
    """AUC and its interval, by the variance of DeLong et al. (1988) from ranks (Sun and Xu 2014).

    Arguments:
        left: True where no order followed, shape (n,).
        predicted: P(no order), shape (n,).
        z: of the standard normal distribution, for `LEVEL`.

    Returns:
        NaN where undefined: nobody left or stayed, and of the bounds also where only one did.

    >>> left = np.array([False, False, True, True])
    >>> auc_interval(left, np.array([0.1, 0.4, 0.35, 0.8])).value
    0.75
    """
    positive, negative = predicted[left], predicted[~left]
    m, n = len(positive), len(negative)
    if not m or not n:
        return UNDEFINED
    ranks = rankdata(predicted)
    above = (ranks[left] - rankdata(positive)) / n  # share of stayers below each leaver
    below = 1 - (ranks[~left] - rankdata(negative)) / m
    auc = float(above.mean())
    if m < 2 or n < 2:
        return Interval(auc, np.nan, np.nan)
    half = z * float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n))
    return Interval(auc, max(0.0, auc - half), min(1.0, auc + half))


@dataclass(frozen=True)
class Resampled:
    """Scores of several methods on all customers and on resamples, the same for all methods."""

    scores: dict[str, dict[str, float]]
    """By method, then figure: auc, brier, log_loss."""
    samples: dict[str, dict[str, Floats]]
    """The same on each resample, shape (resamples,)."""

    def interval(self, method: str, figure: str) -> Interval:
        """The percentile interval of a figure."""
        return _percentiles(self.scores[method][figure], self.samples[method][figure])

    def difference(self, method: str, other: str, figure: str) -> Interval:
        """The interval of a figure's difference, method less other, on the same customers."""
        return _percentiles(
            self.scores[method][figure] - self.scores[other][figure],
            self.samples[method][figure] - self.samples[other][figure],
        )


def bootstrap(
    left: npt.NDArray[np.bool_],
    predicted: Mapping[str, Floats],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Resampled:
    """AUC, Brier score and log loss on customers drawn with replacement.

    For the AUC leavers and stayers are drawn apart, so that every resample has both; for the
    others all together, since their share is part of the figure. Every method meets the same
    draws: differences are paired (Efron and Tibshirani 1993).

    Arguments:
        left: True where no order followed, shape (n,).
        predicted: P(no order) by method, each of shape (n,).
        resamples: how many.
        seed: of the draws.
    """
    n, rng = len(left), np.random.default_rng(seed)
    leavers, stayers = np.flatnonzero(left), np.flatnonzero(~left)
    both = len(leavers) > 0 and len(stayers) > 0
    ranked = {name: _Ranked.of(left, values) for name, values in predicted.items()}
    losses = {name: _losses(left, values) for name, values in predicted.items()}
    everyone = np.ones((1, n))
    samples: dict[str, dict[str, list[Floats]]] = {
        name: {"auc": [], "brier": [], "log_loss": []} for name in predicted
    }
    step = max(1, MOST_CELLS // max(n, 1))
    for begin in range(0, resamples if n else 0, step):
        draws = min(step, resamples - begin)
        apart = np.zeros((draws, n))
        for group in (leavers, stayers):
            apart[:, group] = _drawn(rng, draws, len(group))
        together = _drawn(rng, draws, n)
        for name, parts in samples.items():
            if both:
                parts["auc"].append(ranked[name].auc(apart))
            for figure, loss in losses[name].items():
                parts[figure].append(together @ loss / n)
    scores = {
        name: {
            "auc": float(ranked[name].auc(everyone)[0]) if both else float("nan"),
            **{
                figure: float(loss.mean()) if n else float("nan")
                for figure, loss in losses[name].items()
            },
        }
        for name in predicted
    }
    return Resampled(
        scores,
        {
            name: {
                figure: np.concatenate(values) if values else np.full(resamples, np.nan)
                for figure, values in parts.items()
            }
            for name, parts in samples.items()
        },
    )


def mean_interval(values: Floats, *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The mean of a number per customer with its percentile interval."""
    n, rng, means = len(values), np.random.default_rng(seed), []
    step = max(1, MOST_CELLS // max(n, 1))
    for begin in range(0, resamples, step):
        means.append(_drawn(rng, min(step, resamples - begin), n) @ values / n)
    return _percentiles(float(values.mean()), np.concatenate(means))


def mean_intervals(
    columns: Mapping[str, Floats], *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Interval]:
    """Means of numbers per customer with percentile intervals, all on the same resamples.

    A column of differences between two methods is therefore paired. NaN, where a number is
    undefined for a customer, is left out of its column's mean.

    Arguments:
        columns: by name, each of shape (customers,).
        resamples: how many.
        seed: of the draws.
    """
    if not columns:
        return {}
    table = np.column_stack(list(columns.values()))
    defined, n = np.isfinite(table), len(table)
    filled, weight = np.where(defined, table, 0.0), defined.astype(np.float64)
    step, rng = max(1, MOST_CELLS // max(n, 1)), np.random.default_rng(seed)
    samples = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for begin in range(0, resamples if n else 0, step):
            drawn = _drawn(rng, min(step, resamples - begin), n)
            samples.append((drawn @ filled) / (drawn @ weight))
        means = filled.sum(axis=0) / weight.sum(axis=0)
    stacked = np.concatenate([np.empty((0, len(columns))), *samples])
    return {
        name: _percentiles(float(means[i]), stacked[:, i]) if n else UNDEFINED
        for i, name in enumerate(columns)
    }


def ratio_intervals(
    sums: Mapping[str, Floats],
    figures: Mapping[str, Callable[[Mapping[str, Floats]], Floats]],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """Figures made of sums over customers, with percentile intervals on the same resamples.

    Arguments:
        sums: by name, what each customer adds, each of shape (customers,).
        figures: by name, from the sums over all customers, shape (n,), to the figure, shape (n,).
        resamples: how many.
        seed: of the draws.
    """
    table = np.column_stack(list(sums.values()))
    n, rng, parts = len(table), np.random.default_rng(seed), [table.sum(axis=0)[None, :]]
    step = max(1, MOST_CELLS // max(n, 1))
    for begin in range(0, resamples, step):
        parts.append(_drawn(rng, min(step, resamples - begin), n) @ table)
    added = dict(zip(sums, np.concatenate(parts).T, strict=True))
    out = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for name, figure in figures.items():
            values = figure(added)
            out[name] = _percentiles(float(values[0]), values[1:])
    return out


@dataclass(frozen=True)
class _Ranked:
    """Customers in the order of a prediction, for areas under the curve of many weightings."""

    order: npt.NDArray[np.int64]
    left: Floats
    """In that order."""
    starts: npt.NDArray[np.int64]
    """Where each group of equal predictions begins."""

    @classmethod
    def of(cls, left: npt.NDArray[np.bool_], predicted: Floats) -> "_Ranked":
        order = np.argsort(predicted, kind="stable")
        new = np.append(True, np.diff(predicted[order]) > 0)[: len(order)]
        return cls(order, left[order].astype(np.float64), np.flatnonzero(new))

    def auc(self, weights: Floats) -> Floats:
        """P(a leaver is ranked above a stayer), ties half, of each row of weights."""
        ordered = weights[:, self.order]
        gone = np.add.reduceat(ordered * self.left, self.starts, axis=1)
        stayed = np.add.reduceat(ordered * (1 - self.left), self.starts, axis=1)
        below = np.cumsum(stayed, axis=1) - stayed / 2
        out: Floats = (gone * below).sum(axis=1) / (gone.sum(axis=1) * stayed.sum(axis=1))
        return out


def _losses(left: npt.NDArray[np.bool_], predicted: Floats) -> dict[str, Floats]:
    return {"brier": (predicted - left) ** 2, "log_loss": log_losses(left, predicted)}


def log_losses(left: npt.NDArray[np.bool_], predicted: Floats) -> Floats:
    """Each customer's log loss, shape (n,); as scikit-learn's, certainty is taken back a little."""
    least = np.finfo(np.float64).eps
    out: Floats = -np.log(np.clip(np.where(left, predicted, 1 - predicted), least, 1.0))
    return out


def _drawn(rng: np.random.Generator, draws: int, n: int) -> Floats:
    """How often each of n is drawn with replacement, n times, shape (draws, n)."""
    places = rng.integers(0, n, (draws, n)) + np.arange(draws)[:, None] * n
    return np.bincount(places.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def _percentiles(value: float, samples: Floats) -> Interval:
    if not np.isfinite(samples).any():
        return Interval(value, float("nan"), float("nan"))
    edge = (1 - LEVEL) / 2
    low, high = np.nanquantile(samples, [edge, 1 - edge])
    return Interval(value, float(low), float(high))
