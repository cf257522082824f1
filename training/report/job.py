"""The report as a job: of a training that runs, and of a version that was registered."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from features.errors import NotEnoughDataError
from features.instants import iso
from models.bundle import Bundle
from models.churn import ChurnModel
from training.backtest import CUTOFFS, backtest
from training.fit import Progress
from training.past import PastRows
from training.recipe import ChurnRecipe, Recipe
from training.record import finite
from training.registry import Registry, Version
from training.report.figures import About, ChurnReport, churn_report
from training.report.page import page
from training.tracking import Run
from training.trainer import Data

PAGE = "report/churn.html"
"""The page's path among a run's artefacts."""


@dataclass(frozen=True)
class ReportJob:
    """Makes reports of one recipe on one state of the data."""

    data: Data
    past: PastRows
    recipe: ChurnRecipe
    seed: int
    threads: int
    progress: Progress

    def report(
        self,
        cutoff: int,
        about: About,
        *,
        measured: ChurnModel | None = None,
        number: int = CUTOFFS,
    ) -> ChurnReport:
        """Back-test and report; arguments and errors as `backtest`."""
        tested = backtest(
            self.past,
            self.recipe,
            cutoff,
            measured=measured,
            number=number,
            seed=self.seed,
            threads=self.threads,
            progress=self.progress,
        )
        self.progress("churn report", 0, 1)
        made = churn_report(tested, self.data, self.past.orders, about, self.seed)
        self.progress("churn report", 1, 1)
        return made


def log_report(run: Run, report: ChurnReport) -> str:
    """Log the page, and the back-test's figures as `churn.backtest.…`; gives the page."""
    html = page(report)
    metrics = {f"churn.backtest.{name}": v for name, v in report.backtest.metrics.items()}
    run.metrics(finite(metrics))
    run.text(html, PAGE)
    return html


def report_version(
    registry: Registry,
    version: Version,
    data: Data,
    *,
    now: int,
    user: str = "",
    number: int = CUTOFFS,
    threads: int = 2,
    progress: Progress,
) -> tuple[ChurnReport, str]:
    """Build a version's report again on the present log, in a run of its own.

    Arguments:
        registry: where it is registered.
        version: of which.
        data: the present log's.
        now: int64 ms UTC.
        user: who asked.
        number: past cutoffs at most.
        threads: of the kernel and of LightGBM.
        progress: told of every step.

    Returns:
        The report and its page.

    Raises:
        NotEnoughDataError: the version has no churn model, or the log ends before the horizon.
        RegistryError: its artefacts are gone.
    """
    with tempfile.TemporaryDirectory(prefix="regulars-") as scratch:
        bundle = Bundle.load(registry.measured(version, Path(scratch) / "bundle"))
        whole, seed = recipe_of(registry, version, Path(scratch) / "recipe")
    recipe = whole.churn
    if bundle.churn is None or recipe is None:
        raise NotEnoughDataError(
            f"version {version.number} has no churn model; train one, or name another version"
        )
    about = about_version(version, bundle, recipe, seed, now)
    past = PastRows(data.timelines, data.catalog, recipe.horizon_days, seed, threads)
    job = ReportJob(data, past, recipe, seed, threads, progress)
    made = job.report(bundle.manifest.cutoff, about, measured=bundle.churn, number=number)
    with registry.tracking.run("report", user=user) as run:
        run.tags({"version": str(version.number), "data_fingerprint": data.fingerprint})
        html = log_report(run, made)
    return made, html


def about_version(
    version: Version, bundle: Bundle, recipe: BaseModel | None, seed: int, now: int
) -> About:
    """Where a registered version comes from.

    Arguments:
        version: which.
        bundle: its measured models.
        recipe: of the model that is reported on.
        seed: that it was trained with.
        now: int64 ms UTC.
    """
    return About(
        version=version.number,
        recipe_name=version.tags.get("recipe", ""),
        recipe={} if recipe is None else recipe.model_dump(),
        seed=seed,
        fingerprint=bundle.manifest.fingerprint,
        trained_until=version.tags.get("trained_until", iso(bundle.manifest.cutoff)),
        git_commit=version.tags.get("git_commit", ""),
        made_at=iso(now),
    )


def recipe_of(registry: Registry, version: Version, folder: Path) -> tuple[Recipe, int]:
    """The recipe and the seed that a version was trained with."""
    path = registry.tracking.fetch(f"runs:/{version.run_id}/recipe.json", folder)
    recipe = Recipe.model_validate_json(path.read_text(encoding="utf-8"))
    run = registry.tracking.client.get_run(version.run_id)
    return recipe, int(run.data.params.get("seed", 0))
