"""Customer value: a purchase model times a spend model, each corrected by trees."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.errors import InputError, NotEnoughDataError
from features.instants import DAY_MS
from models.churn.season import Season
from models.reasons import LIMIT, Reason, reasons
from models.tables import known_table
from models.value import stored
from models.value.backtest import Chosen, back_tested, followed
from models.value.change import Change
from models.value.checks import checked
from models.value.choice import choose_kind
from models.value.next_order import NextOrder, next_order
from models.value.past import Past
from models.value.prediction import Told, ValuePrediction
from models.value.seen import SPENT, Seen, Statistics
from models.value.trees import Settings, correction, importance
from models.value.why import Part, contributions

Floats = npt.NDArray[np.float64]

SILENCE = "cadence_order_days_since_last"
"""The feature that speaks for the purchase model in reasons."""

WORTH = "purchase_order_value_mean_life"
"""The feature that speaks for the spend model in reasons."""

FIT_CUSTOMERS = 20_000
"""Customers that the statistical models are fitted on, drawn at random."""

_RATIO = (1 / 20, 20.0)
"""Trees move an expectation by no less and no more than these factors."""


class ValueModel:
    """Expected orders and spend over a horizon, and when the next order is due.

    Orders: a purchase model's expectation (MBG/NBD, Pareto/NBD, …, as a back-test chose), moved
    by the season's level and corrected by Poisson trees that start from there. Spend: times the
    value of an order by the Gamma-Gamma model, corrected by trees on its logarithm: two parts, as
    a zero-inflated lognormal has them. How much of either correction is taken, none included, a
    back-test inside the training period chose; `backtest_` says so.

    Where the history is too short to have seen a whole horizon, it learns on shorter `label_days`
    and leaves the rest of the horizon to the purchase model; `note_` then says so.

    One-time buyers of a young shop may be one group, whose age says nothing of how often they
    will order: where the back-test says so, they are told one number of orders. Their spend, next
    order and change remain each one's own.

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
        trees: int = 200,
        leaves: int = 7,
        learning_rate: float = 0.03,
        min_rows: int = 100,
        column_share: float = 0.5,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        learning = (trees, leaves, learning_rate, min_rows, column_share)
        self.settings = Settings(*learning, seed, threads)
        self.feature_names_: tuple[str, ...] = ()
        self.horizon_days_ = 0
        self.label_days_ = 0
        """Days whose outcome was learnt from: the horizon, or fewer."""
        self.at_ = 0
        """The instant up to which it was trained, int64 ms UTC: the default of predictions."""
        self.statistics_: Statistics | None = None
        self.season_ = Season.none()
        self.orders_trees_: lgb.Booster | None = None
        self.value_trees_: lgb.Booster | None = None
        self.chosen_ = Chosen()
        self.scale_ = (1.0, 1.0)
        """What orders and value are multiplied by, so that trees say who, not how many."""
        self.once_: tuple[float, float, float] | None = None
        """Expected orders of one-time buyers who are one group, before the season, and the weeks
        of age between which they are."""
        self.everybody_ = (1.0, 1.0)
        """Mean orders and mean value of an order, which reasons start from."""
        self.backtest_: dict[str, float] = {}
        """Scores of what was compared, lower is better: purchase models, shares of trees."""
        self.note_ = ""

    def fit(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803 - scikit-learn's name
        orders: Floats,
        spend: Floats,
        at: npt.NDArray[np.int64],
        feature_names: Sequence[str],
        horizon_days: int,
        *,
        label_days: int | None = None,
        latest: npt.NDArray[np.float32] | None = None,
        latest_at: int | None = None,
        customers: npt.NDArray[np.int64] | None = None,
    ) -> Self:
        """Learn from customers at past instants.

        Arguments:
            X: features, shape (n, features); NaN where undefined. n may be 0 with `latest`.
            orders: days with an order in the `label_days` after, shape (n,).
            spend: spent in the same days, shape (n,); NaN where it is not known.
            at: the instant of each row, int64 ms UTC, shape (n,).
            feature_names: names of X's columns; `NEEDED` are among them.
            horizon_days: the horizon to predict.
            label_days: days that orders and spend count; the horizon when None.
            latest: features of customers at the end of the training period, of which nobody
                knows what comes: the statistical models are fitted on them. The rows of the
                latest past instant when None.
            latest_at: the instant of `latest`; label_days after the last row when None.
            customers: who each row is of, any numbers; rows of one customer are then never on
                both sides of a back-test.

        Raises:
            InputError: shapes do not fit, a needed feature lacks, or X holds infinite values.
            NotEnoughDataError: too few customers, or nobody came back.
        """
        features, came, spent, instants = checked(X, orders, spend, at, feature_names)
        self.horizon_days_ = int(horizon_days)
        self.label_days_ = int(label_days or horizon_days)
        if not 1 <= self.label_days_ <= self.horizon_days_:
            asked = f"horizon_days = {horizon_days}, label_days = {label_days}"
            raise InputError(f"{asked}: label_days are at least 1, and no more than the horizon's")
        self.feature_names_ = tuple(feature_names)
        if latest is None and not len(instants):
            raise NotEnoughDataError("value needs customers to learn from; there are none")
        now = features[instants == instants.max()] if latest is None else self._columns(latest)
        ended = int(instants.max(initial=0)) + self.label_days_ * DAY_MS
        self.at_ = ended if latest_at is None else int(latest_at)
        seen, known = Seen.of(now, self.feature_names_), Seen.of(features, self.feature_names_)
        kind, scores = choose_kind(
            known, came, instants, self.label_days_, level=self._whole, seed=self.settings.seed
        )
        self.statistics_ = Statistics.fit(kind, seen.sample(FIT_CUSTOMERS, self.settings.seed))
        past = Past.of(
            features, known, came, spent, instants, customers,
            kind=kind, days=self.label_days_, seed=self.settings.seed,
        )  # fmt: skip
        self.season_ = past.season if self._whole else Season.none()
        self.chosen_ = back_tested(
            past, self.settings, self.feature_names_, self.label_days_, level=self._whole
        )
        self.backtest_ = {f"kind.{name}": score for name, score in scores.items()}
        self.backtest_ |= dict(self.chosen_.scores)
        self.orders_trees_, self.value_trees_ = followed(
            past, self.chosen_, self.settings, self.feature_names_
        )
        self._settle(now, seen, past)
        self.note_ = self._said(past)
        return self

    def predict(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803
        at: int | None = None,
    ) -> ValuePrediction:
        """Expected orders and spend of each row in the horizon.

        Arguments:
            X: features, as `fit` had them.
            at: the instant of the features, for the season; that up to which it was trained when
                None.

        Raises:
            InputError: X has other columns than `fit` had.
        """
        told = self._told(self._columns(X), at)
        return ValuePrediction(self._pooled(told, at), told.orders * told.value)

    def next_order(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803
        at: int | None = None,
    ) -> NextOrder:
        """Days to the next order of each row, with the interval that holds it in 80 % of cases.

        Arguments:
            X: features, as `fit` had them.
            at: as for `predict`.
        """
        told = self._told(self._columns(X), at)
        return next_order(self._fitted.purchases, told.seen.counts, told.orders / told.base)

    def change(
        self,
        now: npt.NDArray[np.float32],
        before: npt.NDArray[np.float32],
        at: int | None = None,
    ) -> Change:
        """What is expected now against what was expected `AGO_DAYS` ago, of the same customers.

        Spend is compared, or orders where the events say nothing of money; both with the season
        of `at`, so that the end of a season is no customer's fall.

        Arguments:
            now: features at the instant, as `fit` had them.
            before: the same customers' features `AGO_DAYS` earlier, of what was known then.
            at: the instant of `now`, as for `predict`.
        """
        later, earlier = self.predict(now, at), self.predict(before, at)
        ratio = later.spend / earlier.spend
        if self._fitted.spend is None:
            ratio = later.orders / earlier.orders
        since = self.feature_names_.index("cadence_order_days_since_first")
        return Change(np.where(np.isfinite(before[:, since]), ratio, np.nan))

    def reasons(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803
        at: int | None = None,
        limit: int = LIMIT,
    ) -> list[Reason]:
        """What moved one customer's expected spend most, strongest first; see `models.reasons`.

        Arguments:
            X: one row, shape (features,) or (1, features).
            at: as for `predict`.
            limit: how many reasons at most.
        """
        moved = self.contributions(X, at)
        own = np.atleast_2d(X)[0].tolist()
        return reasons(moved, dict(zip(self.feature_names_, own, strict=True)), limit)

    def contributions(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803
        at: int | None = None,
    ) -> dict[str, float]:
        """How far each feature moves the logarithm of one customer's expected spend.

        They add up to the logarithm of how many times everybody's expected spend (orders, where
        there is no money) the customer's is. Those of trees are exact Shapley values (Lundberg et
        al. 2018); the statistical models' are given to the silence and to the mean value of an
        order. Arguments as for `reasons`.
        """
        row = self._columns(np.atleast_2d(X))
        if len(row) != 1:
            raise InputError(f"reasons are for one customer; X has {len(row)} rows")
        told = self._told(row, at)
        share = self.chosen_.orders_share * float(told.near[0] / told.base[0])
        parts = [Part(told.orders[0], SILENCE, self.orders_trees_, share)]
        if self._fitted.spend is not None:
            worth = WORTH if WORTH in self.feature_names_ else SPENT
            share = self.chosen_.value_share
            parts.append(Part(told.value[0], worth, self.value_trees_, share))
        names = self.feature_names_
        return contributions(names, told.columns, parts, self.everybody_)

    def importance(self) -> dict[str, float]:
        """How much each column lowered the loss, as shares, over the boosters that are used."""
        return importance(self.feature_names_, (self.orders_trees_, self.value_trees_))

    def chosen_text(self) -> str:
        """What the back-test compared and chose, as JSON."""
        told = asdict(self.chosen_) | {"label_days": self.label_days_, "note": self.note_}
        told |= {"purchase_model": self._fitted.kind, "scores": self.backtest_}
        return json.dumps(told, indent=1)

    def save(self, folder: Path) -> None:
        """Write LightGBM's text form and JSON; no pickle."""
        document: dict[str, Any] = {
            "settings": asdict(self.settings),
            "feature_names": self.feature_names_,
            "horizon_days": self.horizon_days_,
            "label_days": self.label_days_,
            "at": self.at_,
            "statistics": stored.of_statistics(self._fitted),
            "season": stored.of_season(self.season_),
            "orders_share": self.chosen_.orders_share,
            "value_share": self.chosen_.value_share,
            "scale": self.scale_,
            "once": self.once_,
            "everybody": self.everybody_,
            "backtest": self.backtest_,
            "note": self.note_,
        }
        stored.write(folder, document, {"orders": self.orders_trees_, "value": self.value_trees_})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            BundleError: a file is missing or unreadable.
        """
        with stored.reading(folder) as (document, boosters):
            out = cls(**document["settings"])
            out.feature_names_ = tuple(document["feature_names"])
            out.horizon_days_ = int(document["horizon_days"])
            out.label_days_, out.at_ = int(document["label_days"]), int(document["at"])
            out.statistics_ = stored.statistics(document["statistics"])
            out.season_ = stored.season(document["season"])
            once = document["once"]
            out.once_ = None if once is None else (once[0], once[1], once[2])
            shares = float(document["orders_share"]), float(document["value_share"])
            out.chosen_ = Chosen(*shares, pooled=once is not None)
            out.scale_ = (document["scale"][0], document["scale"][1])
            out.everybody_ = (document["everybody"][0], document["everybody"][1])
            out.backtest_, out.note_ = document["backtest"], document["note"]
            out.orders_trees_, out.value_trees_ = boosters["orders"], boosters["value"]
        return out

    @property
    def _fitted(self) -> Statistics:
        if self.statistics_ is None:
            raise InputError("this value model is not fitted; call fit or load first")
        return self.statistics_

    @property
    def _whole(self) -> bool:
        """Whether whole horizons were seen, and with them the season's level."""
        return self.label_days_ == self.horizon_days_

    def _columns(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:  # noqa: N803
        return known_table(X, self.feature_names_, "this value model takes")

    def _told(self, features: npt.NDArray[np.float32], at: int | None) -> Told:
        """What is expected of customers, and what it is made of."""
        statistics, seen = self._fitted, Seen.of(features, self.feature_names_)
        base, worth = statistics.orders(seen, self.horizon_days_), statistics.value(seen)
        near = base if self._whole else statistics.orders(seen, self.label_days_)
        extra = statistics.columns(seen, near, worth).astype(np.float32)
        columns, level = np.column_stack([features, extra]), self._level(at)
        more, dearer = (
            np.clip(np.exp(share * correction(booster, columns, self.settings.threads)), *_RATIO)
            for booster, share in (
                (self.orders_trees_, self.chosen_.orders_share),
                (self.value_trees_, self.chosen_.value_share),
            )
        )
        # trees have seen the first days only; the days after are the purchase model's
        orders = (base + near * (more - 1)) * level * self.scale_[0]
        return Told(seen, columns, base, near, orders, dearer * worth * self.scale_[1])

    def _pooled(self, told: Told, at: int | None) -> Floats:
        """Expected orders, with one-time buyers at their common mean where they are one group."""
        if self.once_ is None:
            return told.orders
        orders, youngest, oldest = self.once_
        age = told.seen.counts.age
        alike = told.seen.once & (age >= youngest) & (age <= oldest)
        return np.where(alike, orders * self._level(at), told.orders)

    def _level(self, at: int | None) -> float:
        return self.season_.power(self.at_ if at is None else at)

    def _settle(self, now: npt.NDArray[np.float32], seen: Seen, past: Past) -> None:
        """Set the scales, the group of one-time buyers, and what everybody is expected to do."""
        self.scale_, self.once_ = (1.0, 1.0), None
        told = self._told(now, self.at_)
        level, worth = self._level(self.at_), self._fitted.value(seen)
        # trees say who, not how many or how dear: of that the past as a whole is a better judge
        dearer = float(told.orders @ worth / (told.orders @ told.value)) * past.worth()
        self.scale_ = (float(told.base.sum() * level / told.orders.sum()), dearer)
        told = self._told(now, self.at_)
        if self.chosen_.pooled and seen.once.any():
            age = seen.counts.age[seen.once]
            alike = float(told.orders[seen.once].mean() / level)
            self.once_ = (alike, float(age.min()), float(age.max()))
        value = float(np.mean(told.value)) if self._fitted.spend is not None else 1.0
        self.everybody_ = (float(told.orders.mean()), value)

    def _said(self, past: Past) -> str:
        out = []
        if not self._whole:
            out.append(
                f"the history is too short to have seen {self.horizon_days_} days: learnt on "
                f"{self.label_days_} days, and extrapolated by the purchase model"
            )
        if not self.chosen_.scores:
            out.append(f"{len(past.at):,} past rows are too few for trees: statistics alone")
        if self._fitted.spend is None:
            out.append("the orders have no value above 0: no spend is told")
        return "; ".join(out)
