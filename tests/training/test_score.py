import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from features import lifecycle
from features.catalog import Product
from features.columns import ProductId
from features.compute import matrix
from features.definitions import FEATURES
from features.errors import InputError, NotEnoughDataError
from features.events.erasures import Erasure, Erasures
from features.events.log import EventLog
from features.instants import DAY_MS
from features.reference import Reference
from features.timeline import FOREVER
from features.timeline_build import timelines_of
from models.bundle import Bundle
from models.next_product import Session
from training.dataset import Orders, named_features
from training.evaluate import evaluate
from training.places import bundle_of
from training.recipe import ChurnRecipe
from training.score import PORTION, SCHEMA, score
from training.trainer import Data


@pytest.fixture(scope="module")
def data(built) -> Data:
    return Data.of(EventLog(built[0].settings.log))


def test_every_customer_with_an_order_gets_a_risk_and_a_list(champion, tmp_path):
    said = champion.done("score", tmp_path / "scores.parquet", "--k", 5)
    table = pq.read_table(tmp_path / "scores.parquet")
    assert table.schema.equals(SCHEMA)
    assert f"{len(table):,} customers scored by version 1" in said.stdout
    risk = table["churn_probability"].to_numpy()
    assert ((risk > 0) & (risk < 1)).all()
    orders, spend = (table[f"expected_{name}"].to_numpy() for name in ("orders", "spend"))
    assert (orders > 0).all()
    assert (spend > 0).all()
    dates = [date for date in table["next_order_at"].to_pylist() if date is not None]
    assert 0 < len(dates) < len(table)
    assert min(dates).isoformat() > json.loads(table.schema.metadata[b"regulars"])["instant"][:10]
    lists = table["recommendations"].to_pylist()
    assert {len(row) for row in lists if row is not None} == {5}
    about = json.loads(table.schema.metadata[b"regulars"])
    assert about["version"] == "1"
    assert about["horizon_days"] == 30
    assert [file.name for file in tmp_path.iterdir() if "scores" in file.name] == ["scores.parquet"]


def test_a_version_that_does_not_serve_can_score_too(shop, tmp_path):
    said = shop.done("score", tmp_path / "scores.parquet", "--version", 2, "--k", 1)
    assert "scored by version 2" in said.stdout


def test_the_file_says_what_the_service_would_say(champion, data, tmp_path):
    champion.done("score", tmp_path / "scores.parquet", "--k", 5)
    rows = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    row = next(row for row in rows if row["recommendations"] is not None)
    bundle = Bundle.load(champion.settings.bundles / "1")
    (place,) = data.timelines.index([row["customer_id"]])
    items = bundle.next_product.recommend(
        data.timelines.customer(int(place)),
        data.last_at + 1,
        5,
        catalog=data.catalog,
        reference=bundle.reference,
    )
    assert row["recommendations"] == [data.catalog.ids[item.product] for item in items]


def test_stage_and_persona_are_those_of_the_customer_s_features(champion, data, tmp_path):
    champion.done("score", tmp_path / "scores.parquet", "--k", 0)
    table = pq.read_table(tmp_path / "scores.parquet")
    bundle = Bundle.load(champion.settings.bundles / "1")
    at = np.full(len(table), data.last_at + 1)
    places = data.timelines.index(table["customer_id"].to_pylist())
    values = matrix(data.timelines, places, at, data.catalog, bundle.reference)
    names = [feature.name for feature in FEATURES]
    of_stage = values[:, [names.index(name) for name in lifecycle.NAMES]]
    stages = [lifecycle.Stage(code).label for code in lifecycle.stages(of_stage)]
    assert table["stage"].to_pylist() == stages
    assert len(set(stages)) > 2
    own = values[:, [names.index(name) for name in bundle.personas.feature_names_]]
    found = bundle.personas.predict(own)
    keys = [bundle.personas.personas_[place].key for place in found]
    assert table["persona"].to_pylist() == keys


def test_a_product_newer_than_the_bundle_can_be_scored_and_measured(champion, data, tmp_path):
    bundle = Bundle.load(champion.settings.bundles / "1")
    catalog = data.catalog.extended([Product(ProductId("newer"), category="Attic")])
    out = tmp_path / "scores.parquet"
    count = score(bundle, data.timelines, catalog, data.last_at, out, k=5)
    assert count == len(pq.read_table(out))
    cutoff = data.last_at - 31 * DAY_MS
    recipe = ChurnRecipe(instants=1)
    found = evaluate(bundle, data.timelines, catalog, cutoff, churn_recipe=recipe, threads=1)
    assert found.metrics["churn.customers"] > 0


