"""Better settings of the churn model, searched by Optuna on past cutoffs.

A trial trains at cutoffs inside the training period and is judged by the log loss of what followed
each: nothing of the horizon that the model is measured on is seen. The latest of these cutoffs is
kept from the search. On it the best trial meets the default once, since the best of many trials is
partly the luckiest.
"""

import hashlib
import json
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from features.errors import NotEnoughDataError
from features.instants import DAY_MS, iso
from models.churn import Fits
from training.backtest import past_cutoffs
from training.dataset import ChurnRows
from training.fit import Progress, first_event, fit_churn
from training.intervals import Interval, log_losses, mean_interval
from training.past import PastRows
from training.recipe import ChurnRecipe, Recipe
from training.record import finite
from training.split import learning_plan
from training.tracking import Run

CUTOFFS: Final = 4
"""Past cutoffs at most: three to search on, one to confirm."""

FIRST_TRIALS: Final = 5
"""Trials before any is given up early: a median of fewer says little."""

SPACE: Final[Mapping[str, tuple[float, float]]] = {
    "trees": (20, 400),
    "leaves": (2, 31),
    "learning_rate": (0.005, 0.2),
    "min_rows": (20, 500),
    "column_share": (0.2, 1.0),
}
"""What is searched, and between which ends; all but the share on a log scale. Horizon, instants
and history say what is predicted and from what, and are not searched."""


class Told(Protocol):
    """What is told of each new best trial."""

    def __call__(self, trial: int, loss: float, default: float) -> None:
        """Its number, its mean log loss, and that of the default."""


@dataclass(frozen=True)
class Fold:
    """What is learnt before a cutoff, and what it is judged by."""

    at: int
    learnt: ChurnRows
    judged: ChurnRows
    fits: dict[int, Fits] = field(default_factory=dict)
    """Purchase models by seed: no setting that is searched changes them."""

    def losses(self, recipe: ChurnRecipe, seed: int, threads: int) -> npt.NDArray[np.float64]:
        """The log loss of each customer, shape (customers,)."""
        fits = self.fits.setdefault(seed, {})
        model = fit_churn(self.learnt, recipe, seed, threads=threads, fits=fits)
        return log_losses(self.judged.y, model.predict_proba(self.judged.X, self.at))


@dataclass(frozen=True)
class Tuned:
    """What a search found."""

    default: ChurnRecipe
    best: ChurnRecipe
    """As the default where no trial was better."""
    trials: list[dict[str, Any]]
    """Number, state, mean log loss and settings of each."""
    searched: tuple[int, ...]
    """Cutoffs of the search."""
    confirmed: int
    """The cutoff on which the best met the default."""
    default_loss: float
    """Mean log loss over the searched cutoffs."""
    best_loss: float
    difference: Interval
    """Log loss of the best less the default's, of the same customers at `confirmed`."""

    @property
    def better(self) -> bool:
        """Whether the best is better beyond chance where the search did not look."""
        return self.best != self.default and self.difference.high < 0


def folds(past: PastRows, recipe: ChurnRecipe, cutoff: int, number: int = CUTOFFS) -> list[Fold]:
    """Cutoffs whose horizons end before the measured one, oldest first; rows are made once.

    Arguments:
        past: rows of the log.
        recipe: horizon and instants.
        cutoff: the measured model's; no label reaches it.
        number: how many at most.

    Raises:
        NotEnoughDataError: there are fewer than two.
    """
    first = first_event(past.timelines)
    chosen = past_cutoffs(
        first,
        cutoff - recipe.horizon_days * DAY_MS,
        horizon_days=recipe.horizon_days,
        number=number,
        min_history_days=recipe.min_history_days,
    )
    if len(chosen.at) < 2:
        raise NotEnoughDataError(
            f"tuning needs two cutoffs before {iso(cutoff)}, one to search on and one to confirm; "
            f"the history since {iso(first)} has {len(chosen.at)}: keep the default recipe, choose "
            "a shorter horizon_days, or import more history"
        )
    out = []
    for at in chosen.at.tolist():
        plan = learning_plan(first, at, recipe)
        learnt = past.at(plan.at, plan.days, known_by=at, customers=recipe.customers_per_instant)
        out.append(Fold(at, learnt, past.at(np.array([at], np.int64), known_by=cutoff)))
    return out


