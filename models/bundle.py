"""A bundle: everything a trained system is, in one verified folder; what training hands over."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from features.catalog import Catalog
from features.definitions import FEATURES
from features.errors import BundleError, RegularsError
from features.reference import Reference
from features.timeline import Timeline
from models.churn import ChurnModel
from models.declared import with_terms
from models.next_product import NextProductModel
from models.offers import Offers
from models.personas import Personas
from models.value import ValueModel

SCHEMA_VERSION = 6
"""Raised when the folder's layout changes; other versions are refused."""

MANIFEST = "manifest.json"
LIBRARIES = ("implicit", "lightgbm", "numpy", "scikit-learn", "scipy")
SMOKE_K = 10


class Manifest(BaseModel):
    """What a bundle says of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SCHEMA_VERSION
    bundle_id: str = ""
    """Sixteen hex digits of all contents but `created_at`: equal bundles have equal ids."""
    created_at: str = ""
    """ISO 8601, UTC."""
    cutoff: int
    """The instant the models were trained for, int64 ms UTC."""
    fingerprint: str
    """Of the event log they were trained on."""
    metrics: dict[str, float] = {}
    """On the period after a training period; the evaluation's names."""
    features: dict[str, str] = {}
    """Hashes of the features the models read, by name."""
    versions: dict[str, str] = {}
    """Of the libraries they were fitted by."""
    smoke: dict[str, Any] = {}
    """What the models answered when they were saved; loading asks them again."""
    files: dict[str, str] = {}
    """SHA-256 of every file, by path within the folder."""


