import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from models.bundle import Bundle
from training.__main__ import app

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]


def figures(output: str, method: str = "ours") -> list[list[str]]:
    """The cells of all table rows of a method."""
    return [line.split() for line in output.splitlines() if line.strip().startswith(method)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example:  python -m training {command}" in " ".join(result.output.split("\n"))


def test_help_loads_none_of_the_heavy_libraries():
    program = (
        "import sys, training.__main__\n"
        "print([m for m in ('mlflow', 'lightgbm', 'duckdb', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_simulate_says_how_many_rows_each_table_has(built):
    said = built[1]["simulate"]
    assert figures(said.stdout, "customers") == [["customers", "300"]]
    assert "simulating customers" in said.stderr


def test_import_says_what_was_accepted_and_what_was_not(built):
    said = built[1]["import"]
    accepted = dict(
        line.rsplit(maxsplit=1) for line in said.stdout.splitlines() if line.startswith(" Order")
    )
    assert int(accepted[" Order Completed"].replace(",", "")) > 100
    assert "0 known already, 0 rows quarantined" in said.stdout
    assert "peak memory" in said.stderr


def test_importing_again_adds_nothing(shop):
    before = shop.settings.log.joinpath("manifest.json").read_text()
    said = shop.done("import", shop.recipes / "tables")
    assert "0 events accepted" in said.stdout
    assert (
        json.loads(before)["segments"]
        == json.loads(shop.settings.log.joinpath("manifest.json").read_text())["segments"]
    )


def test_rejected_rows_are_listed_with_table_column_and_reason(shop, tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "products.csv").write_text("product_id,title\np1,Mug\n")
    (tables / "lines.csv").write_text(
        "order_id,line,product_id,quantity,price\no1,0,p1,1,5\no2,0,p1,-3,5\n"
    )
    (tables / "orders.csv").write_text(
        "order_id,user_id,timestamp,total\no1,u1,2026-01-02,5\no2,u1,2026-01-03,5\n"
    )
    said = shop.done("import", tables, "--log", tmp_path / "log")
    rejected = [line.split() for line in said.stdout.splitlines() if "quantity" in line]
    assert len(rejected) == 1
    assert rejected[0][0] == "lines"
    assert rejected[0][-1] == "1"


def test_train_shows_ours_beside_the_baselines_and_names_the_version(built):
    said = built[1]["train"]
    assert len(figures(said.stdout)) == 3
    assert figures(said.stdout, "rfm_logistic")
    assert figures(said.stdout, "pareto_nbd")
    assert figures(said.stdout, "gp_topfreq")
    assert "Registered version 1" in said.stdout
    assert "rank candidates" in said.stderr


def test_a_training_is_one_run_with_a_nested_run_per_model(built):
    registry = built[0].registry
    tracking, version = registry.tracking, registry.version(1)
    parent = tracking.client.get_run(version.run_id)
    assert parent.data.params["seed"] == "0"
    assert parent.data.params["data_fingerprint"] == version.tags["data_fingerprint"]
    assert {
        "churn.ours.auc",
        "churn.recency.auc",
        "value.ours.spend_gini",
        "value.pareto_nbd.orders_rmse",
        "next_product.als.recall_at_10",
    } <= set(parent.data.metrics)
    nested = tracking.client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{version.run_id}'"
    )
    plots = {
        run.info.run_name: [
            f.path for f in tracking.client.list_artifacts(run.info.run_id, "plots")
        ]
        for run in nested
    }
    assert plots == {
        "churn": [
            "plots/churn_calibration.png",
            "plots/churn_gain_and_lift.png",
            "plots/churn_importance.png",
        ],
        "value": [
            "plots/value_orders_deciles.png",
            "plots/value_spend_deciles.png",
        ],
        "next_product": [
            "plots/next_product_importance.png",
            "plots/next_product_recall_at_k.png",
        ],
        "personas": ["plots/personas.png"],
    }


def test_what_ships_has_seen_everything_and_its_tags_say_what_the_figures_are_of(built, tmp_path):
    registry = built[0].registry
    version = registry.version(1)
    measured = Bundle.load(registry.measured(version, tmp_path / "measured"))
    shipped = Bundle.load(registry.shipped(version, tmp_path / "shipped"))
    assert measured.manifest.cutoff < shipped.manifest.cutoff
    assert version.tags["metrics_of"].startswith("the same recipe trained until")
    assert shipped.manifest.metrics == measured.manifest.metrics


def test_evaluate_gives_the_figures_of_the_training_again(built, shop):
    again = shop.done("evaluate", "--version", 1)
    assert figures(again.stdout) == figures(built[1]["train"].stdout)
    page = (shop.folder / "reports" / "next_product-1.html").read_text()
    assert "What will they buy next?" in page
    registry = shop.registry
    run = registry.version(1).run_id
    logged = registry.tracking.fetch(f"runs:/{run}/report/next_product.html", shop.folder)
    summary = page.partition('aria-label="Summary"')[2].partition("</section>")[0]
    assert summary
    assert summary in logged.read_text()  # the same figures as when it was trained


def test_one_model_alone_can_be_trained_at_a_chosen_cutoff(shop):
    said = shop.done(
        "train", "churn", "--recipe", shop.recipes / "quick.toml", "--cutoff", "2026-05-01",
        "--no-refit",
    )  # fmt: skip
    assert len(figures(said.stdout)) == 1
    assert "measured on what followed 2026-05-01" in said.stdout
    assert "trained until 2026-05-01" in said.stdout


PREDICT = """
import json, sys
import mlflow
import pandas as pd
model = mlflow.pyfunc.load_model("models:/regulars@champion")
frame = pd.read_parquet(sys.argv[1])
print(json.dumps(model.predict(frame)["churn_probability"].tolist()))
"""


def test_mlflow_loads_the_champion_and_predicts_in_another_process(champion, tmp_path):
    bundle = Bundle.load(champion.settings.bundles / "1")
    tracking = champion.registry.tracking
    example = tracking.mlflow.models.get_model_info("models:/regulars@champion")
    names = example.signature.inputs.input_names()
    frame = tracking.mlflow.pyfunc.load_model("models:/regulars@champion").input_example
    assert list(frame.columns) == names
    # columns in another order and one more, as a notebook may have them
    frame = frame.astype("float32")[names[::-1]].copy().assign(segment="new")
    frame.to_parquet(tmp_path / "frame.parquet")
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, str(tmp_path / "frame.parquet")],
        env={**os.environ, "MLFLOW_TRACKING_URI": tracking.uri},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = bundle.churn.predict_proba(frame[names].to_numpy("float32"))
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx(expected.tolist())


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (["import", "/nowhere"], 2, "/nowhere"),
        (["import", "--mapping", "nope", "."], 2, "one of: online_retail_2, shop"),
        (["train", "--recipe", "nope"], 2, "there is no recipe 'nope'"),
        (["train", "--cutoff", "soon"], 2, "'soon' is no date"),
        (["train", "--cutoff", "1999-01-01"], 2, "history"),
        (["train", "--cutoff", "2099-01-01"], 2, "leaves less than a horizon of events"),
        (["train", "--offers", "nope.toml"], 2, "nope.toml"),
        (["train", "everything"], 2, "everything"),
        (["simulate", "--customers", "0", "new"], 2, "customers = 0"),
        (["evaluate", "--version", "9"], 1, "no version 9 is registered"),
        (["promote", "9"], 1, "no version 9 is registered"),
        (["promote", "--force"], 2, "--reason"),
        (["rollback"], 1, "no version is champion"),
        (["pull"], 1, "no version is champion"),
        (["score", "scores.parquet"], 1, "no version serves yet"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_message(shop, monkeypatch, command, code, message):
    monkeypatch.chdir(shop.folder)
    result = shop.run(*command)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_shop_without_events_is_told_to_import(settings):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGULARS_DATA", str(settings.data))
        result = CliRunner().invoke(app, ["train"])
    assert result.exit_code == 1
    assert "python -m training import" in result.stderr


def test_a_failed_training_registers_nothing(shop):
    short = shop.recipes / "long_horizon.toml"
    short.write_text("next_product = false\n[churn]\nhorizon_days = 700\n")
    result = shop.run("train", "--recipe", short)
    assert result.exit_code == 2
    assert [version.number for version in shop.registry.versions()] == [2, 1]


KILLED = """
import os, signal, sys
from pathlib import Path
from training import console
from training.__main__ import app

report = console.Stages.__call__

def die_before_registering(self, stage, done=0, total=None):
    if stage == "register":
        os.kill(os.getpid(), signal.SIGKILL)
    report(self, stage, done, total)

console.Stages.__call__ = die_before_registering
app(["train", "churn", "--recipe", sys.argv[1], "--no-report"])
"""


def test_a_killed_training_leaves_no_version_and_the_next_one_works(shop):
    recipe = shop.recipes / "quick.toml"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(recipe)],
        env={**os.environ, "REGULARS_DATA": str(shop.folder), "REGULARS_THREADS": "1"},
        capture_output=True,
    )
    assert done.returncode == -9, done.stderr
    assert [version.number for version in shop.registry.versions()] == [2, 1]
    again = shop.done("train", "churn", "--recipe", recipe, "--no-report")
    assert "Registered version 3" in again.stdout
