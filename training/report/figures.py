"""All that a churn report says, as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from models.bundle import LIBRARIES
from training.backtest import Backtest
from training.bands import Band, Change, bands, changes
from training.dataset import Orders
from training.drift import Drift, drift, drifts
from training.intervals import Interval, Resampled, auc_interval, bootstrap
from training.metrics import OURS
from training.slices import Names, Slice, customer_groups, slices
from training.trainer import Data

WORDS: Mapping[str, str] = {
    OURS: "this model",
    "base_rate": "the past's rate for everybody",
    "recency": "days since the last order",
    "rfm_logistic": "recency, frequency and value",
    "mbg_nbd": "purchase model (MBG/NBD)",
}
"""What each method is called on the page; a baseline is what anyone could do without us."""


@dataclass(frozen=True)
class About:
    """Where a model comes from."""

    version: int | None
    """None where it is not registered yet."""
    recipe_name: str
    recipe: Mapping[str, Any]
    seed: int
    fingerprint: str
    """Of the log that it was trained on."""
    trained_until: str
    """Of what ships; ISO 8601, UTC."""
    git_commit: str
    made_at: str
    """When the report was made."""


@dataclass(frozen=True)
class ChurnReport:
    """A back-test, and the last cutoff in detail."""

    about: About
    backtest: Backtest
    resampled: Resampled
    """All methods at the last cutoff."""
    auc: tuple[Interval, ...]
    """Ours at each cutoff."""
    bands: list[Band]
    own_bands: bool
    """Whether the bands are the model's own."""
    slices: list[Slice]
    changes: list[Change]
    drifts: list[Drift]
    score_drift: Drift
    first_event: int
    last_event: int
    data_fingerprint: str
    """Of the log that was measured on."""
    unprofiled: int
    """Customers left out since they do not allow to be profiled."""
    libraries: Mapping[str, str]

    @property
    def baselines(self) -> list[str]:
        """Every method but ours."""
        return [name for name in self.backtest.methods if name != OURS]

    @property
    def best_baseline(self) -> str:
        """The one with the lowest mean Brier score over the cutoffs."""
        return min(
            self.baselines, key=lambda name: float(self.backtest.figure(name, "brier").mean())
        )

    @property
    def miscalibrated(self) -> list[Slice]:
        """Slices that are called too high or too low beyond chance, the worst first."""
        marked = [each for each in self.slices if each.miscalibrated]
        return sorted(marked, key=lambda each: -abs(each.difference.value))


def churn_report(
    backtest: Backtest, data: Data, orders: Orders, about: About, seed: int = 0
) -> ChurnReport:
    """Everything a report says.

    Arguments:
        backtest: at least the measured model.
        data: what was measured on.
        orders: of its timelines.
        about: where the model comes from.
        seed: of the resampling.
    """
    last = backtest.last
    found = last.evaluation
    groups: dict[str, Names] = customer_groups(
        data.timelines, data.catalog, last.rows.customer, last.at, data.countries(last.at)
    )
    resampled = bootstrap(found.left, found.predicted, seed=seed)
    learnt = _predicted_then(backtest)
    return ChurnReport(
        about=about,
        backtest=backtest,
        resampled=resampled,
        auc=tuple(
            auc_interval(test.evaluation.left, test.evaluation.predicted[OURS])
            for test in backtest.tests
        ),
        bands=bands(last, orders),
        own_bands=found.band is not None,
        slices=slices(groups, found.left, found.predicted[OURS]),
        changes=changes(backtest.tests),
        drifts=drifts(last.model.feature_names_, last.learnt.X, last.rows.X),
        score_drift=drift("the score itself", learnt, found.predicted[OURS]),
        first_event=int(data.timelines.rows.at.min()),
        last_event=data.last_at,
        data_fingerprint=data.fingerprint,
        unprofiled=orders.unprofiled(last.at),
        libraries={name: version(name) for name in LIBRARIES},
    )


def _predicted_then(backtest: Backtest) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The measured model's probabilities of the customers it was trained on."""
    learnt, model = backtest.last.learnt, backtest.last.model
    out = np.empty(len(learnt.y))
    for at in np.unique(learnt.at).tolist():
        mine = learnt.at == at
        out[mine] = model.predict_proba(learnt.X[mine], at)
    return out
