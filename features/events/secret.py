"""A secret in a file, made by whoever needs it first."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from features.errors import StorageError

SECRET_BYTES = 32


def make(path: Path) -> None:
    """Make a file of random bytes that only its owner may read, unless it is there already.

    Several processes may do so at once: the first one's stays.

    Raises:
        StorageError: the folder cannot be written.
    """
    if path.exists():
        return
    fresh = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(handle, secrets.token_bytes(SECRET_BYTES))
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            with suppress(FileExistsError):
                os.link(fresh, path)
        finally:
            fresh.unlink()
    except OSError as error:
        raise StorageError(f"cannot make the key {path}: {error.strerror}") from error
