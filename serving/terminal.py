"""What every command does: read the settings, open the store, tell an error in one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from features.errors import RegularsError
from serving.settings import ServingSettings

if TYPE_CHECKING:
    from serving.store import Store

console = Console(stderr=True, soft_wrap=True)


def settings_of_environment() -> ServingSettings:
    """The settings that `REGULARS_…` variables say."""
    with told():
        return ServingSettings.of_environment()


@contextmanager
def opened(settings: ServingSettings) -> "Iterator[Store]":
    """The store, closed in the end."""
    from serving.store import open_store

    store = open_store(settings)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def told() -> Iterator[None]:
    """Tell an error that a user can mend in one line, without a stack trace."""
    try:
        yield
    except RegularsError as error:
        console.print(f"Error: {error}", style="red", highlight=False, soft_wrap=True)
        sys.exit(1)
