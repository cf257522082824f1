"""One recipe on one state of the data: models up to any instant."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.catalog import Catalog
from features.compute import matrix
from features.consents import ConsentRules
from features.definitions import FEATURES
from features.errors import InputError, NotEnoughDataError
from features.events.log import EventLog
from features.instants import iso
from features.permits import permitted
from features.reference import Reference
from features.timeline import Timelines
from features.timeline_build import timelines_of
from models.churn import ChurnModel
from models.next_product import NextProductModel
from models.personas import Personas
from models.value import ValueModel
from training.countries import NOT_KNOWN, countries
from training.dataset import Orders
from training.fit import (
    Progress,
    first_event,
    train_churn,
    train_next_product,
    train_personas,
    train_value,
)
from training.past import PastRows
from training.recipe import ChurnRecipe, Recipe
from training.split import test_cutoff

EXAMPLE_CUSTOMERS = 2_000
"""Customers whose quartiles make an example frame."""


@dataclass(frozen=True)
class Data:
    """What is learnt from."""

    timelines: Timelines
    catalog: Catalog
    fingerprint: str
    last_at: int
    """The instant of the last event."""
    told: EventLog | None = None
    """The log, for what timelines do not hold."""

    @classmethod
    def of(cls, log: EventLog, rules: ConsentRules | None = None) -> "Data":
        """A log's timelines and catalogue.

        Arguments:
            log: the events.
            rules: who may be profiled where they said nothing of it; the shop's settings, as
                they are without set-up when None.

        Raises:
            StorageError: the log is empty, or the key of erasures cannot be read or made.
        """
        timelines = permitted(timelines_of(log), log, rules or ConsentRules())
        return cls(
            last_at=log.last_at,
            timelines=replace(timelines, marks=log.erasures.marks(timelines.ids())),
            catalog=log.catalog,
            fingerprint=log.fingerprint,
            told=log,
        )

    def reference(self, at: int) -> Reference:
        """Population facts as of an instant."""
        return Reference.as_of(self.timelines, self.catalog, at)

    def countries(self, at: int) -> npt.NDArray[np.str_]:
        """The country of each timeline as of an instant; see `countries`."""
        if self.told is None:
            return np.full(len(self.timelines), NOT_KNOWN)
        return countries(self.told, self.timelines, at)

    def example(self, at: int, reference: Reference) -> pd.DataFrame:
        """Quartiles of customers' features: a frame as real ones are, with nobody in it.

        Returns:
            Three rows, the columns all features in their order, float64.
        """
        customers = Orders.of(self.timelines).eligible(at)[:EXAMPLE_CUSTOMERS]
        instants = np.full(len(customers), at, np.int64)
        values = matrix(self.timelines, customers, instants, self.catalog, reference)
        names = [feature.name for feature in FEATURES]
        frame = pd.DataFrame(values.astype(np.float64), columns=names)
        return frame.quantile([0.25, 0.5, 0.75]).reset_index(drop=True)


@dataclass(frozen=True)
class Trainer:
    """Trains the models of a recipe."""

    data: Data
    recipe: Recipe
    seed: int
    threads: int
    progress: Progress
    """Told the stage, steps done so far, and steps in all."""

    @property
    def models(self) -> list[str]:
        """Names of the models that the recipe trains."""
        names = ("churn", "value", "next_product", "personas")
        return [name for name in names if getattr(self.recipe, name)]

    @property
    def latest_cutoff(self) -> int:
        """The latest instant after which the models' horizons are fully observed.

        Raises:
            InputError: the recipe leaves out all models.
            NotEnoughDataError: the history is not longer than the longest horizon.
        """
        horizons = [getattr(self.recipe, name).horizon_days for name in self.models]
        if not horizons:
            raise InputError("the recipe leaves out all models; there is nothing to train")
        longest, first = max(horizons), first_event(self.data.timelines)
        cutoff = test_cutoff(self.data.last_at, longest)
        if cutoff <= first:
            raise NotEnoughDataError(
                f"the history from {iso(first)} to {iso(self.data.last_at)} is shorter than "
                f"horizon_days = {longest}, so that nothing could be measured: choose a shorter "
                "horizon_days or import more history"
            )
        return cutoff

    def churn(
        self, cutoff: int, *, label: str = "", past: PastRows | None = None
    ) -> ChurnModel | None:
        """The churn model from what was before the cutoff; None where the recipe has none.

        Arguments:
            cutoff: int64 ms UTC.
            label: what progress adds to the names of stages.
            past: of `past`, where other trainings use the same rows.

        Raises:
            NotEnoughDataError: the history is too short.
        """
        if self.recipe.churn is None:
            return None
        return train_churn(
            self.data.timelines,
            self.data.catalog,
            self.recipe.churn,
            cutoff,
            self.seed,
            threads=self.threads,
            progress=self._labelled(label),
            past=past,
        )

    def value(self, cutoff: int, *, label: str = "") -> ValueModel | None:
        """The value model; as `churn`."""
        if self.recipe.value is None:
            return None
        return train_value(
            self.data.timelines,
            self.data.catalog,
            self.recipe.value,
            cutoff,
            self.seed,
            threads=self.threads,
            progress=self._labelled(label),
        )

    def past(self, recipe: ChurnRecipe) -> PastRows:
        """Rows for several trainings by a recipe's horizon."""
        data = self.data
        return PastRows(data.timelines, data.catalog, recipe.horizon_days, self.seed, self.threads)

    def next_product(self, cutoff: int, *, label: str = "") -> NextProductModel | None:
        """The next-product model; as `churn`."""
        if self.recipe.next_product is None:
            return None
        return train_next_product(
            self.data.timelines,
            self.data.catalog,
            self.recipe.next_product,
            cutoff,
            self.seed,
            threads=self.threads,
            progress=self._labelled(label),
        )

    def personas(
        self, cutoff: int, previous: Personas | None, *, label: str = ""
    ) -> Personas | None:
        """The personas as of the cutoff, the previous ones found again; as `churn`."""
        if self.recipe.personas is None:
            return None
        return train_personas(
            self.data.timelines,
            self.data.catalog,
            self.recipe.personas,
            cutoff,
            self.seed,
            previous=previous,
            threads=self.threads,
            progress=self._labelled(label),
        )

    def _labelled(self, label: str) -> Progress:
        def progress(stage: str, done: int, total: int) -> None:
            self.progress(f"{stage}{label}", done, total)

        return progress
