"""Churn risk by a purchase model, a season and gradient-boosted trees."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from features.errors import BundleError, InputError, NotEnoughDataError
from features.instants import DAY_MS
from models.churn.season import MIN_HISTORY_DAYS, Season, power
from models.purchases import Counts, MbgNbd
from models.reasons import LIMIT, Reason, reasons

MIN_EACH = 10
"""Customers that must have left, and must have stayed, for anything to be learnt."""

FIT_CUSTOMERS = 50_000
"""Customers that a purchase model is fitted on, drawn at random: four numbers need no more."""

EXTRA = ("mbg_nbd_no_order_log_odds", "mbg_nbd_orders_log", "mbg_nbd_alive")
"""Columns that the purchase model adds to the features."""

_LEAST = 1e-4
"""Probabilities stay this far from 0 and 1, so that log odds are finite."""


class ChurnModel:
    """P(no order in the horizon): a purchase model, moved by the season, corrected by trees.

    What frequency, recency and age alone tell, MBG/NBD says (Batislam et al. 2007), fitted anew at
    each training instant on what was known then. The season moves all customers of an instant
    alike; see `Season`. From there the trees learn what is particular: they start at the log odds
    of the two, at a training instant with the season that was observed, so that they learn no
    base rate; a forecast starts with the season that is expected. Where the features do not tell
    when somebody ordered, or nobody ever came back, the trees start at the mean rate.

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
        self.at_ = 0
        """The instant up to which it was trained, int64 ms UTC: the default of predictions."""
        self.mean_rate_ = 0.5
        self.purchases_: MbgNbd | None = None
        self.season_ = Season.none()
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
        self.mean_rate_ = gone / len(left)
        self.at_ = int(instants.max()) + self.horizon_days_ * DAY_MS
        start, extra = self._past(features, left, instants)
        self.booster_ = self._boost(np.column_stack([features, extra]), left, start)
        return self

    def predict_proba(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803
        at: int | None = None,
    ) -> npt.NDArray[np.float64]:
        """P(no order in the horizon) of each row, float64, shape (n,).

        Arguments:
            X: features, as `fit` had them.
            at: the instant of the features, for the season; that up to which it was trained when
                None.

        Raises:
            InputError: X has other columns than `fit` had.
        """
        features = self._columns(X)
        if not len(features):
            return np.empty(0, np.float64)
        start, extra = self._start(features, self.at_ if at is None else at)
        raw = self._fitted.predict(
            np.column_stack([features, extra]),
            raw_score=True,
            num_threads=self._threads(features),
        )
        out: npt.NDArray[np.float64] = expit(start + np.asarray(raw))
        return out

    def contributions(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803
        at: int | None = None,
    ) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
        """How far each column moves each customer's log odds of leaving from the mean rate's.

        They are exact Shapley values of the trees (Lundberg et al. 2018); where the trees start is
        the purchase model's own.

        Arguments:
            X: features, as `fit` had them.
            at: the instant of the features, as `predict_proba` has it.

        Returns:
            The columns' names, features first; contributions, float64, shape (n, columns).
        """
        rows = self._columns(X)
        start, extra = self._start(rows, self.at_ if at is None else at)
        names = (*self.feature_names_, *EXTRA)[: rows.shape[1] + extra.shape[1]]
        if not len(rows):
            return names, np.empty((0, len(names)))
        columns = np.column_stack([rows, extra])
        told = self._fitted.predict(columns, pred_contrib=True, num_threads=self._threads(rows))
        parts = np.asarray(told, np.float64)[:, :-1]
        if extra.shape[1]:
            parts[:, rows.shape[1]] += start - logit(self.mean_rate_)
        return names, parts

    def reasons(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803
        limit: int = LIMIT,
        at: int | None = None,
    ) -> list[Reason]:
        """What moved one customer's risk most, strongest first; see `models.reasons`.

        Arguments:
            X: one row, shape (features,) or (1, features).
            limit: how many reasons at most.
            at: the instant of the features, as `predict_proba` has it.
        """
        row = np.atleast_2d(X)
        if len(row) != 1:
            raise InputError(f"reasons are for one customer; X has {len(row)} rows")
        return self.explain(row, limit, at)[0]

    def explain(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803
        limit: int = LIMIT,
        at: int | None = None,
    ) -> list[list[Reason]]:
        """As `reasons`, of many customers at one instant; X of shape (n, features)."""
        rows = self._columns(X)
        names, parts = self.contributions(rows, at)
        return [
            reasons(
                dict(zip(names, moved, strict=True)),
                dict(zip(self.feature_names_, own, strict=True)),
                limit,
            )
            for moved, own in zip(parts.tolist(), rows.tolist(), strict=True)
        ]

    def importance(self) -> dict[str, float]:
        """How much each feature lowered the loss, summed over all splits."""
        gains = self._fitted.feature_importance("gain")
        return dict(zip((*self.feature_names_, *EXTRA), map(float, gains), strict=False))

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
            "at": self.at_,
            "mean_rate": self.mean_rate_,
            "purchases": None if self.purchases_ is None else self.purchases_.parameters_,
            "season": {
                "at": self.season_.at.tolist(),
                "log_power": self.season_.log_power.tolist(),
                "weight": self.season_.weight,
            },
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
            out.at_, out.mean_rate_ = int(document["at"]), float(document["mean_rate"])
            if document["purchases"] is not None:
                out.purchases_ = MbgNbd(document["purchases"])
            season = document["season"]
            out.season_ = Season(
                np.array(season["at"], np.int64),
                np.array(season["log_power"], np.float64),
                float(season["weight"]),
            )
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

    def _past(
        self,
        features: npt.NDArray[np.float32],
        left: npt.NDArray[np.bool_],
        instants: npt.NDArray[np.int64],
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Where the trees start at past instants, and what the purchase model adds to X.

        Sets `purchases_`, of the latest instant, and `season_`.
        """
        start = np.full(len(left), logit(self.mean_rate_))
        extra = np.full((len(left), len(EXTRA)), np.nan)
        counts = Counts.of_features(features, self.feature_names_)
        self.purchases_, self.season_ = None, Season.none()
        if counts is None:
            return start, extra[:, :0]
        at, powers = [], []
        for instant in np.unique(instants):
            rows = np.flatnonzero(instants == instant)
            theirs = counts.of(rows)
            try:
                model = MbgNbd().fit(theirs.sample(FIT_CUSTOMERS, self.seed))
            except NotEnoughDataError:
                continue
            silence, extra[rows] = _told(model, theirs, self.horizon_days_)
            moved = power(silence, float(left[rows].mean()))
            start[rows] = _log_odds(silence**moved)
            self.purchases_ = model
            if theirs.age.max() * 7 >= MIN_HISTORY_DAYS:
                at.append(instant)
                powers.append(moved)
        if at:
            season = np.array(at, np.int64), np.array(powers)
            self.season_ = Season.of(*season, self.horizon_days_)
        return start, extra

    def _start(
        self, features: npt.NDArray[np.float32], at: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """As `_past`, at one instant, with the season that is expected there."""
        counts = Counts.of_features(features, self.feature_names_)
        if counts is None or self.purchases_ is None:
            width = 0 if counts is None else len(EXTRA)
            start = np.full(len(features), logit(self.mean_rate_))
            return start, np.full((len(features), width), np.nan)
        silence, extra = _told(self.purchases_, counts, self.horizon_days_)
        return _log_odds(silence ** self.season_.power(at)), extra

    def _boost(
        self,
        features: npt.NDArray[np.float64],
        left: npt.NDArray[np.bool_],
        start: npt.NDArray[np.float64],
    ) -> lgb.Booster:
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
        names = [*self.feature_names_, *EXTRA][: features.shape[1]]
        data = lgb.Dataset(features, left.astype(np.float32), feature_name=names, init_score=start)
        return lgb.train(parameters, data, num_boost_round=self.trees)


def _told(
    model: MbgNbd, counts: Counts, horizon_days: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """P(no order in the horizon), and the columns `EXTRA`."""
    weeks = horizon_days / 7
    silence = np.clip(model.no_order(counts, weeks), _LEAST, 1 - _LEAST)
    columns = (_log_odds(silence), np.log1p(model.orders(counts, weeks)), model.alive(counts))
    return silence, np.column_stack(columns)


def _log_odds(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    out: npt.NDArray[np.float64] = logit(np.clip(probability, _LEAST, 1 - _LEAST))
    return out


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
