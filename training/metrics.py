"""How right predictions were: of churn probabilities, and of ranked products."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from models.value.choice import correlation, gini

Floats = npt.NDArray[np.float64]

OURS = "ours"
"""What our own model is called among the methods."""

BINS = 10
"""Bins of the calibration error, of equal counts."""


def churn_metrics(left: npt.NDArray[np.bool_], predicted: Floats) -> dict[str, float]:
    """All figures of a churn prediction.

    Arguments:
        left: True where no order followed, shape (n,).
        predicted: P(no order), shape (n,).

    Returns:
        auc, average_precision, brier, log_loss, ece, mean_predicted, mean_observed,
        lift_top_decile, and the parts of `Murphy` as brier_reliability, brier_resolution,
        brier_uncertainty and brier_within; NaN where a figure is undefined (nobody left, or
        everybody did).
    """
    if not len(left):
        return dict.fromkeys(_CHURN_NAMES, float("nan"))
    both = bool(left.any() and not left.all())
    parts = murphy(left, predicted)
    figures = (
        float(roc_auc_score(left, predicted)) if both else float("nan"),
        float(average_precision_score(left, predicted)) if left.any() else float("nan"),
        float(np.mean((predicted - left) ** 2)),
        float(log_loss(left, predicted, labels=[False, True])),
        expected_calibration_error(left, predicted),
        float(predicted.mean()),
        float(left.mean()),
        lift(left, predicted, 0.1),
        parts.reliability,
        parts.resolution,
        parts.uncertainty,
        parts.within,
    )
    return dict(zip(_CHURN_NAMES, figures, strict=True))


_CHURN_NAMES = (
    "auc",
    "average_precision",
    "brier",
    "log_loss",
    "ece",
    "mean_predicted",
    "mean_observed",
    "lift_top_decile",
    "brier_reliability",
    "brier_resolution",
    "brier_uncertainty",
    "brier_within",
)


@dataclass(frozen=True)
class Murphy:
    """The parts of a Brier score: reliability - resolution + uncertainty + within.

    The first three are Murphy's (1973), over bins. Predictions that differ within a bin leave a
    rest, which is the variance of the predictions within bins less twice their covariance with
    what happened (Stephenson, Coelho and Jolliffe 2008).
    """

    reliability: float
    """Mean squared distance of predicted from observed over the bins; 0 is best."""
    resolution: float
    """Mean squared distance of the bins' observed rates from the overall rate; higher is
    better."""
    uncertainty: float
    """The variance of the outcome: the Brier score of whoever always says the overall rate."""
    within: float
    """What bins do not tell."""

    @property
    def brier(self) -> float:
        """The mean squared error, which the parts add up to."""
        return self.reliability - self.resolution + self.uncertainty + self.within


def murphy(left: npt.NDArray[np.bool_], predicted: Floats, bins: int = BINS) -> Murphy:
    """The decomposition of the Brier score over bins of equal counts.

    Equal predictions are never parted, so bins are as equal as they allow.

    Arguments:
        left: True where no order followed, shape (n,), n above 0.
        predicted: P(no order), shape (n,).
        bins: how many at most.
    """
    n = len(left)
    _, group, size = np.unique(predicted, return_inverse=True, return_counts=True)
    place = (np.cumsum(size) - size)[group] * bins // n
    _, place = np.unique(place, return_inverse=True)
    count = np.bincount(place)
    forecast = np.bincount(place, predicted) / count
    observed = np.bincount(place, left) / count
    rate = float(left.mean())
    apart = predicted - forecast[place]
    return Murphy(
        reliability=float((forecast - observed) ** 2 @ count) / n,
        resolution=float((observed - rate) ** 2 @ count) / n,
        uncertainty=rate * (1 - rate),
        within=float(np.mean(apart**2 - 2 * apart * (left - observed[place]))),
    )


def reliability(
    left: npt.NDArray[np.bool_] | Floats, predicted: Floats, bins: int = BINS
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Mean prediction, observed rate and count of each bin, bins of equal counts.

    Bins are filled in order of the prediction; with fewer rows than bins some are left out.
    """
    rate = _rate_among_equals(left, predicted)
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return (
        np.array([predicted[part].mean() for part in parts]),
        np.array([rate[part].mean() for part in parts]),
        np.array([len(part) for part in parts], np.int64),
    )


def expected_calibration_error(
    left: npt.NDArray[np.bool_], predicted: Floats, bins: int = BINS
) -> float:
    """Mean distance between predicted and observed over the bins, weighted by their counts."""
    forecast, observed, count = reliability(left, predicted, bins)
    return float(np.abs(forecast - observed) @ count / count.sum())


def lift(left: npt.NDArray[np.bool_], predicted: Floats, share: float) -> float:
    """How often those most at risk left, against everybody; NaN where nobody left."""
    top = max(1, round(share * len(left)))
    rate = _rate_among_equals(left, predicted)
    order = np.argsort(-predicted, kind="stable")
    return float(rate[order[:top]].mean() / left.mean()) if left.any() else float("nan")


def lift_by_share(left: npt.NDArray[np.bool_], predicted: Floats, parts: int = 10) -> Floats:
    """How often each tenth left, riskiest first, against everybody; NaN where nobody left."""
    if not left.any():
        return np.full(parts, np.nan)
    return np.diff(gain_curve(left, predicted, parts + 1)[1]) * parts


def gain_curve(
    left: npt.NDArray[np.bool_], predicted: Floats, points: int = 101
) -> tuple[Floats, Floats]:
    """Share of customers approached, riskiest first, and share of the leavers among them."""
    order = np.argsort(-predicted, kind="stable")
    rate = _rate_among_equals(left, predicted)
    found = np.concatenate([[0], np.cumsum(rate[order])]) / max(1, int(left.sum()))
    approached = np.linspace(0, 1, points)
    return approached, np.interp(approached, np.linspace(0, 1, len(left) + 1), found)


