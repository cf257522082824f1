"""The service's command line: `python -m serving` serves; the other commands keep house.

What a command needs is imported when it runs, so that `--help` answers at once.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from serving.key_commands import keys
from serving.terminal import console
from serving.terminal import opened as _opened
from serving.terminal import settings_of_environment as _settings
from serving.terminal import told as _told

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(keys, name="keys")


@cli.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Answer from what is known of customers; without a command, serve.

    Examples:
    python -m serving

    python -m serving serve --port 9000 --workers 2

    python -m serving load --log .regulars/log

    python -m serving export --log .regulars/log
    """
    if context.invoked_subcommand is None:
        serve()


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [8000].")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer [1].")] = None,
) -> None:
    """Serve until stopped. Settings come from REGULARS_… variables; options override them.

    Example: python -m serving serve --host 0.0.0.0 --port 9000 --workers 2
    """
    import uvicorn

    # LightGBM's idle threads sleep rather than spin beside a request; read when it loads
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from serving.clock import wall_clock
    from serving.keys import make_first

    settings = _settings()
    host, port = host or settings.host, settings.port if port is None else port
    with _told():
        # opened once before the workers do: an error is told once, tables and a key are made once
        with _opened(settings) as store:
            first = make_first(store, wall_clock())
        if first is not None:
            _tell(first)
        console.print(f"Serving on http://{host}:{port}, documented at /docs; Ctrl-C stops it.")
        uvicorn.run(
            "serving.app:from_environment",
            factory=True,
            host=host,
            port=port,
            workers=workers or settings.workers,
            log_level="warning",
            access_log=False,  # paths hold customer ids; requests are logged by their route
            server_header=False,
            timeout_graceful_shutdown=10,
        )


@cli.command()
def load(
    log: Annotated[
        Path | None, typer.Option(help="The event log's folder [.regulars/log].")
    ] = None,
) -> None:
    """Bring a shop's past from the event log into the store.

    May be interrupted and run again: it goes on where it stopped. Loading a log that has grown
    replaces the past; what the store took in by itself stays, and is not loaded from the log.

    Example: python -m serving load --log .regulars/log
    """
    from features.consents import ConsentRules
    from features.events.log import EventLog
    from serving import history

    settings = _settings()
    source = EventLog(log or settings.log, erasures=settings.erasures)
    with _told(), _opened(settings) as store, _progress() as progress:
        rules = ConsentRules.of(settings)
        loaded = history.load(source, store, rules=rules, progress=progress)
    if loaded.already:
        console.print(f"Nothing to do: {source.path} is loaded already.")
        return
    own = f" {loaded.own:,} events came from the store itself." if loaded.own else ""
    console.print(
        f"Loaded {loaded.customers:,} customer ids with {loaded.rows:,} timeline rows, "
        f"{loaded.products:,} products, {loaded.links:,} links and {loaded.consents:,} consents "
        f"from {source.path}.{own}"
    )


@cli.command()
def export(
    log: Annotated[
        Path | None, typer.Option(help="The event log's folder [.regulars/log].")
    ] = None,
) -> None:
    """Append what the store took in by itself to the event log, for the next training.

    Every event once, however often it is run or killed. Products come along: where the store
    was told more of them than the log, the log learns it.

    Example: python -m serving export --log .regulars/log
    """
    from features.events.log import EventLog
    from serving import export as exporting

    settings = _settings()
    target = EventLog(log or settings.log, erasures=settings.erasures)
    with _told(), _opened(settings) as store, _progress() as progress:
        exported = exporting.export(store, target, progress=progress)
    if not (exported.events or exported.products or exported.scores or exported.impressions):
        console.print(f"Nothing to do: {target.path} has every event of the store.")
        return
    known = f" It had {exported.known:,} events already." if exported.known else ""
    beside = (
        f" {exported.scores:,} served scores and {exported.impressions:,} shown products went "
        "beside it."
        if exported.scores or exported.impressions
        else ""
    )
    console.print(
        f"Exported {exported.events:,} events and {exported.products:,} products "
        f"to {target.path}.{known}{beside}"
    )


@cli.command()
def settle() -> None:
    """Say anew who is one person, after a change of REGULARS_IDENTITY. May be run again.

    Example: python -m serving settle
    """
    settings = _settings()
    with _told(), _opened(settings) as store:
        console.print(f"Settled {store.settle_all():,} identifiers by the present rules.")


@cli.command()
def retain() -> None:
    """Delete the store's events, scores and lists that are older than REGULARS_RETAIN_DAYS allows.

    Without that setting nothing ages. May be interrupted and run again. The event log's go with
    `python -m training compact`.

    Example: REGULARS_RETAIN_DAYS='{"Product Viewed": 400}' python -m serving retain
    """
    from features.events.retention import Retention
    from serving import retention
    from serving.clock import wall_clock

    settings = _settings()
    with _told():
        periods = Retention(settings.retain_days, settings.retain_numbers)
    if not settings.retain_days:
        console.print("Nothing to do: REGULARS_RETAIN_DAYS says no period.")
        return
    with _told(), _opened(settings) as store, _progress() as progress:
        done = retention.retain(store, periods, wall_clock(), progress=progress)
    console.print(
        f"Deleted {done.events:,} events, {done.rows:,} timeline rows, {done.scores:,} scores "
        f"and {done.impressions:,} lists of recommendations past their time."
    )


@cli.command()
def migrate() -> None:
    """Bring the store's tables to this version's; in an empty database, make them.

    All or nothing. A store that a newer version wrote is left alone. Stop the service and back
    the store up before; an embedded store that is new needs none of this.

    Example: REGULARS_STORE=postgresql://… python -m serving migrate
    """
    from serving.store import migrate as bring

    with _told():
        done = bring(_settings())
    if done.before == done.after:
        console.print(f"Nothing to do: the store's tables are of revision {done.after}.")
    elif done.before is None:
        console.print(f"Made the store's tables, revision {done.after}.")
    else:
        console.print(f"Brought the store's tables from revision {done.before} to {done.after}.")


@cli.command()
def tour(
    customer: Annotated[str, typer.Option(help="A customer of the loaded history.")],
) -> None:
    """Start the service, make its first calls and leave it running.

    Without a terminal it ends after the calls. Example: python -m serving tour --customer c1
    """
    from serving.clock import wall_clock
    from serving.tour import demonstration_key
    from serving.tour import tour as run

    settings = _settings()
    with _told():
        with _opened(settings) as store:
            key = demonstration_key(store, wall_clock())
        run(settings.host, settings.port, customer, key, Console())


def _tell(first: str) -> None:
    """Show the first key, which nothing else ever does."""
    from serving.keys import FIRST_DAYS

    console.print(
        "There was no key yet. This one opens everything, is shown only now, and ends in "
        f"{FIRST_DAYS} days:\n\n  export REGULARS_KEY={first}\n\n"
        "Make keys of your own with `python -m serving keys create NAME --scope write`, then end "
        "it: `python -m serving keys revoke` and its id, which `python -m serving keys list` "
        "shows.\n",
        highlight=False,
        markup=False,
    )


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield tell


if __name__ == "__main__":
    cli()
