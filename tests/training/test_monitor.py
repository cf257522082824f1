"""Monitoring of planted truths, and the command on a shop that serves."""

import csv
import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import NotEnoughDataError
from features.events.erasures import Erasures
from features.events.log import EventLog
from features.events.served import SCHEMA, Served
from features.instants import DAY_MS, instant, iso
from features.settings import Settings
from features.timeline import Timelines
from models.bundle import Manifest
from tests.models.shop import catalog, day, timeline
from tests.models.trained import CUTOFF, trained
from tests.models.trained import shop as trained_shop
from training.alerts import Rule, Status
from training.dataset import Orders
from training.monitor import monitor
from training.realised import monday_of
from training.trainer import Data
from training.watch import Watch

RULE = Rule.of(Settings())
PEOPLE = 600
HORIZON = 30
TRUTH = np.random.default_rng(5).uniform(0.2, 0.8, PEOPLE)
"""P(no order) of each customer."""


@pytest.fixture
def served(tmp_path):
    return Served(tmp_path / "served", Erasures(tmp_path / "erasures"))


@pytest.fixture(scope="module")
def world():
    """Customers who leave as `TRUTH` says: whoever stays orders on day 45."""
    stays = np.random.default_rng(6).uniform(size=PEOPLE) >= TRUTH
    orders = [[(1.0, [0]), (45.0, [0])] if stay else [(1.0, [0])] for stay in stays]
    people = [(f"c{number:03}", timeline(theirs)) for number, theirs in enumerate(orders)]
    return Data(Timelines.of(people), catalog(1), "", day(100))


def scored(names, when, probabilities, version="7"):
    many = len(names)
    columns = [names, [version] * many, [when] * many, [HORIZON] * many, probabilities]
    return pa.table(columns, schema=SCHEMA)


def say(served, probabilities, *days, version="7"):
    names = [f"c{number:03}" for number in range(PEOPLE)]
    for number in days:
        served.append(scored(names, day(number), probabilities, version))


def looked(data, served, bundle=lambda _: None, **more):
    return monitor(data, served, {}, bundle, RULE, **more)


def test_a_calibrated_scorer_is_ok(world, served):
    say(served, TRUTH, 20, 27, 34)
    found = looked(world, served)
    assert found.judgement.status is Status.OK
    assert [week.customers for week in found.judged.weeks] == [PEOPLE] * 3
    assert all(abs(week.difference) < 0.05 for week in found.judged.weeks)
    assert all(week.auc > 0.6 for week in found.judged.weeks)
    assert found.sentence == (
        f"version 7 keeps what it promised, up to {monday_of(day(34)):%G-W%V}"
    )


@pytest.mark.parametrize(("shift", "word"), [(0.15, "too many"), (-0.15, "too few")])
def test_a_shifted_scorer_is_an_alert_after_its_second_week(world, served, shift, word):
    say(served, TRUTH + shift, 20)
    assert looked(world, served).judgement.status is Status.WARNING
    say(served, TRUTH + shift, 27)
    found = looked(world, served)
    assert found.judgement.status is Status.ALERT
    assert word in found.sentence
    assert found.sentence.endswith("Next: train again: python -m training train")


def test_a_scorer_that_knows_nothing_breaks_the_promise_of_its_evaluation(world, served):
    blind = np.random.default_rng(7).permutation(TRUTH)  # right on average
    say(served, blind, 20, 27)
    metrics = {"churn.ours.auc": 0.68, "churn.ours.brier": 0.2, "churn.p_topfreq.auc": 0.5}
    manifest = Manifest(cutoff=day(10), fingerprint="", metrics=metrics)
    bundle = replace(trained(), churn=None, manifest=manifest)
    found = looked(world, served, lambda _: bundle)
    assert found.judgement.status is Status.ALERT
    assert found.judged.promised == {"ours.auc": 0.68, "ours.brier": 0.2}
    assert "of 0.68 that the evaluation promised" in found.sentence


