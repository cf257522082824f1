"""A value model's files: LightGBM's text form and JSON; no pickle."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from features.errors import BundleError
from models.churn.season import Season
from models.purchases import GammaGamma
from models.value.seen import KINDS, Statistics

BOOSTERS = ("orders", "value")


def write(folder: Path, document: Mapping[str, Any], boosters: Mapping[str, Any]) -> None:
    """Write the document, and those boosters that there are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, booster in boosters.items():
        if booster is not None:
            text = booster.model_to_string()
            (folder / f"{name}_trees.txt").write_text(text, encoding="utf-8")
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    (folder / "value.json").write_text(text, encoding="utf-8")


@contextmanager
def reading(folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, lgb.Booster | None]]]:
    """The document and the boosters; whatever is wrong with either becomes a BundleError."""
    try:
        document = json.loads((folder / "value.json").read_text(encoding="utf-8"))
        yield (
            document,
            {
                name: _booster(folder / f"{name}_trees.txt", document[f"{name}_share"])
                for name in BOOSTERS
            },
        )
    except (
        OSError, ValueError, LookupError, TypeError, AttributeError, lgb.basic.LightGBMError
    ) as error:  # fmt: skip
        raise BundleError(f"cannot read the value model in {folder}: {error}") from error


def of_statistics(told: Statistics) -> dict[str, Any]:
    """As JSON has it."""
    spend = None if told.spend is None else [told.spend.parameters_, told.spend.most_]
    return {"kind": told.kind, "purchases": told.purchases.parameters_, "spend": spend}


def statistics(document: Mapping[str, Any]) -> Statistics:
    """What `of_statistics` gave."""
    kind, spend = document["kind"], document["spend"]
    purchases = KINDS[kind](document["purchases"])
    return Statistics(kind, purchases, None if spend is None else GammaGamma(*spend))


def of_season(season: Season) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "at": season.at.tolist(),
        "log_level": season.log_power.tolist(),
        "weight": season.weight,
    }


def season(document: Mapping[str, Any]) -> Season:
    """What `of_season` gave."""
    at, levels = np.array(document["at"], np.int64), np.array(document["log_level"], np.float64)
    return Season(at, levels, float(document["weight"]))


def _booster(path: Path, share: float) -> lgb.Booster | None:
    return lgb.Booster(model_str=path.read_text(encoding="utf-8")) if share > 0 else None
