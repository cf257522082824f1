"""Settings every part shares: where things live and how much of a history is read.

Each field can be set by an environment variable of the same name with the prefix
`REGULARS_`, for instance `REGULARS_DATA=/srv/regulars`.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from features.errors import InputError

Basis = Literal["consent", "contract", "legitimate_interests"]
"""On what ground a purpose is pursued (Art. 6(1) a, b and f GDPR)."""

_SEE = "features/settings.py and serving/settings.py explain every setting"


class Settings(BaseSettings):
    """Paths and limits."""

    model_config = SettingsConfigDict(env_prefix="REGULARS_", frozen=True, extra="ignore")

    data: Path = Path(".regulars")
    """The folder that holds everything the system writes. One folder is one backup; restore it to
    the same path, since MLflow remembers where its artefacts lie."""

    seed: int = 0
    """The seed of every random choice; the same input then gives the same bundle."""

    threads: int = Field(default=2, ge=1)
    """Threads of training jobs; two, so that a laptop stays usable."""

    identity: dict[str, dict[str, Any]] = Field(default={})
    """Changes to the rules of identifiers, as JSON: `{"anonymous_id": {"blocked": ["till-3"]},
    "email": {"joins": 1}}`. `joins` is how many accounts and the like one value may bring
    together, `per_person` how many one person may have, `expires_days` after how long unseen it
    joins nobody, `hashed` false keeps it as it is. features/events/identifiers.py has the rules."""

    identity_key: str = Field(default="", repr=False)
    """The secret under which addresses, numbers and tokens are hashed; empty is one made at the
    first use and kept in `data`. Replicas need the same; with another one nobody is found again."""

    phone_region: str = Field(default="", pattern="^([A-Z]{2})?$")
    """ISO 3166 code of the country whose telephone numbers are written without one, as `DE`;
    empty reads international numbers only, since guessing would join strangers."""

    placements: Path | None = None
    """A folder with the shop's own placements, one TOML file each, which come before ours of the
    same name; models/next_product/placements has ours, and what stands in them."""

    personalisation_basis: Basis = "legitimate_interests"
    """The legal basis of showing people what their own past suggests. Under `consent` whoever
    never said so is shown popular products only. A shop that knows its customers may rely on its
    legitimate interests (recital 47 GDPR), and would otherwise answer nearly everybody alike; who
    denies it is obeyed on every basis."""

    profiling_basis: Basis = "legitimate_interests"
    """The legal basis of scoring people and of learning from them. Under `consent` whoever never
    said so has no score and is in no training set. The default is that of personalisation, for
    the same reason; an objection (Art. 21 GDPR) is obeyed on every basis."""

    consent_categories: dict[str, list[str]] = {}
    """Purposes of a consent banner's categories, as JSON: `{"C0004": ["marketing", "profiling"],
    "Newsletter": ["marketing:email"]}`, over the usual ones of features/consents/rules.py. A
    category that stands in neither says nothing."""

    @classmethod
    def of_environment(cls) -> Self:
        """The settings that the environment's `REGULARS_…` variables say.

        Raises:
            InputError: a variable cannot be read; its value is not repeated, it may be secret.
        """
        try:
            return cls()
        except SettingsError as error:  # a list or table that is no JSON
            name = str(error).partition('field "')[2].partition('"')[0]
            raise InputError(f"REGULARS_{name.upper()}: is no JSON; {_SEE}") from None
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)[0]
            name, *within = (str(part) for part in found["loc"])
            place = f"REGULARS_{name.upper()}" + "".join(f" → {part}" for part in within)
            raise InputError(f"{place}: {found['msg']}; {_SEE}") from None

    retain_days: dict[str, float] = Field(default={})
    """How many days events are kept, by type, as JSON: `{"Product Viewed": 400, "*": 1100}`, where
    `*` is every type that is not named, `scores` the churn probabilities and `impressions` the
    recommendations that were served. Without, they are kept for ever. What people said about their
    consents never ages."""

    retain_numbers: bool = True
    """Whether an aged event leaves its numbers in the timeline, so that features stay what they
    were; its properties go in any case."""

    monitor_calibration: float = Field(default=0.05, ge=0)
    """By how much, beyond chance, the churn predicted in a week may miss the churn that came: five
    points are what a season moves, and what changes whom an offer pays for."""

    monitor_auc: float = Field(default=0.03, ge=0)
    """By how much a week's AUC may, beyond chance, stay below what the evaluation promised: five
    times the standard deviation of one evaluation with 5,000 customers."""

    monitor_weeks: int = Field(default=2, ge=1)
    """In how many successive weeks either must be for an alert; one alone is a warning. A holiday
    or a campaign makes a week; two make a model that no longer fits."""

    monitor_stability: float = Field(default=0.25, ge=0)
    """Population stability index from which scores or features have moved: the usual limit for "so
    different that the model should be made anew" (.1 is the one for "look")."""

    monitor_days: int = Field(default=3, ge=1)
    """On how many successive days it must be for an alert: longer than a weekend."""

    @property
    def log(self) -> Path:
        """The event log: Parquet segments, catalogue, quarantine."""
        return self.data / "log"

    @property
    def monitoring(self) -> Path:
        """What the last monitoring found; the service shows it as metrics."""
        return self.data / "monitoring.json"

    @property
    def erasures(self) -> Path:
        """The key and the list of erased people: outside the log and the store."""
        return self.data / "erasures"

    @property
    def bundles(self) -> Path:
        """Published bundles, a folder each, and the pointer to the champion."""
        return self.data / "bundles"

    @property
    def tracking_uri(self) -> str:
        """The MLflow store when `MLFLOW_TRACKING_URI` is not set: one SQLite file."""
        return f"sqlite:///{(self.data / 'mlflow.db').absolute()}"

    @property
    def artifacts(self) -> Path:
        """Where runs put their artefacts when the tracking store is the SQLite file."""
        return self.data / "artifacts"
