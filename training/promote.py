"""Which version serves: promotion through the gate, and the way back.

The registry is the truth: the alias `champion` and the history of champions. The published
bundle and its pointer follow it; when a run is killed between the two, `pull` catches up.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.errors import BundleError, NotEnoughDataError, RegistryError
from features.instants import iso
from models.bundle import Bundle
from training.evaluate import evaluate
from training.fit import Progress
from training.gate import Comparison, compare
from training.publish import point, pointed, publish
from training.recipe import ChurnRecipe
from training.registry import Registry, Version
from training.trainer import Data

NOT_COMPARED: Final = "or promote it anyway with --force --reason TEXT"


@dataclass(frozen=True)
class Promotion:
    """What a promotion found and did."""

    version: Version
    before: Version | None
    comparisons: list[Comparison]
    """Empty when there was no champion, or when forced without a comparison."""
    cutoff: int | None
    """Both were measured on what followed this instant."""


def promote(
    registry: Registry,
    bundles: Path,
    candidate: Version,
    data: Callable[[], Data],
    *,
    tolerance: float,
    force: bool,
    reason: str,
    user: str,
    now: int,
    threads: int,
    progress: Progress,
) -> Promotion:
    """Make a version the champion if it is not worse than the present one.

    Arguments:
        registry: versions and champion.
        bundles: where the service looks.
        candidate: the version.
        data: gives what both are measured on; asked only when there is something to compare.
        tolerance: see `gate.TOLERANCE`.
        force: promote without asking the gate; needs a reason.
        reason: recorded with the version.
        user: recorded with the version.
        now: the instant of the promotion.
        threads: of the feature kernel.
        progress: told the stage, steps done and steps in all.

    Raises:
        RegistryError: the gate does not hold, or the two cannot be compared.
        BundleError: the candidate's bundle is damaged.
    """
    champion = registry.champion()
    comparisons: list[Comparison] = []
    cutoff = None
    if champion is not None and champion.number != candidate.number and not force:
        cutoff, comparisons = _compare(
            registry, champion, candidate, data(), tolerance, threads, progress
        )
        if not all(comparison.holds for comparison in comparisons):
            worse = "; ".join(str(c) for c in comparisons if not c.holds)
            raise RegistryError(
                f"version {candidate.number} is worse than the champion, version "
                f"{champion.number}, on what followed {iso(cutoff)}: {worse}. Improve it, raise "
                f"--tolerance (now {tolerance:g}), {NOT_COMPARED}"
            )
    progress("publish", 0, 1)
    publish(lambda folder: registry.shipped(candidate, folder), candidate.number, bundles)
    if champion is None or champion.number != candidate.number:
        registry.tag(
            candidate,
            {
                "promoted_at": iso(now),
                "promoted_by": user or "unknown",
                "promotion_forced": "yes" if force else "no",
                "promotion_reason": reason,
                "promotion_figures": "; ".join(str(c) for c in comparisons),
            },
        )
        registry.set_champion(candidate, [*registry.history(), candidate.number])
    point(candidate.number, bundles, now)
    progress("publish", 1, 1)
    return Promotion(candidate, champion, comparisons, cutoff)


def rollback(
    registry: Registry, bundles: Path, *, reason: str, user: str, now: int
) -> tuple[Version, Version]:
    """Make the champion before the present one champion again; gives both, present first.

    Raises:
        RegistryError: there is none before.
        BundleError: its bundle is damaged.
    """
    champion = registry.champion()
    if champion is None:
        raise RegistryError(
            "no version is champion, so there is nothing to roll back; run: python -m training "
            "promote"
        )
    history = registry.history()
    if history[-1:] == [champion.number]:
        history = history[:-1]
    if not history:
        raise RegistryError(
            f"version {champion.number} is the first champion, there is none before it; promote "
            "another version instead"
        )
    before = registry.version(history[-1])
    publish(lambda folder: registry.shipped(before, folder), before.number, bundles)
    registry.tag(
        champion,
        {
            "rolled_back_at": iso(now),
            "rolled_back_by": user or "unknown",
            "rollback_reason": reason,
        },
    )
    registry.set_champion(before, history)
    point(before.number, bundles, now)
    return champion, before


def pull(registry: Registry, bundles: Path, now: int) -> Version | None:
    """Publish the registry's champion here; gives it if anything had to be done.

    The pointer is written again when only its bundle was mended: the service looks at that.

    Raises:
        RegistryError: nothing is champion.
        BundleError: its bundle is damaged; what serves stays.
    """
    champion = registry.champion()
    if champion is None:
        raise RegistryError(
            f"no version is champion in {registry.tracking.uri}; run: python -m training promote"
        )
    published = publish(lambda folder: registry.shipped(champion, folder), champion.number, bundles)
    try:
        if not published and pointed(bundles) == champion.number:
            return None
    except BundleError:
        pass  # an unreadable pointer is what `pull` is run for
    point(champion.number, bundles, now)
    return champion


def _compare(
    registry: Registry,
    champion: Version,
    candidate: Version,
    data: Data,
    tolerance: float,
    threads: int,
    progress: Progress,
) -> tuple[int, list[Comparison]]:
    """Both versions on the same customers and period, which neither has learnt from.

    That period follows the later of the two cutoffs. Of each version the newest bundle that
    ends by then is measured: what serves, where it is old enough, else what was measured when
    it was trained.
    """
    with tempfile.TemporaryDirectory(prefix="regulars-") as scratch:
        bundles = {
            version.number: Bundle.load(
                registry.measured(version, Path(scratch) / str(version.number) / "measured")
            )
            for version in (champion, candidate)
        }
        cutoff = max(bundle.manifest.cutoff for bundle in bundles.values())
        metrics: list[dict[str, float]] = []
        for done, version in enumerate((champion, candidate)):
            progress("compare", done, 2)
            shipped = Bundle.load(
                registry.shipped(version, Path(scratch) / str(version.number) / "shipped")
            )
            if shipped.manifest.cutoff <= cutoff:
                bundles[version.number] = shipped
        horizons = [_horizons(bundle) for bundle in bundles.values()]
        for model in [name for name in horizons[0] if name in horizons[1]]:  # the same every time
            if horizons[0][model] != horizons[1][model]:
                raise RegistryError(
                    f"{model} of version {candidate.number} looks {horizons[1][model]} days ahead, "
                    f"the champion's {horizons[0][model]}: their figures cannot be compared; "
                    f"train with the champion's horizon_days, {NOT_COMPARED}"
                )
        for done, bundle in enumerate(bundles.values()):
            progress("compare", done, 2)
            try:
                found = evaluate(
                    bundle,
                    data.timelines,
                    data.catalog,
                    cutoff,
                    # the baselines do not decide here; let them learn little
                    churn_recipe=ChurnRecipe(instants=1),
                    thorough=False,
                    threads=threads,
                )
            except NotEnoughDataError as error:
                raise RegistryError(
                    f"versions {champion.number} and {candidate.number} cannot be compared: "
                    f"{error}; import newer events, {NOT_COMPARED}"
                ) from error
            metrics.append(found.metrics)
            progress("compare", done + 1, 2)
    of_champion, of_candidate = metrics
    return cutoff, compare(of_champion, of_candidate, tolerance)


def _horizons(bundle: Bundle) -> dict[str, int]:
    found = {"churn": bundle.churn, "value": bundle.value, "next_product": bundle.next_product}
    return {name: model.horizon_days_ for name, model in found.items() if model is not None}
