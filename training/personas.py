"""Measuring personas: how stable they are, who keeps theirs, and the last ones to find again."""

import csv
import io
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from features.errors import BundleError, RegistryError
from models.personas import Personas
from training.dataset import Orders, named_features
from training.registry import Registry
from training.trainer import Data


def last_personas(registry: Registry) -> tuple[Personas | None, str]:
    """The champion's personas, else those of the newest version that has any, and which, in words.

    None where no version has any, or they cannot be read: the training goes on, and the words say
    why.
    """
    champion = registry.champion()
    versions = registry.versions() if champion is None else [champion, *registry.versions()]
    having = (each for each in versions if "personas" in each.tags.get("models", "").split())
    version = next(having, None)
    if version is None:
        return None, "none: no version has personas"
    try:
        with tempfile.TemporaryDirectory(prefix="regulars-") as scratch:
            folder = registry.shipped(version, Path(scratch)) / "personas"
            return Personas.load(folder), f"version {version.number}"
    except (BundleError, RegistryError) as error:
        return None, f"none: {error}"


def kept_share(
    data: Data, before: Personas, at: int, later: Personas, later_at: int, threads: int
) -> float:
    """Share of the customers of an instant who have the same persona at a later one.

    Each is judged by the personas of the time, so that both count: that the customer changed, and
    that the personas did. NaN when nobody is there.

    Arguments:
        data: the customers.
        before: the personas at first.
        at: the first instant; customers with an order before it count.
        later: the personas as learnt later.
        later_at: the later instant.
        threads: of the feature kernel.
    """
    orders = Orders.of(data.timelines)
    customers = np.intersect1d(orders.eligible(at), orders.eligible(later_at))
    keys = []
    for personas, instant in ((before, at), (later, later_at)):
        values = named_features(
            data.timelines,
            customers,
            instant,
            data.catalog,
            data.reference(instant),
            personas.feature_names_,
            threads=threads,
        )
        keys.append(np.array([each.key for each in personas.personas_])[personas.predict(values)])
    return float((keys[0] == keys[1]).mean()) if len(customers) else float("nan")


def persona_metrics(personas: Personas) -> dict[str, float]:
    """Stability, silhouette and smallest share by kind and number of groups; how many there are."""
    out = {"personas": float(len(personas.personas_))}
    for each in personas.candidates_:
        name = f"{each.kind.replace('-', '')}.{each.groups}"
        out[f"stability.{name}"] = each.stability
        out[f"silhouette.{name}"] = each.silhouette
        out[f"least_share.{name}"] = each.least_share
    return out


def persona_table(personas: Personas) -> str:
    """As CSV: key, name, description, share, and each feature's median or mean; last, everybody."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = personas.feature_names_

    def row(key: str, name: str, share: float, words: str, figures: Mapping[str, float]) -> None:
        known = [f"{figures[each]:.4g}" if each in figures else "" for each in names]
        table.writerow([key, name, f"{share:.4f}", words, *known])

    table.writerow(["key", "name", "share", "description", *names])
    for each in personas.personas_:
        row(each.key, each.name, each.share, each.description, each.figures)
    row("", "All customers", 1.0, "", personas.everybody_)
    return text.getvalue()
