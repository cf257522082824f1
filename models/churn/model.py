"""Churn risk by a purchase model, a season and what corrects them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import t as student

from features.errors import BundleError, InputError, NotEnoughDataError
from features.instants import DAY_MS
from models.boosting import to_predict
from models.churn.bands import Bands, Economics
from models.churn.base import COLUMNS, Fits, Floats, Past, log_odds, told
from models.churn.checks import checked
from models.churn.choice import MIN_EACH, Choice, choose, weights
from models.churn.estimate import LEVEL, Estimate
from models.churn.recalibration import ORDER_VALUE, Recalibration, seen, worth
from models.churn.season import Season, power
from models.churn.trees import Boosting
from models.purchases import PURCHASE_MODELS, Counts, PurchaseModel
from models.reasons import LIMIT, Reason, reasons
from models.tables import Table, known_table

STRETCH_SD = 0.25
"""How far the log of a rate may be off per e-fold that a horizon is longer than what was learnt."""


class ChurnModel:
    """P(no order in the horizon): a purchase model, moved by the season, corrected.

    What frequency, recency and age alone tell, a purchase model says (BG/NBD, MBG/NBD or
    Pareto/NBD), fitted anew at each training instant on what was known then. The season moves all
    customers of an instant alike; see `Season`. From there a logistic recalibration and
    gradient-boosted trees learn what is particular: they start at the log odds of the two, at a
    training instant with the season that was observed, so that they learn no base rate; a forecast
    starts with the season that is expected. Which purchase model, and how much of each correction,
    looking back decides; see `choose`.

    Labels may look less far ahead than the horizon, where the history is too short for it. What
    is learnt then holds for the longest they do look, and is stretched to the horizon by the
    purchase model: the same power for all, since twice the days are about twice the orders.

    Arguments:
        trees: boosting rounds.
        leaves: leaves of one tree.
        learning_rate: weight of one tree.
        min_rows: customers in a leaf at least.
        column_share: share of the features that one tree sees.
        row_share: share of the rows that one tree sees.
        half_life_days: after so many days an instant counts half in the corrections.
        economics: of the means against leaving, which make the bands.
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
        row_share: float = 0.7,
        half_life_days: float = 180.0,
        economics: Economics | None = None,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.boosting = Boosting(
            trees, leaves, learning_rate, min_rows, column_share, row_share, seed, threads
        )
        self.half_life_days = half_life_days
        self.economics = economics or Economics()
        self.feature_names_: tuple[str, ...] = ()
        self.horizon_days_ = 0
        self.learnt_days_ = 0
        """How far the longest labels looked ahead; the horizon, unless the history is short."""
        self.at_ = 0
        """The instant up to which it was trained, int64 ms UTC: the default of predictions."""
        self.mean_rate_ = 0.5
        """Share that left in what was learnt from."""
        self.bands_ = Bands.by_expected_value(self.economics)
        self.choice_ = Choice(None)
        self.purchases_: PurchaseModel | None = None
        self.season_ = Season.none()
        self.stretch_ = 1.0
        """The power that leads from the learnt days to the horizon."""
        self.recalibration_: Recalibration | None = None
        self.booster_: lgb.Booster | None = None

    def fit(
        self,
        X: Table,  # noqa: N803 - scikit-learn's name
        y: npt.NDArray[np.bool_],
        at: npt.NDArray[np.int64],
        feature_names: Sequence[str],
        horizon_days: int,
        days: npt.NDArray[np.int64] | None = None,
        customer: npt.NDArray[np.int64] | None = None,
        fits: Fits | None = None,
    ) -> Self:
        """Learn from customers at past instants.

        Arguments:
            X: features, shape (n, features); NaN where undefined.
            y: True where the customer placed no order in the days after, shape (n,).
            at: the instant of each row, int64 ms UTC, shape (n,).
            feature_names: names of X's columns, as features.definitions declares them.
            horizon_days: the horizon that is predicted.
            days: how far each label looks ahead, one number for all rows of an instant, at most
                the horizon, shape (n,); the horizon when None.
            customer: whose row each is, so that nobody is judged by what was learnt from them,
                shape (n,); somebody else's when None.
            fits: purchase models of these very rows and this seed, added to and used again.

        Raises:
            InputError: shapes do not fit, or X holds infinite values.
            NotEnoughDataError: fewer than MIN_EACH customers left or stayed.
        """
        features, left, instants, ahead = checked(X, y, at, feature_names, horizon_days, days)
        who = np.arange(len(left)) if customer is None else np.asarray(customer)
        gone, stayed = len(np.unique(who[left])), len(np.unique(who[~left]))
        if gone < MIN_EACH or stayed < MIN_EACH:
            raise NotEnoughDataError(
                f"churn needs at least {MIN_EACH} customers who left and {MIN_EACH} who stayed; "
                f"of {len(np.unique(who)):,} customers {gone:,} left after some past instant and "
                f"{stayed:,} stayed after one: import a longer history or choose another "
                "horizon_days"
            )
        self.feature_names_ = tuple(feature_names)
        self.horizon_days_, self.learnt_days_ = int(horizon_days), int(ahead.max())
        self.mean_rate_ = float(left.mean())
        self.at_ = int((instants + ahead * DAY_MS).max())
        weight = weights(instants, self.half_life_days)
        counts = Counts.of_features(features, self.feature_names_)
        self.choice_, self.recalibration_, self.purchases_ = Choice(None), None, None
        self.season_, self.stretch_ = Season.none(), self.horizon_days_ / self.learnt_days_
        start, columns = np.full(len(left), logit(self.mean_rate_)), np.empty((len(left), 0))
        if counts is not None:
            spent, kept = worth(features, self.feature_names_), {} if fits is None else fits
            past = Past(counts, left, instants, ahead, self.boosting.seed, spent, kept)
            names = [*self.feature_names_, *COLUMNS]
            self.choice_, found = choose(
                past, features, who, self.boosting, names, self.half_life_days
            )
            if found is not None:
                start, columns = found.log_odds, found.columns
                self.purchases_, self.season_ = found.model, found.season
                known = seen(columns, counts, spent)
                self.recalibration_ = Recalibration().fit(known, left, start, weight)
                self.stretch_ = self._stretch(counts.of(np.flatnonzero(instants == instants.max())))
        names = [*self.feature_names_, *COLUMNS][: features.shape[1] + columns.shape[1]]
        self.booster_ = self.boosting.fit(
            np.column_stack([features, columns]), left, start, weight, names
        )
        return self

    def predict_proba(self, X: Table, at: int | None = None) -> Floats:  # noqa: N803
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
        return self._probability(self._raw(features, at))

    def estimate(
        self,
        X: Table,  # noqa: N803
        at: int | None = None,
        level: float = LEVEL,
    ) -> Estimate:
        """Probabilities with intervals: where the share that leaves lies, of customers like each.

        Not known are the season, whose forecasts were off by as much in the past; how far such
        customers are off from what is predicted for them; and, where the horizon is longer than
        what was learnt, how it goes on. Their variances add up on log odds. Of one customer alone
        nothing more can be said: they leave or they stay.

        Arguments:
            X: features, as `fit` had them, shape (n, features).
            at: as `predict_proba` has it.
            level: the share of groups of customers whose rate should lie inside.

        Raises:
            InputError: X has other columns than `fit` had, or level is no share.
        """
        if not 0 < level < 1:
            raise InputError(f"level = {level:g}: must lie between 0 and 1")
        features = self._columns(X)
        if not len(features):
            return Estimate(*(np.empty(0, np.float64),) * 3)
        raw = self._raw(features, at)
        silence = np.clip(expit(raw), 1e-12, 1 - 1e-12)
        # the log odds of e^-λ change so fast when the log of λ does
        slope = -np.log(silence) / (1 - silence)
        longer = STRETCH_SD * np.log(self.horizon_days_ / self.learnt_days_)
        shared = self.season_.spread**2 + longer**2
        wide = student.ppf((1 + level) / 2, self.season_.freedom)
        half = wide * np.sqrt(slope**2 * shared + self.choice_.group_sd**2)
        return Estimate(*(self._probability(each) for each in (raw, raw - half, raw + half)))

    def contributions(
        self,
        X: Table,  # noqa: N803
        at: int | None = None,
    ) -> tuple[tuple[str, ...], Floats]:
        """How far each column moves each customer's log odds of leaving from the mean rate's.

        They are exact Shapley values of the trees (Lundberg et al. 2018); where the trees start
        is the purchase model's own, and so is the recalibration but for what an order is worth.

        Arguments:
            X: features, as `fit` had them.
            at: the instant of the features, as `predict_proba` has it.

        Returns:
            The columns' names, features first; contributions, float64, shape (n, columns).
        """
        rows, names = self._columns(X), self._names
        if not len(rows):
            return names, np.empty((0, len(names)))
        start, columns, recalibrated = self._start(rows, at)
        found = self._fitted.predict(
            np.column_stack([rows, columns]),
            pred_contrib=True,
            num_threads=to_predict(len(rows), self.boosting.threads),
        )
        parts = np.asarray(found, np.float64)[:, :-1] * self.choice_.trees
        if columns.shape[1]:
            parts[:, rows.shape[1]] += start - logit(self.mean_rate_) + recalibrated[:, 0]
        if ORDER_VALUE in names:
            parts[:, names.index(ORDER_VALUE)] += recalibrated[:, 1]
        return names, parts

    def reasons(
        self,
        X: Table,  # noqa: N803
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
        X: Table,  # noqa: N803
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

    def told(self) -> str:
        """What looking back chose, in words."""
        out = self.choice_.told()
        if self.learnt_days_ < self.horizon_days_:
            out += f"; learnt for {self.learnt_days_} days, stretched to {self.horizon_days_}"
        return out

    def importance(self) -> dict[str, float]:
        """How much each feature lowered the loss, summed over all splits."""
        gains = self._fitted.feature_importance("gain")
        return dict(zip(self._names, map(float, gains), strict=True))

    def save(self, folder: Path) -> None:
        """Write LightGBM's text form and JSON; no pickle."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trees.txt").write_text(self._fitted.model_to_string(), encoding="utf-8")
        again = self.recalibration_
        document: dict[str, Any] = {
            "settings": asdict(self.boosting) | {"half_life_days": self.half_life_days},
            "economics": asdict(self.economics),
            "bands": self.bands_.document(),
            "feature_names": list(self.feature_names_),
            "horizon_days": self.horizon_days_,
            "learnt_days": self.learnt_days_,
            "at": self.at_,
            "mean_rate": self.mean_rate_,
            "choice": asdict(self.choice_),
            "purchases": None if self.purchases_ is None else self.purchases_.parameters_,
            "recalibration": None if again is None else again.document(),
            "season": self.season_.document(),
            "stretch": self.stretch_,
        }
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        (folder / "churn.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            BundleError: a file is missing or unreadable.
        """
        try:
            document = json.loads((folder / "churn.json").read_text(encoding="utf-8"))
            out = cls(**document["settings"], economics=Economics(**document["economics"]))
            bands = document["bands"]
            out.bands_ = Bands(tuple(bands["thresholds"]), tuple(bands["names"]))
            out.feature_names_ = tuple(document["feature_names"])
            out.horizon_days_ = int(document["horizon_days"])
            out.learnt_days_ = int(document["learnt_days"])
            out.at_, out.mean_rate_ = int(document["at"]), float(document["mean_rate"])
            out.choice_ = Choice(**document["choice"])
            if out.choice_.kind is not None:
                out.purchases_ = PURCHASE_MODELS[out.choice_.kind](document["purchases"])
                out.recalibration_ = Recalibration(**document["recalibration"])
            out.season_ = Season.of_document(document["season"])
            out.stretch_ = float(document["stretch"])
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

    @property
    def _names(self) -> tuple[str, ...]:
        """Columns of the trees."""
        return (*self.feature_names_, *(COLUMNS if self.choice_.kind else ()))

    def _columns(self, X: Table) -> Table:  # noqa: N803
        return known_table(X, self.feature_names_, "this churn model takes")

    def _start(self, features: Table, at: int | None) -> tuple[Floats, Floats, Floats]:
        """Where the trees start at an instant, with the season that is expected.

        Returns:
            Log odds of the purchase model; its columns; what the recalibration adds, as it has it.
        """
        model, again, moved = self.purchases_, self.recalibration_, np.zeros((len(features), 2))
        counts = Counts.of_features(features, self.feature_names_) if model else None
        if counts is None or model is None or again is None:
            return logit(self.mean_rate_) + moved[:, 0], np.empty((len(features), 0)), moved
        silence, columns = told(model, counts, self.learnt_days_)
        start = log_odds(silence ** self.season_.power(self.at_ if at is None else at))
        if self.choice_.recalibration:
            known = seen(columns, counts, worth(features, self.feature_names_))
            moved = self.choice_.recalibration * again.predict(known)
        return start, columns, moved

    def _raw(self, features: Table, at: int | None) -> Floats:
        """Log odds for the learnt days."""
        start, columns, moved = self._start(features, at)
        out: Floats = start + moved.sum(axis=1)
        if self.choice_.trees:
            table = np.column_stack([features, columns])
            used = to_predict(len(table), self.boosting.threads)
            found = self._fitted.predict(table, raw_score=True, num_threads=used)
            out = out + self.choice_.trees * np.asarray(found)
        return out

    def _probability(self, raw: Floats) -> Floats:
        return np.asarray(expit(raw) ** self.stretch_, np.float64)

    def _stretch(self, counts: Counts) -> float:
        """The power that makes the purchase model's mean silence of the horizon of the learnt."""
        if self.purchases_ is None or self.learnt_days_ == self.horizon_days_:
            return 1.0
        near, _ = told(self.purchases_, counts, self.learnt_days_)
        far, _ = told(self.purchases_, counts, self.horizon_days_)
        return power(near, float(far.mean()))
