"""Commands that look into models: how good they are, and better settings for them."""

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from features.settings import Settings
from training import console
from training.cli import LogOption, VersionOption
from training.judging import CLIP, Reward
from training.places import consent_rules, event_log, now, recipe_file, registry_of


class Tunable(StrEnum):
    """Models whose settings can be searched."""

    CHURN = "churn"


def evaluate(version: VersionOption = None, log: LogOption = None) -> None:
    """Measure a version again on the log's present events, at the cutoff it was trained for."""
    from models.bundle import Bundle
    from training.evaluate import evaluate as run
    from training.provenance import user
    from training.record import record
    from training.report.job import about_version, recipe_of
    from training.report.next_product import log_next_product
    from training.tables import print_evaluation
    from training.trainer import Data

    settings = Settings.of_environment()
    registry = registry_of(settings)
    found = registry.version(version)
    path = settings.data / "reports" / f"next_product-{found.number}.html"
    with tempfile.TemporaryDirectory(prefix="regulars-") as scratch, console.stages() as progress:
        progress("timelines", 0, 1)
        data = Data.of(event_log(log), consent_rules(settings))
        progress("timelines", 1, 1)
        progress("evaluate", 0, 1)
        bundle = Bundle.load(registry.measured(found, Path(scratch)))
        cutoff = bundle.manifest.cutoff
        evaluation = run(bundle, data.timelines, data.catalog, cutoff, threads=settings.threads)
        with registry.tracking.run("evaluate", user=user()) as mlflow_run:
            mlflow_run.tags({"version": str(found.number), "data_fingerprint": data.fingerprint})
            record(mlflow_run, evaluation)
            if evaluation.next_product is not None:
                recipe, seed = recipe_of(registry, found, Path(scratch) / "recipe")
                about = about_version(found, bundle, recipe.next_product, seed, now())
                html = log_next_product(mlflow_run, evaluation.next_product, about)
        progress("evaluate", 1, 1)
    print_evaluation(evaluation)
    if evaluation.next_product is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
        console.say(f"Report on next products of version {found.number}: {path}")


def counterfactual(
    impressions: Annotated[
        Path | None,
        typer.Option(help="Parquet file or folder of shown lists; default: beside the log."),
    ] = None,
    version: VersionOption = None,
    placement: Annotated[str, typer.Option(help="Whose lists are judged.")] = "home",
    reward: Annotated[Reward, typer.Option(help="What a shown product can earn.")] = Reward.CLICK,
    days: Annotated[int, typer.Option(help="In which a purchase counts.", min=1)] = 7,
    clip: Annotated[float, typer.Option(help="The most that a shown product counts.")] = CLIP,
    log: LogOption = None,
) -> None:
    """What a version's lists would have earned, from lists shown with logged probabilities."""
    from models.bundle import Bundle
    from training.counterfactual import counterfactual as run
    from training.impressions import judged, read_impressions
    from training.provenance import user
    from training.record import finite
    from training.tables import print_counterfactual
    from training.trainer import Data

    settings = Settings.of_environment()
    registry = registry_of(settings)
    found = registry.version(version)
    target = event_log(log)
    shown = read_impressions(impressions or target.path.parent / "impressions")
    with tempfile.TemporaryDirectory(prefix="regulars-") as scratch, console.stages() as progress:
        progress("timelines", 0, 1)
        data = Data.of(target, consent_rules(settings))
        progress("timelines", 1, 1)
        lists = judged(
            shown,
            Bundle.load(registry.measured(found, Path(scratch))),
            data,
            placement=placement,
            reward=reward,
            days=days,
            seed=settings.seed,
            progress=lambda done, total: progress("lists", done, total),
        )
        told = run(lists.shown, clip=clip, seed=settings.seed)
        with registry.tracking.run("counterfactual", user=user()) as mlflow_run:
            mlflow_run.tags({"version": str(found.number), "data_fingerprint": data.fingerprint})
            mlflow_run.parameters(
                {"placement": placement, "reward": reward.value, "days": days, "clip": clip}
            )
            mlflow_run.metrics(finite({f"counterfactual.{k}": v for k, v in told.metrics.items()}))
    print_counterfactual(told, lists.left_out, reward.value)


