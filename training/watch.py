"""Whether those who are scored now are like those the model was trained for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.compute import matrix
from features.timeline import Timelines
from models.bundle import Bundle
from models.declared import features_named
from training.dataset import Orders
from training.drift import by_chance, population_stability

Floats = npt.NDArray[np.floating]

FEATURES = 20
"""Features that are watched: those the trees gain most from. What moves beside them moves no score,
and of 150 some always do."""

CUSTOMERS = 5_000
"""Customers of a population at most, drawn at random: chance alone stays below .012 then."""


@dataclass(frozen=True)
class Population:
    """Customers who were scored, at their instants."""

    probability: Floats
    X: Floats
    """The watched features, shape (customers, features)."""


@dataclass(frozen=True)
class Day:
    """How far those who were scored on a UTC day are from those of the training."""

    date: date
    customers: int
    score: float
    """Stability index of the probabilities."""
    chance: float
    """What an index reaches by chance."""
    features: Mapping[str, float] = field(default_factory=dict)
    """Index of each watched feature."""

    @property
    def worst(self) -> tuple[str, float]:
        """The feature that moved most, and its index."""
        return max(self.features.items(), key=lambda item: item[1], default=("none", 0.0))

    @property
    def step(self) -> int:
        """Its number for a chart: 20110910 is 2011-09-10."""
        return int(f"{self.date:%Y%m%d}")


class Watch:
    """Compares customers with those a bundle was trained for: who could be scored at its cutoff.

    Arguments:
        bundle: has a churn model.
        timelines: all customers.
        catalog: the numbering of the timelines' products; it extends the bundle's.
        seed: of the draws.
        threads: of the kernel.
    """

    def __init__(
        self, bundle: Bundle, timelines: Timelines, catalog: Catalog, *, seed: int, threads: int
    ) -> None:
        if bundle.churn is None:
            raise TypeError("this bundle has no churn model to watch")
        self._model = bundle.churn
        self._cutoff = bundle.manifest.cutoff
        self._reference = bundle.reference.extended(catalog)
        self._timelines = timelines
        self._catalog = catalog
        self._seed = seed
        self._threads = threads
        gains = bundle.churn.importance()
        names = sorted(bundle.churn.feature_names_, key=lambda name: (-gains[name], name))
        self.names = tuple(name for name in names[:FEATURES] if gains[name] > 0)

    @cached_property
    def expected(self) -> Population | None:
        """Who could have been scored at the cutoff; None when the log knows nobody of then."""
        eligible = self._drawn(Orders.of(self._timelines).eligible(self._cutoff), 0)
        if not len(eligible):
            return None
        at = np.full(len(eligible), self._cutoff, np.int64)
        values = self._matrix(eligible, at)
        return Population(self._model.predict_proba(values, self._cutoff), self._watched(values))

    def day(
        self,
        day: date,
        customers: npt.NDArray[np.int64],
        at: npt.NDArray[np.int64],
        probability: Floats,
    ) -> Day | None:
        """One day's drift; None where there is nothing to compare with.

        Arguments:
            day: the UTC day.
            customers: places in the timelines.
            at: when each was scored.
            probability: what was served.
        """
        if self.expected is None or not len(customers):
            return None
        some = self._drawn(np.arange(len(customers)), day.toordinal())
        actual = self._watched(self._matrix(customers[some], at[some]))
        return Day(
            day,
            len(customers),
            population_stability(self.expected.probability, probability[some]),
            by_chance(len(self.expected.probability), len(some)),
            {
                name: population_stability(self.expected.X[:, place], actual[:, place])
                for place, name in enumerate(self.names)
            },
        )

    def _matrix(
        self, customers: npt.NDArray[np.int64], at: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """All features of the model: some are made of others."""
        return matrix(
            self._timelines,
            customers,
            at,
            self._catalog,
            self._reference,
            features=features_named(self._model.feature_names_),
            threads=self._threads,
        )

    def _watched(self, values: npt.NDArray[np.float32]) -> Floats:
        return values[:, [self._model.feature_names_.index(name) for name in self.names]]

    def _drawn(self, places: npt.NDArray[np.int64], salt: int) -> npt.NDArray[np.int64]:
        if len(places) <= CUSTOMERS:
            return places
        draw = np.random.default_rng([self._seed, salt])
        return np.sort(draw.choice(places, CUSTOMERS, replace=False))
