from pathlib import Path

import pandas as pd
import pytest

from features.errors import RegistryError
from features.settings import Settings
from training.registry import MEASURED, Registry, Version
from training.tracking import BUNDLE, Tracking


@pytest.fixture
def registry(settings: Settings) -> Registry:
    return Registry(Tracking(settings))


def registered(
    registry: Registry, tmp_path: Path, content: str = "x", measured: str | None = None
) -> Version:
    """A version whose bundles are one text file each."""
    bundle, before = tmp_path / content / BUNDLE, tmp_path / content / MEASURED
    for folder, text in ((bundle, content), (before, measured or "")):
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(text)
    with registry.tracking.run("train") as run:
        if measured is not None:
            run.folder(before, MEASURED)
        return registry.register(
            run,
            bundle,
            example=pd.DataFrame({"purchase_orders_life": [1.0, 2.0]}),
            metrics={"churn.ours.auc": 0.8},
            tags={"refit": "no" if measured is None else "yes"},
        )


def test_versions_are_numbered_and_found_newest_first(registry, tmp_path):
    first, second = registered(registry, tmp_path, "a"), registered(registry, tmp_path, "b")
    assert [version.number for version in registry.versions()] == [2, 1]
    assert registry.version() == second
    assert registry.version(1).tags == first.tags == {"refit": "no"}


def test_a_version_that_is_not_there_is_named_with_those_that_are(registry, tmp_path):
    with pytest.raises(RegistryError, match="nothing is registered as 'regulars'"):
        registry.version()
    registered(registry, tmp_path)
    with pytest.raises(RegistryError, match="no version 7 is registered; the newest are 1"):
        registry.version(7)


def test_what_ships_comes_back_as_it_went_in(registry, tmp_path):
    version = registered(registry, tmp_path, "content")
    back = registry.shipped(version, tmp_path / "out")
    assert back.name == BUNDLE
    assert (back / "manifest.json").read_text() == "content"


def test_what_was_measured_is_what_ships_unless_that_was_trained_again(registry, tmp_path):
    once = registered(registry, tmp_path, "once")
    assert (registry.measured(once, tmp_path / "1") / "manifest.json").read_text() == "once"
    twice = registered(registry, tmp_path, "twice", measured="before")
    assert (registry.measured(twice, tmp_path / "2") / "manifest.json").read_text() == "before"
    assert (registry.shipped(twice, tmp_path / "3") / "manifest.json").read_text() == "twice"


def test_the_champion_is_none_until_one_is_named(registry, tmp_path):
    assert registry.champion() is None
    version = registered(registry, tmp_path)
    assert registry.champion() is None
    registry.set_champion(version, [1])
    assert registry.champion() == version


def test_the_history_of_champions_is_kept_in_order(registry, tmp_path):
    version = registered(registry, tmp_path)
    assert registry.history() == []
    registry.set_champion(version, [2, 3, 1])
    assert registry.history() == [2, 3, 1]
