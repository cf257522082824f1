"""The commands `report` and `tune`, on a tiny shop."""

import pytest

from training.recipe import Recipe


def runs(shop, name):
    tracking = shop.registry.tracking
    everyone = tracking.client.search_runs(
        [tracking.client.get_experiment_by_name("regulars").experiment_id]
    )
    return [run for run in everyone if run.info.run_name == name]


def page_of(shop, run_id, folder):
    path = shop.registry.tracking.fetch(f"runs:/{run_id}/report/churn.html", folder)
    return path.read_text()


def test_a_training_leaves_its_report(built, tmp_path):
    shop, said = built
    version = shop.registry.version(1)
    html = page_of(shop, version.run_id, tmp_path)
    assert "Who will not come back?" in html
    assert "churn back-test" in said["train"].stderr
    metrics = shop.registry.tracking.client.get_run(version.run_id).data.metrics
    assert metrics["churn.backtest.cutoffs"] == 4
    assert {"churn.backtest.ours.auc.mean", "churn.backtest.recency.brier.sd"} <= set(metrics)


def test_a_report_is_built_again_from_a_registered_version(shop, tmp_path):
    said = shop.done("report", "--version", 1, "--cutoffs", 2)
    page = (shop.folder / "reports" / "churn-1.html").read_text()
    assert "version 1" in page
    (run,) = runs(shop, "report")
    assert run.data.tags["version"] == "1"
    assert run.data.metrics["churn.backtest.cutoffs"] == 2
    assert page_of(shop, run.info.run_id, tmp_path) == page
    assert "Churn at past cutoffs" in said.stdout
    assert str(shop.folder / "reports" / "churn-1.html") in said.stdout


def test_a_report_measures_what_was_registered(built, shop):
    shop.done("report", "--version", 2, "--cutoffs", 1, "--out", shop.folder / "two.html")
    (run,) = runs(shop, "report")
    registered = built[0].registry
    then = registered.tracking.client.get_run(registered.version(2).run_id).data.metrics
    assert run.data.metrics["churn.backtest.ours.auc.mean"] == pytest.approx(then["churn.ours.auc"])
    assert (shop.folder / "two.html").exists()


def test_a_version_without_a_churn_model_has_no_report(shop):
    shop.done("train", "next_product", "--recipe", shop.recipes / "quick.toml", "--no-refit")
    said = shop.run("report")
    assert said.exit_code == 2
    assert "no churn model" in said.stderr


def test_a_training_can_leave_the_report_out(shop):
    shop.done("train", "churn", "--recipe", shop.recipes / "quick.toml", "--no-report")
    version = shop.registry.version()
    client = shop.registry.tracking.client
    assert not client.list_artifacts(version.run_id, "report")


def test_tuning_is_recorded_and_takes_nothing_by_chance(shop):
    pytest.importorskip("optuna", reason="Optuna is not installed")
    out = shop.folder / "tuned.toml"
    command = ("tune", "--minutes", 0.05, "--recipe", shop.recipes / "quick.toml", "--out", out)
    said = shop.done(*command)
    (run,) = runs(shop, "tune")
    trials = run.data.metrics["trials"]
    assert trials >= 1
    assert "log loss" in said.stdout
    better = run.data.tags["better"] == "yes"
    assert out.exists() == better
    assert ("Nothing is taken" in said.stdout) != better
    if better:
        assert Recipe.load(out).churn is not None
    shop.done(*command)
    again = max(run.data.metrics["trials"] for run in runs(shop, "tune"))
    assert again > trials