def test_the_version_that_serves_is_judged_not_the_one_before(world, served):
    say(served, TRUTH + 0.15, 20, 27, version="7")
    say(served, TRUTH, 34, version="8")
    found = looked(world, served, serving="8")
    assert {v.version: v.judgement.status for v in found.versions} == {
        "7": Status.ALERT,
        "8": Status.OK,
    }
    assert found.judgement.status is Status.OK
    assert looked(world, served, serving="7").judgement.status is Status.ALERT
    assert looked(world, served).judged.version == "8"  # served last
    fresh = looked(world, served, serving="9")
    assert fresh.sentence == "version 9: no week's horizon has passed yet"


def test_horizons_that_have_not_passed_are_not_judged(world, served):
    say(served, TRUTH + 0.15, 20, 85)
    assert len(looked(world, served).judged.weeks) == 1


def test_equal_inputs_give_equal_figures(world, served):
    say(served, TRUTH, 20, 27)
    first = looked(world, served)
    say(served, TRUTH, 20, 27)  # the same again
    assert looked(world, served) == first


def test_before_anything_was_served_the_next_step_is_said(world, served):
    with pytest.raises(NotEnoughDataError, match="python -m serving export"):
        looked(world, served)


@pytest.fixture(scope="module")
def watched():
    """The trained shop, its bundle, and everybody's probabilities on the days after the cutoff."""
    timelines, products = trained_shop()
    bundle = replace(trained(), manifest=Manifest(cutoff=CUTOFF, fingerprint=""))
    everybody = Orders.of(timelines).eligible(CUTOFF)
    watch = Watch(bundle, timelines, products, seed=0, threads=1)
    return Data(timelines, products, "", day(400)), bundle, everybody, watch


def say_daily(served, watched, chosen, days=3):
    data, bundle, everybody, watch = watched
    for number in range(days):
        at = CUTOFF + number * DAY_MS
        values = watch._matrix(everybody, np.full(len(everybody), at))
        risk = bundle.churn.predict_proba(values, at)
        names = data.timelines.ids(everybody[chosen])
        served.append(scored(names, at, risk[chosen]))


def test_the_same_customers_in_the_days_after_have_not_drifted(watched, served):
    data, bundle, everybody, _ = watched
    say_daily(served, watched, np.ones(len(everybody), np.bool_))
    found = looked(data, served, lambda _: bundle)
    assert found.judgement.status is Status.OK
    assert [day.customers for day in found.judged.days] == [len(everybody)] * 3


def test_customers_of_whom_a_feature_drifted_are_an_alert_on_the_third_day(watched, served):
    data, bundle, _, watch = watched
    silent = watch.names.index("cadence_order_days_since_last")
    days = watch.expected.X[:, silent]
    chosen = days > np.median(days)  # as if a feed had stopped: everybody is silent
    say_daily(served, watched, chosen, days=2)
    assert looked(data, served, lambda _: bundle).judgement.status is Status.WARNING
    say_daily(served, watched, chosen, days=3)
    found = looked(data, served, lambda _: bundle)
    assert found.judgement.status is Status.ALERT
    assert "the probabilities moved: stability index" in found.sentence
    last = found.judged.days[-1]
    assert last.features["cadence_order_days_since_last"] > max(0.25, last.chance)


@pytest.fixture
def serving(champion, tmp_path):
    """A shop whose champion scored everybody in four weeks, all of whose horizons have passed."""
    log = EventLog(champion.settings.log)
    last = monday_of(log.last_at)
    for weeks in (9, 8, 7, 6):
        at = last - timedelta(weeks=weeks)
        out = tmp_path / "scores.parquet"
        champion.done("score", out, "--at", at.isoformat(), "--k", 0, "--served")
        champion.done("score", out, "--at", at.isoformat(), "--k", 0)  # counts for nothing
    return champion


