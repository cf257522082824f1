"""Commands that write a file about every customer."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.settings import Settings
from training import console
from training.cli import LogOption
from training.places import bundle_of, consent_rules, event_log

if TYPE_CHECKING:
    from models.bundle import Bundle
    from training.trainer import Data

AtOption = Annotated[
    str | None, typer.Option("--at", help="As of this date; default: after the last event.")
]
ServedOption = Annotated[
    int | None,
    typer.Option("--version", help="A registered version; default: the one that serves."),
]


def score(
    out: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    k: Annotated[int, typer.Option(help="Products to recommend to each customer.")] = 10,
    reasons: Annotated[
        int, typer.Option(help="Say why, of so many customers with the highest risk.")
    ] = 0,
    at: AtOption = None,
    version: ServedOption = None,
    served: Annotated[
        bool, typer.Option("--served", help="Count them as served, for `monitor` to judge.")
    ] = False,
    log: LogOption = None,
) -> None:
    """Write every customer's churn probability, value and recommended products to Parquet.

    Products take most of the time; with `--k 0` there are none.
    """
    from features.events.served import Served
    from training.score import score as run
    from training.score import serve

    settings = Settings.of_environment()
    with _opened(settings, version, at, log) as (number, bundle, data, moment, progress):
        count = run(
            bundle,
            data.timelines,
            data.catalog,
            moment,
            out,
            k=k,
            reasons=reasons,
            version=str(number),
            threads=settings.threads,
            progress=progress,
        )
        if served:
            target = event_log(log)
            beside = Served.beside(target.path, target.erasures, threads=settings.threads)
            serve(out, beside, moment)
    console.say(f"{count:,} customers scored by version {number}: {out}")


def lists(
    out: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    placement: Annotated[str, typer.Option(help="Which list; one about the customer.")] = "email",
    k: Annotated[
        int | None, typer.Option(help="Products of each list; default: the placement's.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="The shop's rules: JSON, as GET /v1/rules answers.")
    ] = None,
    at: AtOption = None,
    version: ServedOption = None,
    log: LogOption = None,
) -> None:
    """Write a placement's list of products, with reasons, for every known customer to Parquet.

    As the service would answer: diverse, rotated, with new products, after the shop's rules, but
    without products that need an age or a yes. Before a message goes out, POST
    /v1/recommendations/recheck says what of its list may still be sent.
    """
    from features.errors import InputError, shown
    from features.instants import iso
    from models.next_product import placements
    from training.mailing import mailing, read_rules

    settings = Settings.of_environment()
    known = placements(settings.placements)
    if placement not in known:
        raise InputError(
            f"no placement is called {shown(placement)}; there are {', '.join(sorted(known))}"
        )
    followed = [] if rules is None else read_rules(rules)
    with _opened(settings, version, at, log) as (number, bundle, data, moment, progress):
        count = mailing(
            bundle,
            data.timelines,
            data.catalog,
            moment,
            out,
            known[placement],
            k=k,
            rules=followed,
            seed=f"{settings.seed} {iso(moment)}",
            version=str(number),
            progress=progress,
        )
    console.say(f"{placement} for {count:,} customers by version {number}: {out}")


@contextmanager
def _opened(
    settings: Settings, version: int | None, at: str | None, log: Path | None
) -> "Iterator[tuple[int, Bundle, Data, int, console.Stages]]":
    """A version's number and bundle, the data, the instant that is asked for, and progress."""
    from features.instants import instant
    from training.trainer import Data

    with tempfile.TemporaryDirectory(prefix="regulars-") as scratch, console.stages() as progress:
        number, bundle = bundle_of(settings, version, Path(scratch))
        progress("timelines", 0, 1)
        data = Data.of(event_log(log), consent_rules(settings))
        progress("timelines", 1, 1)
        moment = data.last_at + 1 if at is None else instant(at)
        yield number, bundle, data, moment, progress
