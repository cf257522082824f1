"""The registry of trained bundles: numbered versions, and which of them is champion.

A version is written last, in one statement: a training that is killed before leaves an
unfinished run and no version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from features.errors import RegistryError
from training.tracking import BUNDLE, LONGEST_VALUE, NAME, Run, Tracking, TrackingError

if TYPE_CHECKING:
    import pandas as pd

CHAMPION: Final = "champion"
"""The alias of the version that serves."""

MEASURED: Final = "measured"
"""Where, in a training's run, the bundle lies that its figures come from."""

_HISTORY = "champions"
_LONGEST_HISTORY = 100


@dataclass(frozen=True)
class Version:
    """A registered version: its number, the run that made it, and its tags."""

    number: int
    run_id: str
    tags: dict[str, str]


class Registry:
    """Versions and the champion.

    Every method raises RegistryError when the store cannot be reached.
    """

    def __init__(self, tracking: Tracking) -> None:
        self.tracking = tracking
        self._client = tracking.client

    def register(
        self,
        run: Run,
        bundle: Path,
        *,
        example: "pd.DataFrame",
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> Version:
        """Register a saved bundle as the next version; arguments as `Tracking.log_model`."""
        model_id = self.tracking.log_model(run, bundle, example, metrics)
        self._ensure_name()
        made = self._client.create_model_version(
            NAME,
            source=f"models:/{model_id}",
            run_id=run.id,
            model_id=model_id,
            tags={name: text[:LONGEST_VALUE] for name, text in tags.items()},
        )
        return _version(made)

    def versions(self) -> list[Version]:
        """All registered versions, newest first."""
        found = self._client.search_model_versions(f"name = '{NAME}'")
        return sorted((_version(v) for v in found), key=lambda version: -version.number)

    def version(self, number: int | None = None) -> Version:
        """A version by its number, or the newest.

        Raises:
            RegistryError: there is no such version.
        """
        versions = self.versions()
        if not versions:
            raise RegistryError(
                f"nothing is registered as {NAME!r} in {self.tracking.uri}; run: "
                "python -m training train"
            )
        if number is None:
            return versions[0]
        for version in versions:
            if version.number == number:
                return version
        known = ", ".join(str(version.number) for version in versions[:10])
        raise RegistryError(f"no version {number} is registered; the newest are {known}")

    def champion(self) -> Version | None:
        """The version that serves, or None."""
        try:
            return _version(self._client.get_model_version_by_alias(NAME, CHAMPION))
        except TrackingError as error:
            # the latter where the name is registered and the alias is not set
            if error.code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def history(self) -> list[int]:
        """Numbers of the versions that were champion and may be again, the present one last."""
        tags = self._client.get_registered_model(NAME).tags
        return [int(number) for number in tags.get(_HISTORY, "").split()]

    def set_champion(self, version: Version, history: list[int]) -> None:
        """Move the alias.

        Arguments:
            version: the new champion.
            history: what `history` shall give.
        """
        text = " ".join(str(number) for number in history[-_LONGEST_HISTORY:])
        self._client.set_registered_model_alias(NAME, CHAMPION, version.number)
        self._client.set_registered_model_tag(NAME, _HISTORY, text)

    def tag(self, version: Version, values: Mapping[str, str]) -> None:
        """Set tags of a version."""
        for name, text in values.items():
            self._client.set_model_version_tag(NAME, version.number, name, text[:LONGEST_VALUE])

    def shipped(self, version: Version, folder: Path) -> Path:
        """Copy a version's bundle into a folder and give its path.

        Raises:
            RegistryError: the artefacts are gone.
        """
        return self.tracking.fetch(f"models:/{NAME}/{version.number}/data/{BUNDLE}", folder)

    def measured(self, version: Version, folder: Path) -> Path:
        """Copy the bundle that a version's figures come from, trained up to its cutoff only.

        Raises:
            RegistryError: the artefacts are gone.
        """
        if version.tags.get("refit") != "yes":
            return self.shipped(version, folder)
        return self.tracking.fetch(f"runs:/{version.run_id}/{MEASURED}", folder)

    def _ensure_name(self) -> None:
        try:
            self._client.get_registered_model(NAME)
        except TrackingError as error:
            if error.code != "RESOURCE_DOES_NOT_EXIST":
                raise
            self._client.create_registered_model(
                NAME, description="Catalogue, churn model, next-product model and offers."
            )


def _version(found: Any) -> Version:
    return Version(int(found.version), str(found.run_id), dict(found.tags))
