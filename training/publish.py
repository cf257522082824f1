"""Handing a bundle to the service: a folder per version and one pointer file.

`<bundles>/<version>/` is a bundle and never changes; `<bundles>/champion.json` names the one
that serves. Both appear by a rename, so whoever reads sees the old or the new, never a part.
"""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from features.errors import BundleError, StorageError
from features.instants import iso
from models.bundle import Bundle

POINTER: Final = "champion.json"


def publish(fetch: Callable[[Path], Path], version: int, bundles: Path) -> bool:
    """Put a version's bundle in its folder, verified; the pointer stays as it is.

    A folder that is there already and sound is kept; a damaged one is replaced.

    Arguments:
        fetch: copies the bundle somewhere under the folder it is given and returns where.
        version: the registered version.
        bundles: the folder of published bundles.

    Returns:
        Whether it was put there now; False when it was there already, and sound.

    Raises:
        BundleError: what was fetched is damaged or of another schema.
        StorageError: the disk refused; nothing half-written is left.
    """
    target = bundles / str(version)
    if target.exists():
        try:
            Bundle.load(target)
        except BundleError:
            pass
        else:
            return False
    try:
        bundles.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=bundles) as scratch:
            fetched = fetch(Path(scratch))
            Bundle.load(fetched)
            if target.exists():
                target.rename(Path(scratch) / "damaged")
            fetched.rename(target)
    except OSError as error:
        raise StorageError(
            f"cannot write version {version} to {bundles}: {error}; "
            "free some space or check the folder's rights, and publish again"
        ) from error
    return True


def point(version: int, bundles: Path, now: int) -> None:
    """Make a published version the one that serves.

    Arguments:
        version: published before by `publish`.
        bundles: the folder of published bundles.
        now: the instant written as `published_at`.

    Raises:
        StorageError: the disk refused; the old pointer stays.
    """
    pointer = {"version": str(version), "path": str(version), "published_at": iso(now)}
    draft = bundles / f".{POINTER}.{os.getpid()}"
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump(pointer, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(bundles / POINTER)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(f"cannot write {bundles / POINTER}: {error}") from error


def pointed(bundles: Path) -> int | None:
    """The version that serves by the pointer; None when nothing is published.

    Raises:
        BundleError: the pointer cannot be read.
    """
    path = bundles / POINTER
    try:
        return int(json.loads(path.read_text("utf-8"))["version"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{path} is unreadable ({error}); run: python -m training pull"
        ) from error
