"""From an answer to its judgement: what was served, what happened, and what the metrics say."""

import json
import re
from pathlib import Path

import pytest
import structlog
import yaml
from typer.testing import CliRunner

from serving.__main__ import cli
from serving.metrics import GAUGES
from serving.scopes import Scope
from tests.serving.conftest import HORIZON_DAYS, NOON
from tests.serving.test_customers import buy
from training.__main__ import app as training

BOTH = pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)
DAY_MINUTES = 24 * 60
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "monitoring.md"

pytestmark = pytest.mark.usefixtures("no_server")


@pytest.fixture
def no_server(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def command(settings):
    """Runs a command on the service's data."""
    environment = {
        "REGULARS_DATA": str(settings.data),
        "REGULARS_STORE": settings.store,
        "REGULARS_THREADS": "1",
        "COLUMNS": "200",
    }

    def run(of, *words):
        done = CliRunner().invoke(of, words, env=environment)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def gauges(client):
    """What /metrics says, by name and labels as they are written."""
    text = client.get("/metrics").text
    samples = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in samples}


@BOTH
def test_what_was_served_is_judged_by_what_happened(trained_client, clock, command, settings):
    client = trained_client
    for name, orders in {"ann": 3, "ben": 1, "cid": 2, "dan": 1}.items():
        for number in range(orders):
            buy(client, f"{name}-{number}", "tea", "pot", user=name)
            clock.advance(minutes=600)
    said = {}
    for name in ("ann", "ben", "cid", "dan"):
        said[name] = client.get(f"/v1/customers/{name}/churn").json()["probability"]
        client.get(f"/v1/customers/{name}/churn")
    client.service.scores.flush()
    clock.advance(minutes=10 * DAY_MINUTES)
    buy(client, "back", "tea", user="ann")
    clock.advance(minutes=10 * DAY_MINUTES)
    buy(client, "visitor-first", "tea", user="anns-new-account")
    merge = {"other": "anns-new-account", "by": "desk", "why": "is ben, and proved it"}
    assert client.post("/v1/customers/ben/merge", merge).is_success
    clock.advance(minutes=(HORIZON_DAYS - 20) * DAY_MINUTES + 1)
    buy(client, "too-late", "tea", user="cid")
    assert "no week's horizon has passed yet" in judged(command)
    assert gauges(client).keys() == {
        "regulars_monitoring_timestamp_seconds",
        'regulars_monitoring_status{version="1"}',
    }
    clock.advance(minutes=7 * DAY_MINUTES)
    client.track("Product Viewed", "later", userId="eve", product_id="tea")
    assert "ok: version 1 keeps what it promised" in judged(command)

    predicted = [said["ann"], said["ben"], said["cid"], said["dan"]]
    left = [0, 0, 1, 1]  # ben came back under another account
    pairs = [(a, b) for a in predicted[2:] for b in predicted[:2]]
    by_hand = {
        "judged_customers": 4,
        "calibration_difference": sum(predicted) / 4 - 0.5,
        "brier": sum((p - y) ** 2 for p, y in zip(predicted, left, strict=True)) / 4,
        "realised_auc": sum((a > b) + (a == b) / 2 for a, b in pairs) / 4,
    }
    found = gauges(client)
    for name, value in by_hand.items():
        assert found[f'regulars_churn_{name}{{version="1"}}'] == pytest.approx(value), name
    week = json.loads(settings.monitoring.read_text())["versions"]["1"]["week"]
    assert week["name"] == "2011-W37"


def judged(command):
    command(cli, "export")
    return command(training, "monitor")


def written(settings, **changed):
    day = {"date": "2011-09-10", "customers": 60, "chance": 0.1, "stability": {"score": 0.3}}
    week = dict.fromkeys(
        ("auc", "auc_low", "auc_high", "difference", "difference_low", "difference_high", "ece"),
        0.5,
    )
    week |= {"name": "2011-W36", "brier": 0.25, "customers": 100.0}
    version = {"status": 1, "promised_auc": 0.8, "week": week, "day": day}
    told = {"at": NOON, "until": NOON, "status": 1, "version": "7", "versions": {"7": version}}
    settings.monitoring.write_text(json.dumps(told | changed))


def test_before_the_first_monitoring_there_are_no_gauges(client):
    answer = client.get("/metrics")
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_metrics_need_a_key_that_reads(client):
    assert client.without_key().get("/metrics").status_code == 401
    assert client.keyed(Scope.WRITE).get("/metrics").status_code == 403
    assert client.keyed(Scope.READ, name="prometheus").get("/metrics").status_code == 200


def test_every_gauge_says_what_it_is_and_changes_with_the_file(client, settings):
    written(settings)
    text = client.get("/metrics").text
    for name, meaning in GAUGES.items():
        assert f"# HELP {name} {meaning}\n# TYPE {name} gauge\n{name}" in text
    assert gauges(client)['regulars_churn_psi{version="7",of="score"}'] == 0.3
    written(settings, status=2, at=NOON + 60_000)
    assert gauges(client)['regulars_monitoring_status{version="7"}'] == 2
    settings.monitoring.unlink()
    assert gauges(client) == {}


def test_a_label_is_escaped_and_what_is_undefined_left_out(client, settings):
    version = {"status": 0, "promised_auc": None, "week": None, "day": None}
    written(settings, version='a"b\\\n', versions={"7": version})
    assert client.get("/metrics").text.splitlines()[-1] == (
        r'regulars_monitoring_status{version="a\"b\\\n"} 1.0'
    )


def test_a_file_that_cannot_be_read_leaves_what_was_known_and_is_told_once(client, settings):
    written(settings)
    before = gauges(client)
    settings.monitoring.write_text('{"at": 1')
    with structlog.testing.capture_logs() as logged:
        assert gauges(client) == gauges(client) == before
    assert [entry["event"] for entry in logged if entry["log_level"] == "error"] == [
        "the last monitoring cannot be read"
    ]


def test_the_documented_alert_rules_are_valid_and_name_gauges_that_exist():
    [block] = re.findall(r"```yaml\n(.*?)```", DOCUMENTATION.read_text("utf-8"), re.DOTALL)
    [group] = yaml.safe_load(block)["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(set(names)) == len(names) > 3
    for rule in group["rules"]:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["annotations"]["summary"]
        assert re.fullmatch(r"\d+[smhdw]", rule.get("for", "0s"))
        used = set(re.findall(r"regulars_\w+", rule["expr"]))
        assert used
        assert used <= set(GAUGES)
        assert rule["expr"].count("(") == rule["expr"].count(")")
