"""`python -m serving keys`: make keys, list them, end them.

A key is printed once, alone on standard output, and never taken as an argument: other users of
the machine can read those.
"""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.errors import InputError, shown
from features.instants import DAY_MS, iso
from serving.clock import wall_clock
from serving.scopes import Scope
from serving.terminal import console, opened, settings_of_environment, told

HOUR_MS = 3_600_000

keys = typer.Typer(help="Make, list and end the keys that open the service.")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is; the source of its events.")],
    scope: Annotated[list[Scope], typer.Option(help="What it opens; may be given several times.")],
    days: Annotated[float | None, typer.Option(help="How long it lasts [until revoked].")] = None,
) -> None:
    """Make a key and print it; it cannot be read back.

    A name may have several keys: make the new one, hand it out, then revoke the old one.

    Example: python -m serving keys create site --scope write --scope read
    """
    from serving.keys import key_of, new_secret

    with told(), opened(settings_of_environment()) as store:
        now = wall_clock()
        ends_at = None if days is None else now + int(days * DAY_MS)
        secret = new_secret(set(scope))
        key = key_of(secret, name, set(scope), now, ends_at=ends_at)
        store.put_key(key)
    console.print(
        f"Made the key {key.key_id} of {name}, which may {', '.join(key.scopes)}. Keep it now, "
        "only its hash is stored:",
        highlight=False,
    )
    sys.stdout.write(f"{secret}\n")


@keys.command("list")
def listed() -> None:
    """List the keys by their ids; the keys themselves nobody can read back."""
    with told(), opened(settings_of_environment()) as store:
        found = store.api_keys()
    if not found:
        console.print("There is no key; `python -m serving keys create NAME --scope …` makes one.")
        return
    table = Table("id", "name", "scopes", "made", "ends", box=None)
    for key in found:
        ends = "when revoked" if key.ends_at is None else iso(key.ends_at)
        if key.ends_at is not None and key.ends_at <= wall_clock():
            ends = f"ended {ends}"
        table.add_row(key.key_id, key.name, ", ".join(key.scopes), iso(key.created_at), ends)
    Console(soft_wrap=True).print(table)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Its id, as `keys list` shows it.")],
    hours: Annotated[
        float, typer.Option(min=0, help="Let it go on for so long [at once, within a second].")
    ] = 0,
) -> None:
    """End a key, at once or at a later time.

    Example: python -m serving keys revoke 3f0c8e3a5b1d --hours 24
    """
    with told(), opened(settings_of_environment()) as store:
        ends_at = wall_clock() + int(hours * HOUR_MS)
        if not store.end_key(key_id, ends_at):
            raise InputError(f"no key {shown(key_id)}; `python -m serving keys list` shows the ids")
    console.print(f"The key {key_id} ends at {iso(ends_at)}.", highlight=False)
