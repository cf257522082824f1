"""Settings of the service; each can be set as `REGULARS_<NAME>` in the environment."""

from pathlib import Path

from pydantic import Field

from features.errors import InputError, shown
from features.settings import Settings


class ServingSettings(Settings):
    """Where the service listens, what it stores in, and how often it looks around."""

    host: str = "127.0.0.1"
    """The address to listen on; this machine only, until somebody decides otherwise."""

    port: int = Field(default=8000, ge=1, le=65535)
    """The port to listen on."""

    workers: int = Field(default=1, ge=1)
    """Processes that answer; all share one store and one folder of bundles."""

    store: str = ""
    """The store's address, `sqlite:///path/to/file.db`; empty is a file in `data`."""

    champion_seconds: float = Field(default=1.0, gt=0)
    """Pause between two looks at the published bundle; a promotion is live within it."""

    timers_seconds: float = Field(default=0.5, gt=0)
    """Pause between two looks for due timers; an intervention is at most this late."""

    busy_seconds: float = Field(default=5.0, gt=0)
    """How long a write waits for another process's write before it answers 503."""

    max_body_bytes: int = Field(default=1_000_000, ge=1_000)
    """Longest request body; twice what Segment allows a batch (500 kB)."""

    @property
    def store_file(self) -> Path:
        """The SQLite file behind `store`.

        Raises:
            InputError: `store` names another kind of database.
        """
        if not self.store:
            return self.data / "store.db"
        scheme, _, path = self.store.partition(":///")
        if scheme != "sqlite" or not path:
            kind = self.store.partition("://")[0]  # what follows may hold a password
            raise InputError(
                f"REGULARS_STORE = {shown(kind)}…: this version stores in SQLite only; "
                "write it as sqlite:///path/to/store.db or leave it out"
            )
        return Path(path)