def report(
    version: VersionOption = None,
    cutoffs: Annotated[int, typer.Option(help="Past cutoffs to test at, at most.", min=1)] = 4,
    out: Annotated[
        Path | None, typer.Option(help="The HTML file; default: in REGULARS_DATA/reports.")
    ] = None,
    log: LogOption = None,
) -> None:
    """Build a version's churn report again on the log's present events, in MLflow and as a file."""
    from features.errors import InputError
    from training.provenance import user
    from training.report.job import report_version
    from training.tables import print_backtest
    from training.trainer import Data

    settings = Settings.of_environment()
    registry = registry_of(settings)
    found = registry.version(version)
    path = out or settings.data / "reports" / f"churn-{found.number}.html"
    with console.stages() as progress:
        progress("timelines", 0, 1)
        data = Data.of(event_log(log), consent_rules(settings))
        progress("timelines", 1, 1)
        made, html = report_version(
            registry,
            found,
            data,
            now=now(),
            user=user(),
            number=cutoffs,
            threads=settings.threads,
            progress=progress,
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; name another --out") from error
    print_backtest(made.backtest)
    console.say(f"Report of version {found.number}: {path}")


def tune(
    minutes: Annotated[float, typer.Option(help="After which no trial begins.", min=0)] = 5.0,
    which: Annotated[
        Tunable, typer.Option(help="The model whose settings are searched.")
    ] = Tunable.CHURN,
    recipe: Annotated[
        str, typer.Option(help="The default to start from: a shipped recipe's name, or a TOML.")
    ] = "default",
    out: Annotated[
        Path | None, typer.Option(help="The recipe to write; default: in REGULARS_DATA.")
    ] = None,
    log: LogOption = None,
) -> None:
    """Search better settings on past cutoffs, within minutes; running it again goes on.

    A recipe is written only if it is better than the default beyond chance on a cutoff that the
    search did not see.
    """
    from features.errors import InputError
    from training.provenance import user
    from training.recipe import Recipe
    from training.tables import print_tuned
    from training.trainer import Data, Trainer
    from training.tune import folds, log_tuned, toml
    from training.tune import tune as run

    settings = Settings.of_environment()
    given = Recipe.load(recipe_file(recipe))
    if given.churn is None:
        raise InputError(
            f"the recipe {recipe} has no {which.value} model; there is nothing to tune"
        )
    registry = registry_of(settings)
    with console.stages() as progress:
        progress("timelines", 0, 1)
        data = Data.of(event_log(log), consent_rules(settings))
        progress("timelines", 1, 1)
        trainer = Trainer(data, given, settings.seed, settings.threads, progress)
        progress("churn rows", 0, 1)
        parts = folds(trainer.past(given.churn), given.churn, trainer.latest_cutoff)
        progress("churn rows", 1, 1)
        try:
            found = run(
                parts,
                given.churn,
                storage=settings.data / "tuning.db",
                fingerprint=data.fingerprint,
                seconds=60 * minutes,
                seed=settings.seed,
                threads=settings.threads,
                told=_say_best,
                progress=progress,
            )
        except KeyboardInterrupt:
            console.notes.print("Interrupted; finished trials are kept: run it again to go on.")
            raise
        with registry.tracking.run("tune", user=user()) as mlflow_run:
            log_tuned(mlflow_run, found, given)
    print_tuned(found)
    if not found.better:
        console.say("Nothing is taken: no trial is better than the default beyond chance.")
        return
    path = out or settings.data / "tuned.toml"
    try:
        path.write_text(toml(given.model_copy(update={"churn": found.best})), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; name another --out") from error
    console.say(f"Better than the default. To use it: python -m training train --recipe {path}")


def _say_best(trial: int, loss: float, default: float) -> None:
    console.notes.print(f"trial {trial}: log loss {loss:.4f}, best so far (default {default:.4f})")
