"""What belongs to an event log: the one file that is replaced when the log changes."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from features.errors import StorageError

FILE = "manifest.json"


@dataclass(frozen=True)
class Segment:
    """One Parquet file of events; `content` is a hash that does not depend on their order."""

    file: str
    events: int
    last_at: int
    content: int
    appended: int | None = None
    """`content` when it was appended, where compaction has changed it since."""

    @property
    def origin(self) -> int:
        """Of the events it was appended with: says which segment it is, whatever went since."""
        return self.content if self.appended is None else self.appended


@dataclass(frozen=True)
class Manifest:
    """The files of a log, relative to its folder."""

    segments: tuple[Segment, ...] = ()
    catalog: str | None = None
    catalog_content: int = 0
    quarantine: tuple[str, ...] = ()
    legal_bases: dict[str, str] = field(default_factory=dict)
    """On what ground each source's personal data are processed."""
    currency: str | None = None
    """The one currency of all money in the log; None before the first import."""
    cleaned: str = ""
    """The digest of the list of erasures by which the files were last compacted."""
    version: int = 1

    def fingerprint_with(self, erased: str) -> str:
        """16 hexadecimal digits that change when an event or the catalogue does.

        Arguments:
            erased: the digest of the erasures that are still in the files.
        """
        content = 0
        for segment in self.segments:
            content ^= segment.content
        parts: list[int | str] = [sum(s.events for s in self.segments), content]
        parts += [self.catalog_content, *([erased] if erased else [])]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def files(self) -> frozenset[str]:
        """Every file that belongs to the log, but for the manifest itself."""
        catalog = () if self.catalog is None else (self.catalog,)
        return frozenset((*(s.file for s in self.segments), *catalog, *self.quarantine))

    def to_json(self) -> str:
        """The manifest as its file holds it."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Read a log's manifest; a folder without one is an empty log.

        Raises:
            StorageError: the file is damaged or of another version.
        """
        path = folder / FILE
        try:
            document: dict[str, Any] = json.loads(path.read_text("utf-8"))
            version = document.get("version")
            if version != cls.version:
                raise StorageError(
                    f"{path} is of version {version}, this program reads {cls.version}; "
                    "use the release that wrote it"
                )
            segments = tuple(Segment(**segment) for segment in document.pop("segments"))
            quarantine = tuple(document.pop("quarantine"))
            return cls(segments=segments, quarantine=quarantine, **document)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StorageError(
                f"{path} cannot be read ({error}); restore it from a backup, or delete the "
                "folder and import again"
            ) from error
