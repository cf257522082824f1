"""The training job: fit, measure, fit again on everything, record, register.

Models are first trained up to a cutoff that leaves a whole horizon of events, and measured on
it. What ships is then trained by the same recipe up to the last event: it knows the latest
season and products, and its figures are those of the same recipe one horizon earlier. Both
bundles are kept: later candidates are compared with the measured one.
"""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from features.errors import InputError
from features.instants import DAY_MS, iso
from features.reference import Reference
from models.bundle import Bundle
from models.churn import ChurnModel
from models.next_product import NextProductModel
from models.offers import Offers
from models.personas import Personas
from models.value import ValueModel
from training.evaluate import (
    ChurnEvaluation,
    Evaluation,
    ValueEvaluation,
    evaluate_churn,
    evaluate_value,
)
from training.next_product import NextProductEvaluation, evaluate_next_product
from training.personas import kept_share, last_personas, persona_metrics, persona_table
from training.record import (
    churn_plots,
    finite,
    next_product_plots,
    persona_record,
    value_plots,
)
from training.registry import MEASURED, Registry, Version
from training.report import About
from training.report.job import ReportJob, log_report
from training.report.next_product import log_next_product
from training.tracking import BUNDLE, Run, Tracking
from training.trainer import Trainer


@dataclass(frozen=True)
class Provenance:
    """Who trains, with which code, and when; nothing of it changes a model."""

    recipe: str
    """The recipe's name."""
    user: str
    git_commit: str
    now: int
    """The instant at which the training was started."""


@dataclass(frozen=True)
class Trained:
    """What came of a training."""

    version: Version
    evaluation: Evaluation
    trained_until: int
    personas: Personas | None
    """Those that shipped."""


def train(
    trainer: Trainer,
    registry: Registry,
    provenance: Provenance,
    *,
    offers: Offers,
    cutoff: int | None = None,
    refit: bool = True,
    report: bool = True,
) -> Trained:
    """Train, measure, record in MLflow and register a version.

    Arguments:
        trainer: what is trained, and on what.
        registry: where it is recorded and registered.
        provenance: who, when, with which code.
        offers: the shop's offers, which the bundle carries.
        cutoff: the measured models learn from what is before it, the figures come from what
            follows; default: the latest that leaves whole horizons.
        refit: whether what ships is trained again up to the last event.
        report: whether the churn model is back-tested, sources of next products are left out one
            by one, and both pages logged.

    Raises:
        InputError: the cutoff is too late, or the recipe leaves out all models.
        NotEnoughDataError: the history is too short for the recipe's horizons.
        RegistryError: the tracking store cannot be written.
    """
    data = trainer.data
    latest = trainer.latest_cutoff
    if cutoff is not None and cutoff > latest:
        raise InputError(
            f"the cutoff {iso(cutoff)} leaves less than a horizon of events to measure on; choose "
            f"{iso(latest)} or earlier, or a shorter horizon_days"
        )
    cutoff = latest if cutoff is None else cutoff
    until = data.last_at + 1 if refit else cutoff
    about = {
        "recipe": provenance.recipe,
        "data_fingerprint": data.fingerprint,
        "cutoff": iso(cutoff),
        "trained_until": iso(until),
    }
    tags = {
        **about,
        "git_commit": provenance.git_commit or "unknown",
        "models": " ".join(trainer.models),
        "refit": "yes" if refit else "no",
        "metrics_of": (
            f"the same recipe trained until {iso(cutoff)}, on what followed"
            if refit
            else f"this version, on what followed {iso(cutoff)}"
        ),
    }
    with (
        tempfile.TemporaryDirectory(prefix="regulars-") as scratch,
        registry.tracking.run("train", user=provenance.user) as run,
    ):
        run.parameters({**about, "seed": trainer.seed})
        run.tags({name: text for name, text in tags.items() if name not in about})
        run.tags({"mlflow.source.git.commit": tags["git_commit"]})
        run.text(trainer.recipe.model_dump_json(indent=1), "recipe.json")
        last, which = last_personas(registry) if trainer.recipe.personas else (None, "")
        run.tags({"previous_personas": which} if which else {})
        origin = About(
            version=None,
            recipe_name=provenance.recipe,
            recipe={} if trainer.recipe.churn is None else trainer.recipe.churn.model_dump(),
            seed=trainer.seed,
            fingerprint=data.fingerprint,
            trained_until=about["trained_until"],
            git_commit=provenance.git_commit,
            made_at=iso(provenance.now),
        )
        measured, evaluation = _measured(
            trainer, registry.tracking, run, cutoff, offers, last, origin if report else None
        )
        metrics = finite(evaluation.metrics)

        def save(bundle: Bundle, folder: Path, at: int) -> None:
            bundle.save(
                folder,
                created_at=iso(provenance.now),
                cutoff=at,
                fingerprint=data.fingerprint,
                metrics=metrics,
            )

        shipped = measured
        if refit:
            save(measured, Path(scratch) / MEASURED, cutoff)
            run.folder(Path(scratch) / MEASURED, MEASURED)
            shipped = _shipped(trainer, until, offers, last or measured.personas)
        if shipped.personas is not None:
            run.text(persona_table(shipped.personas), "personas.csv")
        save(shipped, Path(scratch) / BUNDLE, until)
        trainer.progress("register", 0, 1)
        version = registry.register(
            run,
            Path(scratch) / BUNDLE,
            example=data.example(cutoff, measured.reference),
            metrics=metrics,
            tags=tags,
        )
        run.tags({"version": str(version.number)})
        trainer.progress("register", 1, 1)
    return Trained(version, evaluation, until, shipped.personas)