@dataclass(frozen=True)
class Bundle:
    """Models, and the catalogue and population facts they were trained with."""

    catalog: Catalog
    reference: Reference
    churn: ChurnModel | None
    next_product: NextProductModel | None
    offers: Offers = field(default_factory=Offers)
    personas: Personas | None = None
    value: ValueModel | None = None
    manifest: Manifest = field(default_factory=lambda: Manifest(cutoff=0, fingerprint=""))

    def extended(self, catalog: Catalog) -> "Bundle":
        """This bundle for a catalogue that follows its own."""
        model = self.next_product
        return replace(
            self,
            reference=self.reference.extended(catalog),
            next_product=None if model is None else model.extended(catalog),
        )

    def save(
        self,
        folder: Path,
        *,
        created_at: str,
        cutoff: int,
        fingerprint: str,
        metrics: Mapping[str, float] | None = None,
    ) -> Manifest:
        """Write the bundle into a folder that is new or empty.

        Arguments:
            folder: where to.
            created_at: ISO 8601, UTC; the only thing that differs between equal trainings.
            cutoff: the instant the models were trained for.
            fingerprint: of the event log.
            metrics: of the evaluation; what is not finite is left out.

        Raises:
            BundleError: the folder has content already, or the disk refuses.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise BundleError(f"{folder} is not empty; a bundle is never written over another")
            self.catalog.save(folder / "catalog.parquet")
            self.reference.save(folder / "reference")
            if self.churn is not None:
                self.churn.save(folder / "churn")
            if self.value is not None:
                self.value.save(folder / "value")
            if self.next_product is not None:
                self.next_product.save(folder / "next_product")
            self.offers.save(folder / "offers.toml")
            if self.personas is not None:
                self.personas.save(folder / "personas")
            manifest = Manifest(
                cutoff=cutoff,
                fingerprint=fingerprint,
                metrics={k: float(v) for k, v in (metrics or {}).items() if math.isfinite(v)},
                features=self._features(),
                versions={name: version(name) for name in LIBRARIES},
                smoke=self._smoke(cutoff),
                files={path: _sha256(folder / path) for path in _paths(folder)},
            )
            contents = manifest.model_dump_json(exclude={"bundle_id", "created_at"})
            bundle_id = hashlib.sha256(contents.encode()).hexdigest()[:16]
            manifest = manifest.model_copy(
                update={"bundle_id": bundle_id, "created_at": created_at}
            )
            text = json.dumps(manifest.model_dump(), indent=1, sort_keys=True) + "\n"
            (folder / MANIFEST).write_text(text, encoding="utf-8")
        except OSError as error:
            raise BundleError(f"cannot write the bundle {folder}: {error}") from error
        return manifest

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """Read and verify a bundle; arrays are memory-mapped.

        Raises:
            BundleError: a file is missing, damaged or added to, the schema or a feature has
                another version, or the models do not answer what they answered when saved.
        """
        manifest = verify(folder)
        try:
            catalog = Catalog.load(folder / "catalog.parquet")
            reference = Reference.load(folder / "reference")
            churn = ChurnModel.load(folder / "churn") if (folder / "churn").exists() else None
            next_product = (
                NextProductModel.load(folder / "next_product")
                if (folder / "next_product").exists()
                else None
            )
            offers = Offers.load(folder / "offers.toml")
            personas = (
                Personas.load(folder / "personas") if (folder / "personas").exists() else None
            )
            value = ValueModel.load(folder / "value") if (folder / "value").exists() else None
        except BundleError:
            raise
        except RegularsError as error:
            raise BundleError(f"the bundle {folder} does not load: {error}") from error
        bundle = cls(
            catalog,
            reference,
            churn,
            next_product,
            offers,
            personas=personas,
            value=value,
            manifest=manifest,
        )
        bundle._check_smoke(folder)
        return bundle

    def _features(self) -> dict[str, str]:
        names = set(self.churn.feature_names_ if self.churn else ())
        names |= set(self.value.feature_names_ if self.value else ())
        names |= set(self.next_product.customer_features_ if self.next_product else ())
        if self.personas is not None:
            names |= {feature.name for feature in with_terms(self.personas.feature_names_)}
        return {feature.name: feature.hash for feature in FEATURES if feature.name in names}

    def _smoke(self, at: int) -> dict[str, Any]:
        """Answers of the models about a customer of whom nothing is known."""
        out: dict[str, Any] = {}
        if self.churn is not None:
            row = np.full((1, len(self.churn.feature_names_)), np.nan, np.float32)
            out["churn"] = float(self.churn.predict_proba(row)[0])
        if self.value is not None:
            row = np.full((1, len(self.value.feature_names_)), np.nan, np.float32)
            out["value"] = float(self.value.predict(row).orders[0])
        if self.next_product is not None:
            items = self.next_product.recommend(
                Timeline.empty(), at, SMOKE_K, catalog=self.catalog, reference=self.reference
            )
            out["next_product"] = [item.product for item in items]
        if self.personas is not None:
            row = np.full((1, len(self.personas.feature_names_)), np.nan, np.float32)
            out["persona"] = self.personas.personas_[int(self.personas.predict(row)[0])].key
        return out

    def _check_smoke(self, folder: Path) -> None:
        try:
            answers = self._smoke(self.manifest.cutoff)
        except Exception as error:
            raise BundleError(f"the bundle {folder} does not answer: {error}") from error
        expected = self.manifest.smoke
        same = answers.keys() == expected.keys()
        for name in ("next_product", "persona"):
            same = same and answers.get(name) == expected.get(name)
        for name in ("churn", "value"):
            same = same and math.isclose(
                answers.get(name, 0.0), expected.get(name, 0.0), abs_tol=1e-6
            )
        if not same:
            raise BundleError(
                f"the bundle {folder} answers {answers}, but answered {expected} when it was "
                "saved; train again with these library versions"
            )


def verify(folder: Path) -> Manifest:
    """Check a bundle's files without loading its models.

    Raises:
        BundleError: as `Bundle.load`, but for the models' answers.
    """
    path = folder / MANIFEST
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(f"no bundle in {folder}: cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise BundleError(f"{path} is damaged: {error}; fetch the bundle again") from error
    found = document.get("schema_version") if isinstance(document, dict) else None
    if found != SCHEMA_VERSION:
        raise BundleError(
            f"{path} has schema version {found}; this code reads {SCHEMA_VERSION}: train again, "
            "or run the code that the bundle was made by"
        )
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise BundleError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    _check_files(folder, manifest)
    declared = {feature.name: feature.hash for feature in FEATURES}
    for name, digest in manifest.features.items():
        if declared.get(name) != digest:
            state = "is no longer declared" if name not in declared else "is defined otherwise now"
            raise BundleError(f"{folder}: the feature {name} {state}; train again")
    return manifest


def _check_files(folder: Path, manifest: Manifest) -> None:
    present = set(_paths(folder)) - {MANIFEST}
    for path, digest in manifest.files.items():
        if path not in present:
            raise BundleError(f"the bundle {folder} lacks {path}; fetch it again")
        if _sha256(folder / path) != digest:
            raise BundleError(f"{folder / path} is damaged (checksum); fetch the bundle again")
    added = sorted(present - set(manifest.files))
    if added:
        raise BundleError(f"{folder / added[0]} is not part of the bundle; remove it")


def _paths(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}") from error
