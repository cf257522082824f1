import json
import os

import numpy as np
import pandas as pd
import pytest

from features.errors import RegistryError
from features.settings import Settings
from training import plots
from training.tracking import BUNDLE, Run, Tracking, TrackingError

EXAMPLE = pd.DataFrame({"purchase_orders_life": [1.0, 2.0], "cadence_gap_mean": [float("nan"), 3]})


@pytest.fixture
def tracking(settings: Settings) -> Tracking:
    return Tracking(settings)


def read_back(tracking: Tracking, run: Run):
    return tracking.client.get_run(run.id)


def test_a_run_keeps_parameters_metrics_plots_and_text(tracking):
    with tracking.run("train", user="ada") as run:
        run.parameters({"cutoff": "2011-09-10", "churn": {"trees": 200}})
        run.metrics({"ours.recall@10": 0.25})
        run.tags({"git_commit": "abc"})
        run.figure(plots.recall_at_k({"ours": np.array([0.1, 0.2])}), "recall")
        run.text("[churn]", "recipe.toml")
    found = read_back(tracking, run)
    assert found.data.params == {"cutoff": "2011-09-10", "churn.trees": "200"}
    assert found.data.metrics == {"ours.recall_at_10": 0.25}
    assert found.data.tags["git_commit"] == "abc"
    assert found.data.tags["mlflow.user"] == "ada"
    assert found.info.status == "FINISHED"
    assert [file.path for file in tracking.client.list_artifacts(run.id, "plots")] == [
        "plots/recall.png"
    ]


def test_runs_of_models_are_nested_in_the_training_run(tracking):
    with tracking.run("train") as parent, tracking.run("churn", parent=parent) as child:
        pass
    assert read_back(tracking, child).data.tags["mlflow.parentRunId"] == parent.id


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_run_that_breaks_off_says_so(tracking, error, status):
    with pytest.raises(error), tracking.run("train") as run:
        raise error
    assert read_back(tracking, run).info.status == status


def test_a_logged_model_names_the_features_in_its_signature_and_example(tracking, tmp_path):
    (tmp_path / BUNDLE).mkdir()
    with tracking.run("train") as run:
        model_id = tracking.log_model(run, tmp_path / BUNDLE, EXAMPLE, {"ours.recall@10": 0.5})
    uri = f"models:/{model_id}"
    signature = tracking.mlflow.models.get_model_info(uri).signature
    assert signature.inputs.input_names() == list(EXAMPLE.columns)
    assert signature.outputs.input_names() == ["churn_probability"]
    example = json.loads(
        (tracking.fetch(uri, tmp_path / "model") / "input_example.json").read_text()
    )
    assert example["columns"] == list(EXAMPLE.columns)
    (metric,) = tracking.client.get_logged_model(model_id).metrics
    assert (metric.key, metric.value) == ("ours.recall_at_10", 0.5)


def test_artefacts_that_are_gone_are_reported_with_their_address(tracking, tmp_path):
    with tracking.run("train") as run:
        pass
    with pytest.raises(RegistryError, match=f"cannot fetch runs:/{run.id}/nowhere"):
        tracking.fetch(f"runs:/{run.id}/nowhere", tmp_path / "out")


def test_what_the_store_refuses_is_said_in_our_words(tracking):
    with pytest.raises(TrackingError, match=r"refused get_run: .*nowhere") as caught:
        tracking.client.get_run("nowhere")
    assert caught.value.code == "RESOURCE_DOES_NOT_EXIST"


def test_an_unreachable_store_is_said_with_its_address(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/file/mlflow.db")
    with pytest.raises(RegistryError, match=r"cannot open the tracking store .*file/mlflow\.db"):
        Tracking(Settings(data=tmp_path))


def test_opening_the_store_leaves_the_environment_as_it_was(settings):
    Tracking(settings)
    assert "MLFLOW_TRACKING_URI" not in os.environ
