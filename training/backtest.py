"""Models trained at past cutoffs by one recipe, each measured on the horizon that followed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from features.definitions import FEATURES
from features.errors import NotEnoughDataError
from features.instants import DAY_MS, iso
from models.churn import ChurnModel
from training.dataset import ChurnRows, observed
from training.evaluate import ChurnEvaluation, churn_evaluation
from training.fit import Progress, first_event, fit_churn
from training.past import PastRows
from training.recipe import ChurnRecipe
from training.split import learning_plan

CUTOFFS: Final = 4
"""Past cutoffs by default: with a horizon of a quarter, every season once."""

CLOSEST: Final = 3
"""Cutoffs lie at least a horizon over this apart; nearer ones measure the same orders again."""

FIGURES: Final = ("auc", "average_precision", "brier", "log_loss", "ece")
"""What is compared over the cutoffs."""


@dataclass(frozen=True)
class Cutoffs:
    """Where a history can be tested."""

    at: npt.NDArray[np.int64]
    """Rising; the last is the measured one."""
    step_days: int
    note: str
    """Why there are fewer than were asked for, or why their horizons overlap; else empty."""


def past_cutoffs(
    first: int,
    last: int,
    *,
    horizon_days: int,
    number: int = CUTOFFS,
    min_history_days: int = 0,
) -> Cutoffs:
    """Cutoffs one horizon apart, as far back as there is something to learn from.

    A cutoff needs a horizon of labels before it, and `min_history_days` before that. Where the
    history is too short for all, they move together until they are a third of a horizon apart,
    and then there are fewer. The last is always there.

    Arguments:
        first: the instant of the first event, int64 ms UTC.
        last: the cutoff of the measured model.
        horizon_days: days that a label looks ahead.
        number: how many are asked for.
        min_history_days: days between the first event and the first training instant.
    """
    span = (last - first) // DAY_MS - horizon_days - min_history_days
    closest = max(1, horizon_days // CLOSEST)
    step = horizon_days if number < 2 else min(horizon_days, max(closest, span // (number - 1)))
    count = min(number, 1 + max(0, span) // step)
    notes = []
    if count < number:
        notes.append(
            f"{count} of {number} cutoffs: {iso(first)[:10]} is the first event, and a cutoff "
            f"needs {min_history_days} days of history and {horizon_days} days of labels before it"
        )
    if count > 1 and step < horizon_days:
        notes.append(
            f"the cutoffs are {step} days apart and their horizons {horizon_days} days long, so "
            "that the same orders count in several"
        )
    at = last - np.arange(count, dtype=np.int64)[::-1] * (step * DAY_MS)
    return Cutoffs(at, int(step), "; ".join(notes))


@dataclass(frozen=True)
class PastTest:
    """A model at one cutoff, and what followed."""

    at: int
    model: ChurnModel
    learnt: ChurnRows
    """What it was trained on."""
    rows: ChurnRows
    """All eligible customers at the cutoff."""
    evaluation: ChurnEvaluation


@dataclass(frozen=True)
class Backtest:
    """A recipe at several past cutoffs."""

    tests: tuple[PastTest, ...]
    """By cutoff, rising; the last is the measured model."""
    step_days: int
    notes: tuple[str, ...]
    """Why cutoffs are missing or overlap."""

    @property
    def last(self) -> PastTest:
        """The measured model."""
        return self.tests[-1]

    @property
    def methods(self) -> list[str]:
        """Ours and the baselines that every cutoff has."""
        return [
            name
            for name in self.last.evaluation.predicted
            if all(name in test.evaluation.predicted for test in self.tests)
        ]

    def figure(self, method: str, name: str) -> npt.NDArray[np.float64]:
        """A figure at each cutoff."""
        return np.array([test.evaluation.metrics[f"{method}.{name}"] for test in self.tests])

    @property
    def metrics(self) -> Mapping[str, float]:
        """`<method>.<figure>.mean` and `.sd` over the cutoffs, with `cutoffs`."""
        out = {"cutoffs": float(len(self.tests))}
        for method in self.methods:
            for name in FIGURES:
                values = self.figure(method, name)
                out[f"{method}.{name}.mean"] = float(values.mean())
                if len(values) > 1:
                    out[f"{method}.{name}.sd"] = float(values.std(ddof=1))
        return out


def backtest(
    past: PastRows,
    recipe: ChurnRecipe,
    cutoff: int,
    *,
    measured: ChurnModel | None = None,
    number: int = CUTOFFS,
    seed: int = 0,
    threads: int = 2,
    progress: Progress | None = None,
) -> Backtest:
    """Train and measure a recipe at past cutoffs.

    Arguments:
        past: rows of the present log; those that were made are used again.
        recipe: how each model is trained.
        cutoff: the last one, whose horizon is observed.
        measured: the model that was trained for the last cutoff; trained here when None.
        number: how many cutoffs at most.
        seed: of the models.
        threads: of LightGBM.
        progress: told of every cutoff.

    Raises:
        NotEnoughDataError: the last cutoff cannot be trained for, its horizon is not over, or
            nobody is eligible there.
    """
    observed(past.timelines, cutoff, recipe.horizon_days)
    first = first_event(past.timelines)
    chosen = past_cutoffs(
        first,
        cutoff,
        horizon_days=recipe.horizon_days,
        number=number,
        min_history_days=recipe.min_history_days,
    )
    tests, notes = [], [chosen.note] if chosen.note else []
    for done, at in enumerate(chosen.at.tolist()):
        if progress is not None:
            progress("churn back-test", done, len(chosen.at))
        given = measured if at == cutoff else None
        try:
            tests.append(_tested(past, recipe, at, given, first, seed, threads))
        except NotEnoughDataError as error:
            if at == cutoff:
                raise
            notes.append(f"no test at {iso(at)[:10]}: {error}")
    if progress is not None:
        progress("churn back-test", len(chosen.at), len(chosen.at))
    return Backtest(tuple(tests), chosen.step_days, tuple(notes))


def _tested(
    past: PastRows,
    recipe: ChurnRecipe,
    at: int,
    model: ChurnModel | None,
    first: int,
    seed: int,
    threads: int,
) -> PastTest:
    plan = learning_plan(first, at, recipe)
    learnt = past.at(plan.at, plan.days, known_by=at, customers=recipe.customers_per_instant)
    if model is None:
        model = fit_churn(learnt, recipe, seed, threads=threads)
    learnt, rows = (_seen(model, each) for each in (learnt, past.at(np.array([at], np.int64))))
    found = churn_evaluation(model, rows, past.orders, plan, at)
    return PastTest(at, model, learnt, rows, found)


def _seen(model: ChurnModel, rows: ChurnRows) -> ChurnRows:
    """The rows with the columns that a model knows: features may have been declared since."""
    names = [feature.name for feature in FEATURES]
    if list(model.feature_names_) == names:
        return rows
    columns = [names.index(name) for name in model.feature_names_]
    return replace(rows, X=rows.X[:, columns])
