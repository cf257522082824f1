import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.errors import BundleError
from features.timeline import Timeline
from models.bundle import MANIFEST, Bundle, verify
from tests.models.trained import CUTOFF, shop, trained


@pytest.fixture
def saved(small_bundle: Bundle, tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    save(small_bundle, folder)
    return folder


def save(bundle: Bundle, folder: Path, created_at: str = "2026-01-01T00:00:00Z") -> None:
    metrics = {"churn.ours.auc": 0.8, "undefined": float("nan")}
    bundle.save(folder, created_at=created_at, cutoff=CUTOFF, fingerprint="f00d", metrics=metrics)


def test_what_is_loaded_answers_as_what_was_saved(small_bundle: Bundle, saved: Path) -> None:
    loaded = Bundle.load(saved)
    timelines, catalog = shop()
    customer = timelines.customer(0)
    for bundle in (small_bundle, loaded):
        assert bundle.next_product is not None
    answers = [
        bundle.next_product.recommend(  # type: ignore[union-attr]
            customer, CUTOFF, 8, catalog=catalog, reference=bundle.reference
        )
        for bundle in (small_bundle, loaded)
    ]
    assert answers[0] == answers[1]
    assert loaded.offers == small_bundle.offers
    assert loaded.value is not None
    unknown = np.full((1, len(loaded.value.feature_names_)), np.nan, np.float32)
    for told in ("orders", "spend"):
        expected = getattr(small_bundle.value.predict(unknown), told)  # type: ignore[union-attr]
        assert getattr(loaded.value.predict(unknown), told) == expected
    assert loaded.churn is not None
    row = np.zeros((1, len(loaded.churn.feature_names_)), np.float32)
    assert loaded.churn.predict_proba(row) == small_bundle.churn.predict_proba(row)  # type: ignore[union-attr]
    assert loaded.personas is not None
    assert loaded.personas.personas_ == small_bundle.personas.personas_  # type: ignore[union-attr]


def test_the_manifest_says_what_the_bundle_is(saved: Path) -> None:
    manifest = Bundle.load(saved).manifest
    assert manifest.cutoff == CUTOFF
    assert manifest.fingerprint == "f00d"
    assert manifest.metrics == {"churn.ours.auc": 0.8}
    assert "purchase_orders_life" in manifest.features
    assert "lightgbm" in manifest.versions
    assert "catalog.parquet" in manifest.files


def test_equal_trainings_differ_by_when_they_were_made_only(
    saved: Path, small_bundle: Bundle, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    save(trained.__wrapped__(), again, created_at="2027-01-01T00:00:00Z")
    files = {path.relative_to(saved) for path in saved.rglob("*") if path.is_file()}
    assert files == {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    for path in files - {Path(MANIFEST)}:
        assert (saved / path).read_bytes() == (again / path).read_bytes(), path
    one, other = verify(saved), verify(again)
    assert one.bundle_id == other.bundle_id
    assert one.created_at != other.created_at
    del small_bundle


def test_nobody_is_in_the_bundle(saved: Path) -> None:
    for path in saved.rglob("*"):
        if path.is_file():
            assert b"c0001" not in path.read_bytes(), path
            assert path.suffix in {".json", ".txt", ".npy", ".toml", ".parquet"}


def test_a_bundle_may_lack_a_model(small_bundle: Bundle, tmp_path: Path) -> None:
    only_products = replace(small_bundle, churn=None, personas=None, value=None)
    save(only_products, tmp_path / "bundle")
    loaded = Bundle.load(tmp_path / "bundle")
    assert (loaded.churn, loaded.personas, loaded.value) == (None, None, None)


def test_personas_alone_are_a_bundle(small_bundle: Bundle, tmp_path: Path) -> None:
    save(replace(small_bundle, churn=None, next_product=None, value=None), tmp_path / "bundle")
    loaded = Bundle.load(tmp_path / "bundle")
    assert loaded.personas is not None
    assert set(loaded.manifest.features) >= set(loaded.personas.feature_names_)
    assert loaded.manifest.smoke["persona"] in {each.key for each in loaded.personas.personas_}


def edited(folder: Path, change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    document = json.loads((folder / MANIFEST).read_text())
    change(document)
    (folder / MANIFEST).write_text(json.dumps(document))


def truncate(folder: Path) -> None:
    path = folder / "next_product" / "als" / "item_factors.npy"
    path.write_bytes(path.read_bytes()[:100])


def flip_a_bit(folder: Path) -> None:
    path = folder / "churn" / "trees.txt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, r"item_factors\.npy is damaged"),
        (flip_a_bit, r"trees\.txt is damaged"),
        (lambda f: (f / "catalog.parquet").unlink(), r"lacks catalog\.parquet"),
        (lambda f: (f / "churn" / "more.txt").write_text(""), r"more\.txt is not part"),
        (lambda f: (f / MANIFEST).unlink(), "no bundle in"),
        (lambda f: (f / MANIFEST).write_text("{"), r"manifest\.json is damaged"),
        (lambda f: (f / MANIFEST).write_text("[]"), "schema version None"),
        (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe"), r"manifest\.json is damaged"),
        (lambda f: edited(f, lambda d: d.update(schema_version=99)), "schema version 99"),
        (
            lambda f: edited(f, lambda d: d.update(schema_version=2)),
            "schema version 2.*train again",
        ),
        (lambda f: edited(f, lambda d: d.pop("cutoff")), "cutoff"),
        (
            lambda f: edited(f, lambda d: d["features"].update(purchase_orders_life="0")),
            "purchase_orders_life is defined otherwise",
        ),
        (
            lambda f: edited(f, lambda d: d["features"].update(a_feature_of_old="0")),
            "a_feature_of_old is no longer declared",
        ),
        (
            lambda f: edited(f, lambda d: d["smoke"].update(churn=0.123)),
            "answered .* when it was saved",
        ),
        (
            lambda f: edited(f, lambda d: d["smoke"].update(persona="p9")),
            "answered .* when it was saved",
        ),
    ],
)
def test_a_bad_bundle_is_refused_with_what_is_wrong(
    saved: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(saved)
    with pytest.raises(BundleError, match=message):
        Bundle.load(saved)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nowhere"):
        Bundle.load(tmp_path / "nowhere")


def test_a_bundle_is_never_written_over_another(small_bundle: Bundle, saved: Path) -> None:
    with pytest.raises(BundleError, match="not empty"):
        save(small_bundle, saved)


def test_a_place_that_cannot_be_written_is_named(small_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="cannot write the bundle"):
        save(small_bundle, tmp_path / "file" / "bundle")


def test_a_stranger_is_served_from_a_loaded_bundle(saved: Path) -> None:
    loaded = Bundle.load(saved)
    assert loaded.next_product is not None
    items = loaded.next_product.recommend(
        Timeline.empty(), CUTOFF, 3, catalog=loaded.catalog, reference=loaded.reference
    )
    assert len(items) == 3
