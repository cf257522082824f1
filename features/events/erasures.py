"""Who was erased, as keyed hashes: kept outside the log and the store, whose backups are older.

    key               32 random bytes; without them nobody can tell whether an id is listed
    erasures.jsonl    one line per erasure, only ever added to

An event of an erased id is left out when it happened, or had arrived, by the instant that its
line says; what happens later is a new person's. The hashes are pseudonymous, not anonymous:
whoever has the key and an id can ask whether it is listed.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.errors import StorageError, shown
from features.events import secret
from features.events.lock import held
from features.events.secret import SECRET_BYTES

KEY = "key"
LIST = "erasures.jsonl"
HASH_BYTES = 16
"""That two of a billion ids share a hash: 1e-21."""


@dataclass(frozen=True)
class Erasure:
    """One erasure, without anything that names who was erased."""

    erasure_id: str
    at: int
    """When it was asked for (instant)."""
    until: int
    """Events that happened, or arrived, by this instant are left out."""
    who: str
    """Who asked for it here: an officer, not the person."""
    why: str
    hashes: tuple[str, ...]
    """Of each identifier of the person, hexadecimal."""


@dataclass(frozen=True)
class Marks:
    """What stands for people where something of each is kept, so that they can be erased."""

    hashes: npt.NDArray[np.uint8]
    """Of each one's id, shape (people, HASH_BYTES)."""
    key_id: str
    """Which key they are made with; see `Erasures.key_id`."""

    @classmethod
    def none(cls) -> "Marks":
        """Nobody's."""
        return cls(np.empty((0, HASH_BYTES), np.uint8), "")

    def taken(self, places: npt.NDArray[np.int64] | slice) -> "Marks":
        """Those at these places; of nobody's, nobody's."""
        return Marks(self.hashes[places], self.key_id) if len(self.hashes) else self


@dataclass(frozen=True)
class Erased:
    """Everybody who was erased so far."""

    until: Mapping[bytes, int]
    """By hash, the instant up to which their events are left out."""
    key_id: str


class Erasures:
    """The list in a folder; without the folder nobody was erased.

    Arguments:
        folder: holds the key and the list.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._key: bytes | None = None
        self._read: tuple[tuple[int, int], tuple[Erasure, ...]] = ((0, 0), ())

    def make_key(self) -> None:
        """Make the key, if there is none yet; several processes may do so at once.

        Raises:
            StorageError: the folder cannot be written.
        """
        secret.make(self.folder / KEY)

    def hash(self, customer_id: str) -> bytes:
        """The hash of a customer id.

        Raises:
            StorageError: the key is missing.
        """
        return hmac.digest(self._secret(), customer_id.encode(), "sha256")[:HASH_BYTES]

    def marks(self, customer_ids: Iterable[str]) -> Marks:
        """What stands for these people; the key is made if there is none yet.

        Raises:
            StorageError: the key cannot be read or made.
        """
        self.make_key()
        digests = b"".join(map(self.hash, customer_ids))
        return Marks(np.frombuffer(digests, np.uint8).reshape(-1, HASH_BYTES), self.key_id)

    @property
    def key_id(self) -> str:
        """Says which key this is, without saying the key.

        Raises:
            StorageError: the key is missing.
        """
        return hmac.digest(self._secret(), b"\0key", "sha256").hex()[:16]

    def all(self) -> tuple[Erasure, ...]:
        """Every erasure, in the order of the list.

        Raises:
            StorageError: the list is damaged.
        """
        path = self.folder / LIST
        try:
            status = path.stat()
            stamp = (status.st_size, status.st_mtime_ns)
            if stamp != self._read[0]:
                self._read = (stamp, tuple(_parsed(path)))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error.strerror}") from error
        return self._read[1]

    def add(self, erasures: Iterable[Erasure]) -> None:
        """Add to the list; it is on the disk when this returns.

        Raises:
            StorageError: the disk refuses; nothing was added.
        """
        lines = "".join(
            json.dumps(asdict(erasure), ensure_ascii=False) + "\n" for erasure in erasures
        )
        path = self.folder / LIST
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with held(self.folder, wait=True), path.open("ab+") as file:
                whole = _whole_bytes(path)
                file.truncate(whole)  # what a killed writer left half-written was never told
                try:
                    file.write(lines.encode())
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(whole)
                    raise
            _force_folder(self.folder)
        except OSError as error:
            raise StorageError(
                f"cannot write {path}: {error.strerror}; nobody was erased"
            ) from error

    def until(self) -> dict[bytes, int]:
        """By hash, the instant up to which its events are left out."""
        found: dict[bytes, int] = {}
        for erasure in self.all():
            for digest in erasure.hashes:
                key = bytes.fromhex(digest)
                found[key] = max(erasure.until, found.get(key, erasure.until))
        return found

    def erased(self) -> Erased:
        """Everybody who is listed.

        Raises:
            StorageError: the list is damaged, or somebody is listed and the key is missing.
        """
        until = self.until()
        return Erased(until, self.key_id if until else "")

    @property
    def digest(self) -> str:
        """Changes when somebody is erased; empty when nobody ever was."""
        found = self.until()
        if not found:
            return ""
        text = "".join(f"{key.hex()}{until}\n" for key, until in sorted(found.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _secret(self) -> bytes:
        if self._key is None:
            path = self.folder / KEY
            try:
                key = path.read_bytes()
            except OSError as error:
                raise StorageError(
                    f"cannot read {path} ({error.strerror}), so nobody can tell who was erased; "
                    "restore it from the machine or the backup that has it"
                ) from error
            if len(key) < SECRET_BYTES:
                raise StorageError(f"{path} is damaged; restore it from a backup")
            self._key = key
        return self._key


def _parsed(path: Path) -> Iterable[Erasure]:
    text = path.read_bytes()[: _whole_bytes(path)].decode()
    for number, line in enumerate(text.split("\n")[:-1], 1):
        try:
            said = json.loads(line)
            yield Erasure(**said | {"hashes": tuple(said["hashes"])})
        except (ValueError, TypeError, KeyError) as error:
            raise StorageError(
                f"{path}, line {number} is damaged: {shown(line)}; restore the file from a backup"
            ) from error


def _whole_bytes(path: Path) -> int:
    """How long the file's whole lines are."""
    return path.read_bytes().rfind(b"\n") + 1


def _force_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
