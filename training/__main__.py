"""The command line: `python -m training --help`.

Each command reads its options, calls one job and prints what came of it. Jobs are imported
when their command runs, so that `--help` answers at once.
"""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from features.settings import Settings
from training import console
from training.cli import ALERT, Commands, LogOption, example
from training.everybody import lists, score
from training.examine import counterfactual, evaluate, report, tune
from training.gate import TOLERANCE
from training.places import consent_rules, event_log, now, recipe_file, registry_of

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From a shop's raw tables to the models that serve. Everything is kept below the "
    "folder REGULARS_DATA (default .regulars); MLFLOW_TRACKING_URI names a tracking server.",
)

ReasonOption = Annotated[str, typer.Option(help="Why; recorded with the version.")]


class Which(StrEnum):
    """Which models of a recipe are trained."""

    ALL = "all"
    CHURN = "churn"
    VALUE = "value"
    NEXT_PRODUCT = "next_product"
    PERSONAS = "personas"


@app.command(epilog=example("simulate --customers 2000 --days 400 shop"))
def simulate(
    out: Annotated[Path, typer.Argument(help="A new folder for the shop's tables.")],
    customers: Annotated[int, typer.Option(help="People with an account.")] = 20_000,
    products: Annotated[int, typer.Option(help="Products, variants counted.")] = 1_000,
    days: Annotated[int, typer.Option(help="Length of the history.")] = 540,
    end: Annotated[str, typer.Option(help="The day on which the tables end.")] = "2026-06-30",
    seed: Annotated[int, typer.Option(help="Equal seeds give equal shops.")] = 0,
) -> None:
    """Write the tables of a simulated shop, with the truth beside them."""
    from features.instants import instant, moment
    from training import simulation

    settings = simulation.SimulationSettings(
        customers=customers,
        products=products,
        days=days,
        end=moment(instant(end)),
        seed=seed,
    )
    with console.stages() as progress:
        summary = simulation.simulate(settings, out, progress=progress)
    rows = [(name, count) for name, count in vars(summary).items()]
    console.table(f"Simulated shop in {out}", ["table", "rows"], rows)


@app.command("import", epilog=example("import --mapping online_retail_2 data/online_retail_2"))
def import_(
    source: Annotated[Path, typer.Argument(help="The folder that holds the shop's tables.")],
    mapping: Annotated[
        str, typer.Option(help="A shipped mapping's name, or a TOML file.")
    ] = "shop",
    log: LogOption = None,
) -> None:
    """Bring a shop's tables into the event log; doing it again adds nothing."""
    from features.events.identifiers import reader_of
    from features.events.importer import import_tables
    from features.events.mapping import Mapping

    target = event_log(log)
    with console.stages() as progress:
        progress("import")
        summary = import_tables(
            Mapping.load(mapping),
            source,
            target,
            now=now(),
            reader=reader_of(Settings.of_environment()),
            progress=progress.ended,
        )
        progress.ended("import", sum(summary.accepted.values()))
    accepted = sorted(summary.accepted.items(), key=lambda item: (-item[1], item[0]))
    if accepted:
        console.table("Accepted", ["event", "new"], accepted)
    rejected = [(*where, count) for where, count in summary.quarantined.items()]
    if rejected:
        console.table("Quarantined", ["table", "column", "reason", "rows"], rejected)
    if summary.erased:
        console.say(f"{summary.erased:,} events of erased people left out")
    for name in summary.absent:
        console.notes.print(f"no files for the optional table {name}")
    console.say(
        f"{sum(summary.accepted.values()):,} events accepted, {summary.duplicates:,} known "
        f"already, {sum(summary.quarantined.values()):,} rows quarantined; "
        f"{summary.products:,} products; the log {target.path} holds {len(target):,} events"
    )


@app.command(epilog=example("compact"))
def compact(log: LogOption = None) -> None:
    """Take erased people, and what is past REGULARS_RETAIN_DAYS, out of the log's files.

    May be interrupted and run again. Nobody may train at the same time.
    """
    from features.events.compaction import compact as run
    from features.events.retention import Retention

    settings = Settings.of_environment()
    target = event_log(log)
    with console.stages() as progress:
        done = run(
            target,
            retention=Retention(settings.retain_days, settings.retain_numbers),
            now=now(),
            progress=progress,
        )
    console.say(
        f"{done.segments:,} files written anew: {done.erased:,} events of erased people gone, "
        f"{done.aged:,} events past their time, {done.rejected:,} rejected rows, "
        f"{done.scores:,} served scores and {done.impressions:,} shown products gone; "
        f"the log {target.path} holds {len(target):,} events"
    )


