"""Where a command finds what it works on, by its options and the settings.

What is found is imported when it is asked for, so that `--help` answers at once.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from features.settings import Settings

if TYPE_CHECKING:
    from features.consents import ConsentRules
    from features.events.log import EventLog
    from models.bundle import Bundle
    from training.registry import Registry


def now() -> int:
    """The present instant."""
    return time.time_ns() // 1_000_000


def event_log(path: Path | None) -> "EventLog":
    """The event log in a folder, or in the one that the settings name."""
    from features.events.identifiers import rules_of
    from features.events.log import EventLog

    settings = Settings.of_environment()
    return EventLog(
        path or settings.log,
        erasures=settings.erasures,
        threads=settings.threads,
        rules=rules_of(settings),
    )


def consent_rules(settings: Settings) -> "ConsentRules":
    """What holds where a customer said nothing of consent."""
    from features.consents import ConsentRules

    return ConsentRules.of(settings)


def recipe_file(name: str) -> Path:
    """The file of a shipped recipe, or the file of this name."""
    from features.errors import InputError, shown
    from training.recipe import DEFAULT

    shipped = sorted(DEFAULT.parent.glob("*.toml"))
    for path in (Path(name), *(path for path in shipped if path.stem == name)):
        if path.is_file():
            return path
    names = ", ".join(path.stem for path in shipped)
    raise InputError(f"there is no recipe {shown(name)}; name a TOML file, or one of: {names}")


def registry_of(settings: Settings) -> "Registry":
    """The registry that the settings name."""
    from training.registry import Registry
    from training.tracking import Tracking

    return Registry(Tracking(settings))


def bundle_of(settings: Settings, version: int | None, folder: Path) -> "tuple[int, Bundle]":
    """The bundle of a version, or the one that serves."""
    from features.errors import RegistryError
    from features.events.erasures import Erasures
    from models.bundle import Bundle
    from training.publish import pointed

    serving = pointed(settings.bundles)
    if version is None and serving is None:
        raise RegistryError(
            "no version serves yet; run: python -m training promote, or name one with --version"
        )
    if version is None or version == serving:
        number = int((serving if version is None else version) or 0)
        bundle = Bundle.load(settings.bundles / str(number))
    else:
        registry = registry_of(settings)
        found = registry.version(version)
        number, bundle = found.number, Bundle.load(registry.shipped(found, folder))
    if bundle.next_product is not None:
        bundle.next_product.mask(Erasures(settings.erasures).erased())
    return number, bundle


def served_bundle(settings: Settings, version: str, folder: Path) -> "Bundle | None":
    """The bundle of a version as scores name it; None when it is gone, which is said."""
    from features.errors import RegularsError
    from training.console import notes

    try:
        return bundle_of(settings, int(version), folder)[1]
    except (RegularsError, ValueError) as error:
        notes.print(f"version {version} has no bundle any more: {error}", markup=False)
        return None