def test_the_command_writes_to_mlflow_and_for_the_service(serving):
    said = serving.done("monitor")
    assert "Version 1, whose evaluation promised an AUC of 0." in said.stdout
    told = json.loads(serving.settings.monitoring.read_text())
    log = EventLog(serving.settings.log)
    assert told["until"] == log.last_at
    assert told["sentence"] in said.stdout
    week = told["versions"]["1"]["week"]
    assert week["difference"] == pytest.approx(week["mean_predicted"] - week["observed"])
    assert told["versions"]["1"]["day"]["stability"]["score"] >= 0

    client = serving.registry.tracking.client
    [run] = client.search_runs(["1"], filter_string="attributes.run_name = 'monitor'")
    assert run.data.tags["status"] in ("ok", "warning", "alert")
    assert run.data.tags["sentence"] == told["sentence"]
    curve = client.get_metric_history(run.info.run_id, "v1.auc")
    first = monday_of(log.last_at) - timedelta(weeks=9)
    assert len(curve) == 4
    assert curve[0].step == int(f"{first:%G%V}")
    assert curve[-1].value == week["auc"]
    scores = client.get_metric_history(run.info.run_id, "v1.stability.score")
    assert scores[0].step == int(f"{first:%Y%m%d}")
    promised = run.data.metrics["v1.promised.ours.auc"]
    assert promised == told["versions"]["1"]["promised_auc"]
    artefacts = {a.path for a in client.list_artifacts(run.info.run_id, "v1")}
    assert artefacts == {"v1/weeks.csv", "v1/days.csv"}
    [plot] = client.list_artifacts(run.info.run_id, "plots")
    assert plot.path == "plots/v1_realised.png"


def test_the_weeks_of_the_table_are_those_of_the_orders(serving, tmp_path):
    """The observed rate of a week, counted from the events themselves."""
    serving.done("monitor")
    client = serving.registry.tracking.client
    [run] = client.search_runs(["1"], filter_string="attributes.run_name = 'monitor'")
    path = client.download_artifacts(run.info.run_id, "v1/weeks.csv", str(tmp_path))
    with open(path, newline="") as file:  # noqa: PTH123
        row = next(csv.DictReader(file))
    at = instant(row["monday"])
    served = Served.beside(serving.settings.log, EventLog(serving.settings.log).erasures)
    names = served.between(at, at + 7 * DAY_MS)["customer_id"].to_pylist()
    events = EventLog(serving.settings.log).dataset.to_table(
        columns=["name", "user_id", "timestamp"]
    )
    ordered = {
        e["user_id"]
        for e in events.to_pylist()
        if e["name"] == "Order Completed"
        and iso(at) <= e["timestamp"].strftime("%Y-%m-%dT%H:%M:%SZ") < iso(at + 30 * DAY_MS)
    }
    assert int(row["customers"]) == len(names)
    assert float(row["observed"]) == pytest.approx(np.mean([name not in ordered for name in names]))


def test_monitoring_twice_counts_nothing_twice(serving):
    def figures():
        serving.done("monitor")
        return {**json.loads(serving.settings.monitoring.read_text()), "at": 0}

    assert figures() == figures()
    assert [p.name for p in serving.folder.glob(".monitoring*")] == []


def test_an_alert_ends_a_check_with_code_3(serving):
    """Scores that are certain of the wrong thing, in the two last weeks."""
    served = Served.beside(serving.settings.log, EventLog(serving.settings.log).erasures)
    for path in served.files:
        table = pq.read_table(path)
        wrong = pa.array(np.full(len(table), 0.001))
        pq.write_table(table.set_column(4, table.schema.field(4), wrong), path)
    said = serving.run("monitor", "--check")
    assert said.exit_code == 3
    assert "alert: version 1: 0% predicted to leave" in said.stdout
    assert serving.run("monitor").exit_code == 0


def test_of_a_version_whose_bundle_is_gone_what_happened_is_still_told(serving):
    served = Served.beside(serving.settings.log, EventLog(serving.settings.log).erasures)
    table = served.between(0, 2**60)
    version = pa.array(["before numbers"] * len(table))
    served.append(table.set_column(1, table.schema.field(1), version))
    said = serving.done("monitor")
    assert "version before numbers has no bundle any more" in said.stderr
    told = json.loads(serving.settings.monitoring.read_text())["versions"]
    assert told["before numbers"]["week"] == told["1"]["week"]
    assert told["before numbers"]["day"] is None
