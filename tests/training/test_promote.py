import json

import pytest

from features.errors import BundleError
from features.instants import instant
from models.bundle import Bundle
from training.promote import pull
from training.publish import point, pointed, publish


def serving(shop) -> str:
    return json.loads((shop.settings.bundles / "champion.json").read_text())["version"]


def test_the_first_champion_needs_no_comparison(shop):
    said = shop.done("promote", 1)
    assert "Version 1 is champion." in said.stdout
    assert shop.registry.champion().number == 1
    assert serving(shop) == "1"
    assert Bundle.load(shop.settings.bundles / "1").churn is not None


def test_a_worse_candidate_is_refused_with_the_figures_and_nothing_moves(champion):
    result = champion.run("promote", 2)
    assert result.exit_code == 1
    assert "version 2 is worse than the champion, version 1" in result.stderr
    assert "next_product.ours.recall@10: champion 0." in result.stderr
    assert "--force --reason" in result.stderr
    registry = champion.registry
    assert registry.champion().number == 1
    assert "promoted_at" not in registry.version(2).tags
    assert serving(champion) == "1"
    assert not (champion.settings.bundles / "2").exists()


def test_a_better_candidate_passes_and_the_comparison_is_shown_and_recorded(shop):
    shop.done("promote", 2)
    said = shop.done("promote", 1)
    assert "champion 2" in said.stdout
    assert "Version 1 is champion instead of version 2." in said.stdout
    assert "churn.ours.auc: champion" in shop.registry.version(1).tags["promotion_figures"]


def test_a_large_tolerance_lets_a_worse_candidate_pass(champion):
    champion.done("promote", 2, "--tolerance", 1000)
    assert serving(champion) == "2"


def test_both_are_measured_after_the_later_cutoff_by_bundles_that_have_not_seen_it(champion):
    recipe = champion.recipes / "quick.toml"
    champion.done("train", "--recipe", recipe, "--cutoff", "2026-05-01", "--no-report")
    said = champion.done("promote", "--tolerance", 1000)
    assert f"measured on what followed {champion.registry.version(1).tags['cutoff']}" in (
        said.stdout
    )
    figures = champion.registry.version(3).tags["promotion_figures"]
    then = champion.registry.tracking.client.get_run(champion.registry.version(1).run_id)
    assert f"churn.ours.auc: champion {then.data.metrics['churn.ours.auc']:.4f}" in figures


def test_models_with_different_horizons_are_not_compared(champion, tmp_path):
    (tmp_path / "other.toml").write_text(
        "next_product = false\nvalue = false\npersonas = false\n"
        "[churn]\nhorizon_days = 20\ninstants = 2\ntrees = 5\n"
    )
    champion.done("train", "--recipe", tmp_path / "other.toml", "--no-report")
    result = champion.run("promote")
    assert result.exit_code == 1
    assert "churn of version 3 looks 20 days ahead, the champion's 30" in result.stderr


def test_a_forced_promotion_records_who_when_and_why(champion):
    champion.done("promote", 2, "--force", "--reason", "the shop has a new range")
    tags = champion.registry.version(2).tags
    assert tags["promotion_forced"] == "yes"
    assert tags["promotion_reason"] == "the shop has a new range"
    assert tags["promoted_by"]
    assert tags["promoted_at"].endswith("Z")


def test_rolling_back_goes_through_all_champions_to_the_first(champion):
    champion.done("promote", 2, "--force", "--reason", "a try")
    said = champion.done("rollback", "--reason", "empty lists")
    assert "Version 1 is champion again, instead of 2." in said.stdout
    registry = champion.registry
    assert registry.champion().number == 1
    assert registry.version(2).tags["rollback_reason"] == "empty lists"
    assert serving(champion) == "1"
    result = champion.run("rollback")
    assert result.exit_code == 1
    assert "version 1 is the first champion" in result.stderr


def test_promoting_the_champion_again_changes_nothing_but_mends_what_is_published(champion):
    (champion.settings.bundles / "champion.json").unlink()
    champion.done("promote", 1)
    assert serving(champion) == "1"
    assert champion.registry.history() == [1]


def test_pull_publishes_the_champion_on_another_machine(champion, tmp_path, monkeypatch):
    uri = champion.registry.tracking.uri
    other = type(champion)(tmp_path / "other", champion.recipes)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert "Version 1 serves" in other.done("pull").stdout
    assert serving(other) == "1"
    assert "serves already" in other.done("pull").stdout


def test_a_damaged_published_bundle_is_replaced(champion):
    manifest = champion.settings.bundles / "1" / "manifest.json"
    manifest.write_text("{")
    said = champion.done("pull")
    assert "Version 1 serves" in said.stdout
    assert Bundle.load(manifest.parent).manifest.bundle_id


def test_a_replaced_bundle_moves_the_pointer_so_that_the_service_looks_again(champion):
    pointer = champion.settings.bundles / "champion.json"
    before = json.loads(pointer.read_text())
    (champion.settings.bundles / "1" / "manifest.json").write_text("{")
    now = instant("2031-01-01")
    assert pull(champion.registry, champion.settings.bundles, now).number == 1
    after = json.loads(pointer.read_text())
    assert after == before | {"published_at": "2031-01-01T00:00:00Z"}
    assert pull(champion.registry, champion.settings.bundles, now + 1000) is None
    assert json.loads(pointer.read_text()) == after


def test_an_unreadable_pointer_is_mended_by_pulling(champion):
    (champion.settings.bundles / "champion.json").write_text("{")
    champion.done("pull")
    assert serving(champion) == "1"


def test_a_damaged_bundle_is_not_published_and_leaves_nothing(tmp_path):
    def damaged(folder):
        (folder / "bundle").mkdir()
        (folder / "bundle" / "manifest.json").write_text("{")
        return folder / "bundle"

    with pytest.raises(BundleError, match="damaged"):
        publish(damaged, 4, tmp_path / "bundles")
    assert list((tmp_path / "bundles").iterdir()) == []


def test_the_pointer_is_replaced_as_a_whole(tmp_path):
    assert pointed(tmp_path) is None
    point(3, tmp_path, now=0)
    point(4, tmp_path, now=86_400_000)
    assert [path.name for path in tmp_path.iterdir()] == ["champion.json"]
    assert json.loads((tmp_path / "champion.json").read_text()) == {
        "version": "4",
        "path": "4",
        "published_at": "1970-01-02T00:00:00Z",
    }


def test_an_unreadable_pointer_is_said_with_the_way_out(tmp_path):
    (tmp_path / "champion.json").write_text("{")
    with pytest.raises(BundleError, match="python -m training pull"):
        pointed(tmp_path)