@app.command(epilog=example("train all --recipe default --cutoff 2011-09-10"))
def train(
    which: Annotated[Which, typer.Argument(help="Which models of the recipe.")] = Which.ALL,
    recipe: Annotated[
        str, typer.Option(help="A shipped recipe's name, or a TOML file.")
    ] = "default",
    cutoff: Annotated[
        str | None, typer.Option(help="Measure on what follows; default: the latest possible.")
    ] = None,
    refit: Annotated[
        bool, typer.Option(help="Ship models that are trained again up to the last event.")
    ] = True,
    offers: Annotated[
        Path | None, typer.Option(help="The shop's offers (TOML); default: the example's.")
    ] = None,
    report: Annotated[
        bool, typer.Option(help="Back-test the churn model and log the evaluation reports.")
    ] = True,
    log: LogOption = None,
) -> None:
    """Train, measure on a later period, record in MLflow and register a version."""
    from features.instants import instant, iso
    from models.offers import Offers
    from models.offers.offers import EXAMPLE
    from training import provenance
    from training.recipe import Recipe
    from training.tables import print_evaluation, print_personas
    from training.train import Provenance
    from training.train import train as run
    from training.trainer import Data, Trainer

    settings = Settings.of_environment()
    asked = Recipe.load(recipe_file(recipe))
    if which is not Which.ALL:
        others = {name: None for name in Recipe.model_fields if name != which.value}
        asked = asked.model_copy(update=others)
    chosen = Offers.load(offers or EXAMPLE)
    at = None if cutoff is None else instant(cutoff)
    with console.stages() as progress:
        progress("timelines", 0, 1)
        data = Data.of(event_log(log), consent_rules(settings))
        progress("timelines", 1, 1)
        trained = run(
            Trainer(data, asked, settings.seed, settings.threads, progress),
            registry_of(settings),
            Provenance(recipe, provenance.user(), provenance.git_commit(), now()),
            offers=chosen,
            cutoff=at,
            refit=refit,
            report=report,
        )
    print_evaluation(trained.evaluation)
    if trained.personas is not None:
        print_personas(trained.personas)
    console.say(
        f"Registered version {trained.version.number}, trained until "
        f"{iso(trained.trained_until)}. To let it serve: "
        f"python -m training promote {trained.version.number}"
    )


app.command(epilog=example("evaluate --version 3"))(evaluate)
app.command(epilog=example("counterfactual --version 3 --reward purchase"))(counterfactual)
app.command(epilog=example("report --version 3 --cutoffs 4"))(report)
app.command(epilog=example("tune --minutes 5"))(tune)


@app.command(epilog=example("promote 3 --tolerance 0.01"))
def promote(
    version: Annotated[
        int | None, typer.Argument(help="A registered version; default: the newest.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Share of the champion's figures that may be lost.")
    ] = TOLERANCE,
    force: Annotated[bool, typer.Option("--force", help="Promote without the gate.")] = False,
    reason: ReasonOption = "",
    log: LogOption = None,
) -> None:
    """Let a version serve, if it is not worse than the champion on the same evaluation."""
    from features.errors import InputError
    from training import promote as job
    from training.provenance import user
    from training.tables import print_comparisons
    from training.trainer import Data

    if force and not reason.strip():
        raise InputError("--force needs --reason TEXT, which is recorded with the version")
    settings = Settings.of_environment()
    registry = registry_of(settings)
    candidate = registry.version(version)
    with console.stages() as progress:
        done = job.promote(
            registry,
            settings.bundles,
            candidate,
            lambda: Data.of(event_log(log), consent_rules(settings)),
            tolerance=tolerance,
            force=force,
            reason=reason.strip(),
            user=user(),
            now=now(),
            threads=settings.threads,
            progress=progress,
        )
    print_comparisons(done)
    before = "" if done.before is None else f" instead of version {done.before.number}"
    console.say(f"Version {done.version.number} is champion{before}.")


@app.command(epilog=example('rollback --reason "empty lists on the product page"'))
def rollback(reason: ReasonOption = "") -> None:
    """Let the champion before the present one serve again."""
    from training import promote as job
    from training.provenance import user

    settings = Settings.of_environment()
    was, present = job.rollback(
        registry_of(settings), settings.bundles, reason=reason, user=user(), now=now()
    )
    console.say(f"Version {present.number} is champion again, instead of {was.number}.")


app.command(epilog=example("score scores.parquet --k 10"))(score)
app.command(epilog=example("lists mail.parquet --placement email"))(lists)


@app.command(epilog=example("monitor --check"))
def monitor(
    check: Annotated[
        bool, typer.Option("--check", help="End with exit code 3 on an alert, for cron.")
    ] = False,
    log: LogOption = None,
) -> None:
    """Compare what was served with what happened, in MLflow and for the service's metrics.

    What was served comes with `python -m serving export`. May be run as often as wanted.
    """
    from training.alerts import Status
    from training.daily import daily
    from training.tables import print_monitoring

    with console.stages() as progress:
        found = daily(Settings.of_environment(), event_log(log), progress)
    print_monitoring(found)
    if check and found.judgement.status is Status.ALERT:
        raise typer.Exit(ALERT)


@app.command(epilog=example("pull --watch"))
def pull(
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=1)] = 30,
) -> None:
    """Fetch the registry's champion for a service on this machine."""
    from features.errors import RegularsError
    from training import promote as job

    settings = Settings.of_environment()
    registry = registry_of(settings)
    while True:
        try:
            pulled = job.pull(registry, settings.bundles, now())
        except RegularsError as error:
            if not watch:
                raise
            console.notes.print(f"{error}; trying again in {every:g} s", markup=False)
        else:
            if pulled is not None:
                console.say(f"Version {pulled.number} serves, in {settings.bundles}.")
            elif not watch:
                console.say("The champion serves already.")
        if not watch:
            return
        time.sleep(every)


if __name__ == "__main__":
    app(prog_name="python -m training")