def tune(
    parts: list[Fold],
    default: ChurnRecipe,
    *,
    storage: Path,
    fingerprint: str,
    seconds: float,
    most_trials: int | None = None,
    seed: int = 0,
    threads: int = 2,
    told: Told | None = None,
    progress: Progress | None = None,
) -> Tuned:
    """Search until the time is over; what a study has is gone on with.

    A study belongs to a log, a default and the cutoffs: with another of them a new one begins.

    Arguments:
        parts: of `folds`; the last one confirms.
        default: trial 0, and what is not searched.
        storage: the SQLite file that keeps all studies.
        fingerprint: of the log.
        seconds: after which no further trial begins.
        most_trials: of this call, at most.
        seed: of models and of the search.
        threads: of LightGBM.
        told: of each new best trial.
        progress: told of "tune", the seconds gone and those in all.
    """
    search, last = parts[:-1], parts[-1]
    key = [fingerprint, default.model_dump(), [part.at for part in parts], seed, dict(SPACE)]
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]
    started = {each: getattr(default, each) for each in SPACE}
    began = time.monotonic()
    with _quiet():
        import optuna

        storage.parent.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            storage=f"sqlite:///{storage.absolute()}",
            study_name=f"churn-{name}",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS),
        )
        complete = optuna.trial.TrialState.COMPLETE
        # another seed for each start, or the same settings would be tried again
        study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
        if not any(t.params == started for t in study.get_trials(states=(complete,))):
            study.enqueue_trial(started)

        def objective(trial: Any) -> float:
            settings = _suggested(trial, default)
            recipe = default.model_copy(update=settings)
            means = []
            for step, part in enumerate(search):
                means.append(float(part.losses(recipe, seed, threads).mean()))
                if progress is not None:
                    progress("tune", round(min(seconds, time.monotonic() - began)), round(seconds))
                trial.report(float(np.mean(means)), step)
                if settings != started and step + 1 < len(search) and trial.should_prune():
                    raise optuna.TrialPruned
            return float(np.mean(means))

        def after(study: Any, trial: Any) -> None:
            if told is not None and trial.state == complete and study.best_trial == trial:
                told(trial.number, trial.value, _loss_of(study, started))

        study.optimize(objective, timeout=seconds, n_trials=most_trials, callbacks=[after])
        if progress is not None:
            progress("tune", round(seconds), round(seconds))
        best = default.model_copy(update=study.best_params)
        ours, theirs = (last.losses(each, seed, threads) for each in (best, default))
        return Tuned(
            default=default,
            best=best,
            trials=[
                {"trial": t.number, "state": t.state.name.lower(), "log_loss": t.value, **t.params}
                for t in study.trials
            ],
            searched=tuple(part.at for part in search),
            confirmed=last.at,
            default_loss=_loss_of(study, started),
            best_loss=float(study.best_value),
            difference=mean_interval(ours - theirs, seed=seed),
        )


def toml(recipe: Recipe) -> str:
    """A recipe as TOML that `train --recipe` reads."""
    parts = {name: getattr(recipe, name) for name in Recipe.model_fields}
    lines = [f"{name} = false" for name, part in parts.items() if part is None]
    for name, part in parts.items():
        if part is not None:
            lines += ["", f"[{name}]"]
            lines += list(_settings(part.model_dump()))
    return "\n".join(lines).strip() + "\n"


def _settings(settings: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """Lines of numbers and strings, which JSON and TOML write alike, under dotted names."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _settings(value, f"{within}{name}.")
        else:
            yield f"{within}{name} = {json.dumps(value)}"


def log_tuned(run: Run, tuned: Tuned, recipe: Recipe) -> None:
    """Log what a search found: settings, figures, all trials, and the recipe if it is better."""
    run.parameters({"default": tuned.default.model_dump(), "best": tuned.best.model_dump()})
    run.metrics(
        finite(
            {
                "default.log_loss": tuned.default_loss,
                "best.log_loss": tuned.best_loss,
                "confirmed.log_loss_difference": tuned.difference.value,
                "confirmed.log_loss_difference.low": tuned.difference.low,
                "confirmed.log_loss_difference.high": tuned.difference.high,
                "trials": len(tuned.trials),
            }
        )
    )
    run.tags({"better": "yes" if tuned.better else "no", "confirmed_at": iso(tuned.confirmed)})
    run.text(json.dumps(tuned.trials, indent=1), "trials.json")
    if tuned.better:
        run.text(toml(recipe.model_copy(update={"churn": tuned.best})), "recipe.toml")


def _suggested(trial: Any, default: ChurnRecipe) -> dict[str, Any]:
    """A trial's settings; the default lies within the ends, wherever it is."""
    out: dict[str, Any] = {}
    for name, (low, high) in SPACE.items():
        own = getattr(default, name)
        low, high = min(low, own), max(high, own)
        if isinstance(own, int):
            out[name] = trial.suggest_int(name, int(low), int(high), log=True)
        else:
            out[name] = trial.suggest_float(name, low, high, log=name != "column_share")
    return out


def _loss_of(study: Any, settings: Mapping[str, Any]) -> float:
    """The loss of a finished trial with these settings; NaN before there is one."""
    found = [t.value for t in study.trials if t.params == settings and t.value is not None]
    return float(found[0]) if found else float("nan")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's log and warnings about its own code from the user."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        yield
