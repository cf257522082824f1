"""Settings every part shares: where things live and how much of a history is read.

Each field can be set by an environment variable of the same name with the prefix
`REGULARS_`, for instance `REGULARS_DATA=/srv/regulars`.
"""

from pathlib import Path
from typing import Literal, Self

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

    @property
    def log(self) -> Path:
        """The event log: Parquet segments, catalogue, quarantine."""
        return self.data / "log"

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