def test_the_riskiest_have_the_reasons_that_the_service_would_give(champion, data, tmp_path):
    champion.done("score", tmp_path / "scores.parquet", "--k", 0, "--reasons", 7)
    rows = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    told = [row for row in rows if row["reasons"] is not None]
    least = min(row["churn_probability"] for row in told)
    assert len(told) == 7
    assert all(row["churn_probability"] <= least for row in rows if row["reasons"] is None)
    bundle = Bundle.load(champion.settings.bundles / "1")
    for row in told[:3]:
        values = named_features(
            data.timelines, data.timelines.index([row["customer_id"]]), data.last_at + 1,
            data.catalog, bundle.reference, bundle.churn.feature_names_,
        )  # fmt: skip
        reasons = bundle.churn.reasons(values, at=data.last_at + 1)
        assert row["reasons"] == [vars(reason) for reason in reasons] != []


def test_portions_make_no_difference(champion, data, tmp_path, monkeypatch):
    bundle = Bundle.load(champion.settings.bundles / "1")
    tables = []
    for name, portion in (("whole", PORTION), ("parts", 7)):
        monkeypatch.setattr("training.score.PORTION", portion)
        out = tmp_path / name
        score(bundle, data.timelines, data.catalog, data.last_at, out, k=2, reasons=20)
        tables.append(pq.read_table(out))
    for name in tables[0].column_names:
        assert tables[0][name].to_pylist() == tables[1][name].to_pylist(), name


def test_scoring_as_of_the_past_knows_only_the_customers_of_then(champion, tmp_path):
    champion.done("score", tmp_path / "then.parquet", "--at", "2026-01-15", "--k", 0)
    champion.done("score", tmp_path / "now.parquet", "--k", 0)
    then, now = (pq.read_table(tmp_path / name) for name in ("then.parquet", "now.parquet"))
    assert 0 < len(then) < len(now)
    assert set(then["customer_id"].to_pylist()) < set(now["customer_id"].to_pylist())


def empty_bundle(data: Data) -> Bundle:
    reference = Reference.as_of(data.timelines, data.catalog, data.last_at)
    return Bundle(data.catalog, reference, None, None)


def test_what_a_bundle_cannot_say_is_null(data, tmp_path):
    out = tmp_path / "scores.parquet"
    told: list[tuple[str, int, int]] = []
    count = score(
        empty_bundle(data), data.timelines, data.catalog, data.last_at, out,
        reasons=3, progress=lambda *step: told.append(step),
    )  # fmt: skip
    table = pq.read_table(out)
    for column in set(SCHEMA.names[1:]) - {"stage"}:
        assert table[column].null_count == count
    assert table["stage"].null_count == 0
    assert count == len(Orders.of(data.timelines).eligible(data.last_at))
    assert told[-1] == ("score customers", count, count)
    assert count < PORTION


@pytest.mark.parametrize(
    ("wrong", "at", "name", "error"),
    [
        ({"k": -1}, None, "out.parquet", InputError),
        ({"reasons": -1}, None, "out.parquet", InputError),
        ({}, None, "missing/out.parquet", InputError),
        ({}, None, ".", InputError),
        ({}, 0, "out.parquet", NotEnoughDataError),
    ],
)
def test_what_cannot_be_scored_leaves_no_file(data, tmp_path, wrong, at, name, error):
    at = data.last_at if at is None else at
    with pytest.raises(error):
        score(empty_bundle(data), data.timelines, data.catalog, at, tmp_path / name, **wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_breaks_off_leaves_no_file(data, tmp_path):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(
            empty_bundle(data), data.timelines, data.catalog, data.last_at,
            tmp_path / "out.parquet", progress=interrupt,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_sessions_of_the_erased_count_in_no_score(champion, tmp_path):
    """Training marks every session with its customer's hash, with the key of the shop's list."""

    def sessions():
        bundle = bundle_of(champion.settings, None, tmp_path)[1]
        return next(g.index_ for g in bundle.next_product.generators if isinstance(g, Session))

    index, erasures = sessions(), Erasures(champion.settings.erasures)
    assert len(index.marks.hashes) == len(index) > 100
    assert not index.arrays.hidden.any()
    log = EventLog(champion.settings.log, erasures=champion.settings.erasures)
    someone = index.marks.hashes[0].tobytes()
    assert someone in map(erasures.hash, timelines_of(log).ids())
    mine = np.flatnonzero((index.marks.hashes == index.marks.hashes[0]).all(axis=1))
    told = {"who": "desk", "why": "asked", "hashes": (someone.hex(),)}
    erasures.add([Erasure("e1", FOREVER, FOREVER, **told)])
    assert np.flatnonzero(sessions().arrays.hidden).tolist() == mine.tolist()
