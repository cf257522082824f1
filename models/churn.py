"""Churn risk: the probability that a customer places no order in the next days."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from features.errors import BundleError, InputError, NotEnoughDataError
from features.instants import DAY_MS
from models.reasons import ChurnReason, sentence, speaks

MIN_EACH = 10
"""Customers that must have left, and must have stayed, for anything to be learnt."""


class ChurnModel:
    """P(no order in the horizon) by gradient-boosted trees, calibrated on later instants.

    The trees are fitted twice. First on instants whose horizon had ended by the latest
    instant, whose customers then calibrate them: a logistic curve with slope and intercept
    (Platt 1999) on the log odds. Then on everything, under the same calibration. So the
    calibration has seen what a forecast meets: a later season and unseen outcomes. With too
    few instants for this, the trees' own probability stands.

    Arguments:
        trees: boosting rounds.
        leaves: leaves of one tree.
        learning_rate: weight of one tree.
        min_rows: customers in a leaf at least.
        column_share: share of the features that one tree sees.
        seed: of all random choices; equal input then gives an equal model.
        threads: of LightGBM; part of what "equal input" means.
    """

    def __init__(
        self,
        *,
        trees: int = 100,
        leaves: int = 7,
        learning_rate: float = 0.03,
        min_rows: int = 100,
        column_share: float = 0.5,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.trees = trees
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.min_rows = min_rows
        self.column_share = column_share
        self.seed = seed
        self.threads = threads
        self.feature_names_: tuple[str, ...] = ()
        self.horizon_days_ = 0
        self.slope_ = 1.0
        self.intercept_ = 0.0
        self.booster_: lgb.Booster | None = None

    def fit(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803 - scikit-learn's name
        y: npt.NDArray[np.bool_],
        at: npt.NDArray[np.int64],
        feature_names: Sequence[str],
        horizon_days: int,
    ) -> Self:
        """Learn from customers at past instants.

        Arguments:
            X: features, shape (n, features); NaN where undefined.
            y: True where the customer placed no order in the horizon, shape (n,).
            at: the instant of each row, int64 ms UTC, shape (n,).
            feature_names: names of X's columns, as features.definitions declares them.
            horizon_days: the horizon that y speaks of.

        Raises:
            InputError: shapes do not fit, or X holds infinite values.
            NotEnoughDataError: fewer than MIN_EACH customers left or stayed.
        """
        features, left, instants = _checked(X, y, at, feature_names, horizon_days)
        gone = int(left.sum())
        if gone < MIN_EACH or len(left) - gone < MIN_EACH:
            raise NotEnoughDataError(
                f"churn needs at least {MIN_EACH} customers who left and {MIN_EACH} who stayed; "
                f"of {len(left):,} rows {gone:,} left and {len(left) - gone:,} stayed: import a "
                "longer history or choose another horizon_days"
            )
        self.feature_names_ = tuple(feature_names)
        self.horizon_days_ = int(horizon_days)
        self.slope_, self.intercept_ = self._calibrate(features, left, instants)
        self.booster_ = self._boost(features, left)
        return self

    def predict_proba(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:  # noqa: N803
        """P(no order in the horizon) of each row, float64, shape (n,).

        Raises:
            InputError: X has other columns than `fit` had.
        """
        features = self._columns(X)
        if not len(features):
            return np.empty(0, np.float64)
        raw = self._fitted.predict(features, raw_score=True, num_threads=self._threads(features))
        out: npt.NDArray[np.float64] = expit(self.slope_ * np.asarray(raw) + self.intercept_)
        return out

    def reasons(self, X: npt.NDArray[np.float32], limit: int = 3) -> list[ChurnReason]:  # noqa: N803
        """The features that moved one customer's risk most, strongest first.

        Contributions are exact Shapley values of the trees (Lundberg et al. 2018), times
        the calibration's slope. Features whose figure says nothing to a reader are left out.

        Arguments:
            X: one row, shape (features,) or (1, features).
            limit: how many reasons at most.
        """
        row = self._columns(np.atleast_2d(X))
        if len(row) != 1:
            raise InputError(f"reasons are for one customer; X has {len(row)} rows")
        parts = np.asarray(self._fitted.predict(row, pred_contrib=True, num_threads=1))[0, :-1]
        out: list[ChurnReason] = []
        for column in np.argsort(-np.abs(parts), kind="stable"):
            name = self.feature_names_[column]
            if len(out) == limit or parts[column] == 0:
                break
            if speaks(name):
                text = sentence(name, float(row[0, column]))
                out.append(ChurnReason(name, float(self.slope_ * parts[column]), text))
        return out

    def importance(self) -> dict[str, float]:
        """How much each feature lowered the loss, summed over all splits."""
        gains = self._fitted.feature_importance("gain")
        return dict(zip(self.feature_names_, map(float, gains), strict=True))

    def save(self, folder: Path) -> None:
        """Write LightGBM's text form and JSON; no pickle."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trees.txt").write_text(self._fitted.model_to_string(), encoding="utf-8")
        settings: dict[str, Any] = {
            "settings": {
                "trees": self.trees,
                "leaves": self.leaves,
                "learning_rate": self.learning_rate,
                "min_rows": self.min_rows,
                "column_share": self.column_share,
                "seed": self.seed,
                "threads": self.threads,
            },
            "feature_names": list(self.feature_names_),
            "horizon_days": self.horizon_days_,
            "slope": self.slope_,
            "intercept": self.intercept_,
        }
        text = json.dumps(settings, indent=1, sort_keys=True) + "\n"
        (folder / "churn.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            BundleError: a file is missing or unreadable.
        """
        try:
            document = json.loads((folder / "churn.json").read_text(encoding="utf-8"))
            out = cls(**document["settings"])
            out.feature_names_ = tuple(document["feature_names"])
            out.horizon_days_ = int(document["horizon_days"])
            out.slope_, out.intercept_ = float(document["slope"]), float(document["intercept"])
            text = (folder / "trees.txt").read_text(encoding="utf-8")
            out.booster_ = lgb.Booster(model_str=text)
        except (OSError, ValueError, KeyError, TypeError, lgb.basic.LightGBMError) as error:
            raise BundleError(f"cannot read the churn model in {folder}: {error}") from error
        return out

    @property
    def _fitted(self) -> lgb.Booster:
        if self.booster_ is None:
            raise InputError("this churn model is not fitted; call fit or load first")
        return self.booster_

    def _threads(self, rows: npt.NDArray[np.float32]) -> int:
        """One thread for a request; several only where there is work for them."""
        return 1 if len(rows) < 1_000 else self.threads

    def _columns(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:  # noqa: N803
        features = np.ascontiguousarray(X, np.float32)
        if features.ndim != 2 or features.shape[1] != len(self.feature_names_):
            raise InputError(
                f"X has shape {features.shape}; this churn model takes "
                f"(customers, {len(self.feature_names_)}) with the columns of feature_names_"
            )
        return features

    def _calibrate(
        self,
        features: npt.NDArray[np.float32],
        left: npt.NDArray[np.bool_],
        at: npt.NDArray[np.int64],
    ) -> tuple[float, float]:
        latest = at == at.max()
        earlier = at <= at.max() - self.horizon_days_ * DAY_MS
        for rows in (latest, earlier):
            gone = int(left[rows].sum())
            if gone < MIN_EACH or int(rows.sum()) - gone < MIN_EACH:
                return 1.0, 0.0
        raw = self._boost(features[earlier], left[earlier]).predict(
            features[latest], raw_score=True, num_threads=self.threads
        )
        curve = LogisticRegression(C=1e6).fit(np.asarray(raw).reshape(-1, 1), left[latest])
        slope, intercept = float(curve.coef_[0, 0]), float(curve.intercept_[0])
        # a falling curve would turn the order round; the trees' own probability is safer
        return (slope, intercept) if slope > 0 else (1.0, 0.0)

    def _boost(self, features: npt.NDArray[np.float32], left: npt.NDArray[np.bool_]) -> lgb.Booster:
        parameters = {
            "objective": "binary",
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            # a small shop must still be able to split
            "min_data_in_leaf": max(1, min(self.min_rows, len(left) // 20)),
            "feature_fraction": self.column_share,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.threads,
            "verbosity": -1,
        }
        data = lgb.Dataset(
            features, left.astype(np.float32), feature_name=list(self.feature_names_)
        )
        return lgb.train(parameters, data, num_boost_round=self.trees)


def _checked(
    X: npt.NDArray[np.float32],  # noqa: N803
    y: npt.NDArray[np.bool_],
    at: npt.NDArray[np.int64],
    feature_names: Sequence[str],
    horizon_days: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    features = np.ascontiguousarray(X, np.float32)
    left, instants = np.asarray(y), np.asarray(at, np.int64)
    if features.ndim != 2 or features.shape[1] != len(feature_names):
        raise InputError(f"X has shape {features.shape}, but {len(feature_names)} feature_names")
    if left.shape != (len(features),) or instants.shape != (len(features),):
        raise InputError(
            f"y {left.shape} and at {instants.shape} must have one entry per row of "
            f"X {features.shape}"
        )
    if left.dtype != np.bool_:
        raise InputError(f"y must be boolean, True for no order; it is {left.dtype}")
    if horizon_days < 1:
        raise InputError(f"horizon_days = {horizon_days}: must be at least 1")
    if np.isinf(features).any():
        column = feature_names[int(np.argmax(np.isinf(features).any(axis=0)))]
        raise InputError(f"X holds infinite values in {column}; undefined must be NaN")
    return features, left, instants