def _rate_among_equals(left: npt.NDArray[np.bool_] | Floats, predicted: Floats) -> Floats:
    """Each row's observed rate among the rows of equal prediction, which have no order."""
    _, group = np.unique(predicted, return_inverse=True)
    rate: Floats = np.bincount(group, left)[group] / np.bincount(group)[group]
    return rate


def value_metrics(
    orders: Floats, told_orders: Floats, spend: Floats, told_spend: Floats
) -> dict[str, float]:
    """All figures of a forecast of orders and spend, each array of shape (n,).

    Returns:
        orders_mae, orders_rmse, orders_spearman, spend_mae, spend_spearman, spend_gini (the Gini
        coefficient over the best possible one), and of both the mean predicted and observed, and
        the decile error: how far the means of tenths of the customers are from what came, on
        average, over its mean. NaN where a figure is undefined (nobody there, or nothing is known
        of money).
    """
    if not len(orders):
        return dict.fromkeys(_VALUE_NAMES, float("nan"))
    known = bool(np.isfinite(spend).all() and np.isfinite(told_spend).all())
    error, missed = np.abs(orders - told_orders), np.abs(spend - told_spend)
    figures = (
        float(error.mean()),
        float(np.sqrt((error**2).mean())),
        correlation(orders, told_orders),
        float(missed.mean()),
        correlation(spend, told_spend) if known else float("nan"),
        gini(spend, told_spend) if known else float("nan"),
        float(told_orders.mean()),
        float(orders.mean()),
        float(told_spend.mean()),
        float(spend.mean()),
        _decile_error(orders, told_orders),
        _decile_error(spend, told_spend) if known else float("nan"),
    )
    return dict(zip(_VALUE_NAMES, figures, strict=True))


_VALUE_NAMES = (
    "orders_mae",
    "orders_rmse",
    "orders_spearman",
    "spend_mae",
    "spend_spearman",
    "spend_gini",
    "orders_mean_predicted",
    "orders_mean_observed",
    "spend_mean_predicted",
    "spend_mean_observed",
    "orders_decile_error",
    "spend_decile_error",
)


def _decile_error(true: Floats, told: Floats) -> float:
    expected, came, count = deciles(true, told)
    mean = float(true.mean())
    error = float(np.abs(expected - came) @ count) / len(true)
    return error / mean if mean > 0 else float("nan")


def deciles(true: Floats, told: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Mean forecast, mean of what came and count of each tenth of the customers, lowest first."""
    return reliability(true, told)


def hits(
    ranked: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    products: npt.NDArray[np.int32],
) -> npt.NDArray[np.bool_]:
    """Which recommendations were bought.

    Arguments:
        ranked: best first, -1 where there is none, shape (customers, k); no product twice.
        offsets: what customer i bought is `products[offsets[i]:offsets[i + 1]]`, distinct.
        products: bought products of all customers.

    Returns:
        Shape (customers, k).
    """
    size = np.int64(max(ranked.max(initial=0), products.max(initial=0)) + 1)
    owner = np.repeat(np.arange(len(ranked), dtype=np.int64), np.diff(offsets))
    key = np.arange(len(ranked), dtype=np.int64)[:, None] * size + ranked
    return np.isin(key, owner * size + products) & (ranked >= 0)


def ranking_metrics(
    hit: npt.NDArray[np.bool_],
    bought: npt.NDArray[np.int64],
    ks: tuple[int, ...] = (10, 20),
    ideal: Literal["full", "min"] = "full",
) -> dict[str, float]:
    """Means over customers of `ranking_scores`; NaN where there is nobody."""
    return {
        name: float(values.mean()) if len(values) else float("nan")
        for name, values in ranking_scores(hit, bought, ks, ideal).items()
    }


def ranking_scores(
    hit: npt.NDArray[np.bool_],
    bought: npt.NDArray[np.int64],
    ks: tuple[int, ...] = (10, 20),
    ideal: Literal["full", "min"] = "full",
) -> dict[str, Floats]:
    """Recall, NDCG, PHR and MAP at k of each customer, shape (customers,).

    recall: share of what was bought that is among the first k. ndcg: discounted gain over the
    ideal one, of everything bought (full) or of its first k (min). phr: whether there is
    any hit. map: mean precision at the hits, over min(bought, k).

    Arguments:
        hit: which recommendations were bought, best first, shape (customers, at least k).
        bought: how many products each customer bought, above 0, shape (customers,).
        ks: list lengths.
        ideal: what the NDCG is divided by.
    """
    out: dict[str, Floats] = {}
    for k in ks:
        first = hit[:, :k]
        count = first.sum(axis=1)
        discount = 1.0 / np.log2(np.arange(2, first.shape[1] + 2))
        best = bought if ideal == "full" else np.minimum(bought, k)
        most = int(best.max(initial=1))
        ideals = np.cumsum(1.0 / np.log2(np.arange(2, most + 2)))
        precision = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)
        out[f"recall@{k}"] = count / bought
        out[f"ndcg@{k}"] = (first @ discount) / ideals[best - 1]
        out[f"phr@{k}"] = (count > 0).astype(np.float64)
        out[f"map@{k}"] = (precision * first).sum(axis=1) / np.minimum(bought, k)
    return out


def recall_curve(hit: npt.NDArray[np.bool_], bought: npt.NDArray[np.int64]) -> Floats:
    """Mean recall at 1, 2, … as far as the lists go."""
    curve: Floats = (np.cumsum(hit, axis=1) / bought[:, None]).mean(axis=0)
    return curve
