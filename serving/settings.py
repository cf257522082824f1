"""Settings of the service; each can be set as `REGULARS_<NAME>` in the environment."""

from pathlib import Path

from pydantic import Field

from features.errors import InputError, shown
from features.events.mapping import TimeZone
from features.settings import Settings


class ServingSettings(Settings):
    """Where the service listens, what it stores in, and how often it looks around."""

    host: str = "127.0.0.1"
    """The address to listen on; this machine only, until somebody decides otherwise."""

    port: int = Field(default=8000, ge=1, le=65535)
    """The port to listen on."""

    workers: int = Field(default=1, ge=1)
    """Processes that answer; all share one store and one folder of bundles."""

    store: str = Field(default="", repr=False)  # it may hold a password
    """The store's address: `sqlite:///path/to/file.db`, or `postgresql://user@host/database`
    for several replicas; empty is a SQLite file in `data`."""

    champion_seconds: float = Field(default=1.0, gt=0)
    """Pause between two looks at the published bundle; a promotion is live within it."""

    timers_seconds: float = Field(default=0.5, gt=0)
    """Pause between two looks for due timers; an intervention is at most this late."""

    busy_seconds: float = Field(default=5.0, gt=0)
    """How long a write takes, waiting for others' included, before it answers 503."""

    answer_seconds: float = Field(default=1.0, gt=0)
    """How long PostgreSQL may take to read before the answer goes without; a page waits for it."""

    max_body_bytes: int = Field(default=1_000_000, ge=1_000)
    """Longest request body; twice what Segment allows a batch (500 kB)."""

    max_feed_bytes: int = Field(default=20_000_000, ge=1_000)
    """Longest body of a product feed; some 100,000 products."""

    keys_seconds: float = Field(default=1.0, gt=0)
    """Pause between two looks at the keys; one that is revoked opens nothing after it. What was
    read of customers goes to the access log as often."""

    scores_seconds: float = Field(default=5.0, gt=0)
    """Pause between two writes of the scores that were served, and of the lists of products; a
    crash loses the last ones, and of some hundred thousand a day nobody misses those of five
    seconds."""

    currency: str = Field(default="", pattern="^([A-Z]{3})?$")
    """ISO 4217 code of the shop's money; events in another are put aside. Empty is that of the
    loaded history; before there is any, what events say is taken as it is."""

    time_zone: TimeZone = "UTC"
    """The shop's time zone, such as `Europe/London`: in which an hour of the day is meant."""

    write_events_per_second: float = Field(default=0, ge=0)
    """Events of one key's name per second and worker; more are answered 429. 0 limits nothing:
    a shop's own traffic is welcome."""

    write_burst_events: int = Field(default=5_000, ge=1)
    """Events of one key's name that may come at once before the limit begins: two batches."""

    page_origins: str = "*"
    """Origins whose pages may send events and ask what to show, separated by commas. Any: a key
    in a page is public, and opens nothing but what a visitor may know of themselves."""

    bot_events_per_minute: int = Field(default=1_000, ge=0)
    """Events of one visitor in one minute from which on they are a bot's; nobody clicks 16 times
    a second. 0 counts nothing."""

    keep: dict[str, list[str]] = Field(default={})
    """Changes to the properties that are kept, as JSON: `{"Product Viewed": ["+color",
    "-price"]}`. Without, those that features/events/schema.toml names; the rest is dropped."""

    erased_may_return: bool = True
    """Whether an erased person who comes back is a new customer, of what happens from then on. If
    not, whatever their old ids do is dropped for ever."""

    idempotency_hours: float = Field(default=24.0, gt=0)
    """How long the answer to an Idempotency-Key is remembered; clients retry within a day."""

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
                f"REGULARS_STORE = {shown(kind)}…: write it as sqlite:///path/to/store.db, as "
                "postgresql://user:password@host/database, or leave it out"
            )
        return Path(path)