def _measured(
    trainer: Trainer,
    tracking: Tracking,
    run: Run,
    cutoff: int,
    offers: Offers,
    last: Personas | None,
    origin: About | None,
) -> tuple[Bundle, Evaluation]:
    """Models up to the cutoff and how they did on what followed, each in a nested run."""
    reference = trainer.data.reference(cutoff)
    churn, churn_found = _measured_churn(trainer, tracking, run, cutoff, reference, origin)
    value, value_found = _measured_value(trainer, tracking, run, cutoff, reference)
    products, products_found = _measured_next_product(
        trainer, tracking, run, cutoff, reference, origin
    )
    personas = _measured_personas(trainer, tracking, run, cutoff, last)
    bundle = Bundle(
        trainer.data.catalog,
        reference,
        churn,
        products,
        offers,
        personas=personas,
        value=value,
    )
    return bundle, Evaluation(cutoff, churn_found, products_found, value_found)


def _measured_churn(
    trainer: Trainer,
    tracking: Tracking,
    run: Run,
    cutoff: int,
    reference: Reference,
    origin: About | None,
) -> tuple[ChurnModel | None, ChurnEvaluation | None]:
    recipe, data = trainer.recipe.churn, trainer.data
    if recipe is None:
        return None, None
    with tracking.run("churn", parent=run) as child:
        child.parameters(recipe.model_dump())
        began = time.monotonic()
        past = None if origin is None else trainer.past(recipe)
        model = trainer.churn(cutoff, past=past)
        seconds = time.monotonic() - began
        trainer.progress("churn evaluation", 0, 1)
        bundle = Bundle(data.catalog, reference, model, None)
        found = evaluate_churn(
            bundle, data.timelines, data.catalog, cutoff, recipe, trainer.threads
        )
        _log_model(child, found.metrics, seconds)
        churn_plots(child, found)
        trainer.progress("churn evaluation", 1, 1)
        if past is not None and origin is not None:
            job = ReportJob(data, past, recipe, trainer.seed, trainer.threads, trainer.progress)
            log_report(run, job.report(cutoff, origin, measured=model))
    return model, found


def _measured_value(
    trainer: Trainer, tracking: Tracking, run: Run, cutoff: int, reference: Reference
) -> tuple[ValueModel | None, ValueEvaluation | None]:
    recipe, data = trainer.recipe.value, trainer.data
    if recipe is None:
        return None, None
    with tracking.run("value", parent=run) as child:
        child.parameters(recipe.model_dump())
        began = time.monotonic()
        model = trainer.value(cutoff)
        seconds = time.monotonic() - began
        trainer.progress("value evaluation", 0, 1)
        bundle = Bundle(data.catalog, reference, None, None, value=model)
        found = evaluate_value(bundle, data.timelines, data.catalog, cutoff, trainer.threads)
        _log_model(child, found.metrics, seconds)
        if model is not None:
            child.text(model.chosen_text(), "value_choice.json")
        value_plots(child, found)
        trainer.progress("value evaluation", 1, 1)
    return model, found


def _measured_next_product(
    trainer: Trainer,
    tracking: Tracking,
    run: Run,
    cutoff: int,
    reference: Reference,
    origin: About | None,
) -> tuple[NextProductModel | None, NextProductEvaluation | None]:
    recipe, data = trainer.recipe.next_product, trainer.data
    if recipe is None:
        return None, None
    with tracking.run("next_product", parent=run) as child:
        child.parameters(recipe.model_dump())
        began = time.monotonic()
        model = trainer.next_product(cutoff)
        seconds = time.monotonic() - began
        trainer.progress("next product evaluation", 0, 1)
        if model is None:
            return None, None
        found = evaluate_next_product(
            model,
            data.timelines,
            data.catalog,
            cutoff,
            reference=reference,
            thorough=origin is not None,
            seed=trainer.seed,
        )
        _log_model(child, found.metrics, seconds)
        next_product_plots(child, found)
        if origin is not None:
            log_next_product(run, found, replace(origin, recipe=recipe.model_dump()))
        trainer.progress("next product evaluation", 1, 1)
    return model, found


def _measured_personas(
    trainer: Trainer, tracking: Tracking, run: Run, cutoff: int, last: Personas | None
) -> Personas | None:
    recipe, data = trainer.recipe.personas, trainer.data
    if recipe is None:
        return None
    with tracking.run("personas", parent=run) as child:
        child.parameters(recipe.model_dump())
        began = time.monotonic()
        model = trainer.personas(cutoff, last)
        seconds = time.monotonic() - began
        later_at = cutoff + recipe.horizon_days * DAY_MS
        later = trainer.personas(later_at, model, label=f" ({recipe.horizon_days} days later)")
        if model is not None and later is not None:
            kept = kept_share(data, model, cutoff, later, later_at, trainer.threads)
            _log_model(child, {**persona_metrics(model), "kept_share": kept}, seconds)
            persona_record(child, model)
    return model


def _log_model(run: Run, metrics: Mapping[str, float], seconds: float) -> None:
    run.metrics({**finite(metrics), "fit_seconds": seconds})


def _shipped(trainer: Trainer, until: int, offers: Offers, last: Personas | None) -> Bundle:
    label = " (all data)"
    return Bundle(
        trainer.data.catalog,
        trainer.data.reference(until),
        trainer.churn(until, label=label),
        trainer.next_product(until, label=label),
        offers,
        personas=trainer.personas(until, last, label=label),
        value=trainer.value(until, label=label),
    )
