"""Churn probabilities of the shipped pipeline beside baselines, on transactions of any shop."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import duckdb
import numpy as np
import pyarrow as pa
import typer

from features.catalog import Catalog
from features.columns import Columns as C
from features.errors import NotEnoughDataError
from features.events import engine
from features.events.event import LOG_SCHEMA
from features.events.log import EventLog
from features.events.schema import schema
from features.instants import DAY_MS, instant
from features.reference import Reference
from features.timeline import Timelines
from features.timeline_build import timelines_of
from models.bundle import Bundle
from models.purchases import PURCHASE_MODELS, Counts
from models.value.choice import correlation, gini
from tests.benchmarks.results import peak_mb, report
from training.dataset import Orders, churn_rows
from training.evaluate import churn_evaluation, evaluate_value
from training.fit import train_churn, train_value
from training.intervals import bootstrap
from training.metrics import churn_metrics
from training.recipe import ChurnRecipe, ValueRecipe
from training.split import learning_plan


def run(
    transactions: Annotated[
        Path, typer.Option(help="Parquet: customer_id, timestamp, value; order_id, product_id, …")
    ],
    cutoff: Annotated[str, typer.Option(help="Nothing from this day on is learnt from.")],
    horizon: Annotated[int, typer.Option(help="Days after the cutoff that count.")] = 90,
    seed: Annotated[int, typer.Option(help="Of all random choices.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """P(no order in the horizon), orders and spend: ours, recency, RFM, purchase models."""
    figures = measured(transactions, instant(cutoff), horizon, seed)
    report(f"{transactions.name}: {horizon} days after {cutoff}", figures, json)


def measured(transactions: Path, cutoff: int, horizon: int, seed: int) -> dict[str, float]:
    """All figures, `<method>.<metric>`."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "log")
        log.append(_events(transactions))
        timelines, catalog = timelines_of(log), log.catalog
        recipe = ChurnRecipe(horizon_days=horizon)
        rows = churn_rows(timelines, catalog, np.array([cutoff]), horizon, threads=2)
        figures: dict[str, float] = {}
        told: dict[str, np.ndarray] = {}
        try:
            model = train_churn(timelines, catalog, recipe, cutoff, seed)
            plan = learning_plan(int(timelines.rows.at.min()), cutoff, recipe)
            found = churn_evaluation(model, rows, Orders.of(timelines), plan, cutoff)
            figures |= found.metrics
            typer.echo(f"ours: {model.told()}", err=True)
            told = dict(found.predicted)
        except NotEnoughDataError as error:
            typer.echo(f"ours is left out: {error}", err=True)
        counts = _counts(Orders.of(timelines), rows.customer, cutoff)
        for name, kind in PURCHASE_MODELS.items():
            silence = kind().fit(counts).no_order(counts, horizon / 7)
            figures |= {f"{name}.{m}": v for m, v in churn_metrics(rows.y, silence).items()}
            told[name] = silence
        figures |= _differences(rows.y, told, seed)
        silent = {name: told[name] for name in ("recency", "rfm_logistic") if name in told}
        figures |= _value(timelines, catalog, cutoff, horizon, seed, silent)
    figures |= {"seconds": time.perf_counter() - began, "peak_mb": peak_mb()}
    return figures


def _differences(left: np.ndarray, told: dict[str, np.ndarray], seed: int) -> dict[str, float]:
    """Ours less each baseline, with paired bootstrap intervals."""
    if "ours" not in told:
        return {}
    resampled, out = bootstrap(left, told, seed=seed), {}
    for method in told.keys() - {"ours", "base_rate"}:
        for figure in ("auc", "brier"):
            found = resampled.difference("ours", method, figure)
            out[f"{method}.ours_less_{figure}"] = found.value
            out[f"{method}.ours_less_{figure}_low"] = found.low
            out[f"{method}.ours_less_{figure}_high"] = found.high
    return out


def _value(
    timelines: Timelines,
    catalog: Catalog,
    cutoff: int,
    horizon: int,
    seed: int,
    silent: dict[str, np.ndarray],
) -> dict[str, float]:
    """Orders and spend: ours and the baselines; what our model says of its choices goes along.

    Those who tell P(no order) alone have an opinion on the order of the customers only.
    """
    model = train_value(timelines, catalog, ValueRecipe(horizon_days=horizon), cutoff, seed)
    typer.echo(f"value: {model.chosen_text()}", err=True)
    facts = Reference.as_of(timelines, catalog, cutoff)
    bundle = Bundle(catalog, facts, None, None, value=model)
    found = evaluate_value(bundle, timelines, catalog, cutoff, 2)
    figures = {name: figure for name, figure in found.metrics.items() if "." in name}
    for method, told in silent.items():
        figures[f"{method}.orders_spearman"] = correlation(found.orders, -told)
        figures[f"{method}.spend_spearman"] = correlation(found.spend, -told)
        figures[f"{method}.spend_gini"] = gini(found.spend, -told)
    return figures


def _counts(orders: Orders, customers: np.ndarray, cutoff: int) -> Counts:
    """From the orders themselves, one a day: not by way of our features."""
    seen = (orders.at < cutoff) & np.isin(orders.customer, customers)
    who = np.searchsorted(customers, orders.customer[seen])
    pairs = np.unique(np.column_stack([who, orders.at[seen] // DAY_MS]), axis=0)
    days = np.bincount(pairs[:, 0], minlength=len(customers))
    begin = np.concatenate([[0], np.cumsum(days)[:-1]])
    first, last = pairs[begin, 1], pairs[begin + days - 1, 1]
    age = cutoff // DAY_MS - first
    return Counts((days - 1).astype(float), (last - first) / 7.0, age / 7.0)


def _events(transactions: Path) -> pa.Table:
    """Orders and returns, an order's lines together."""
    with tempfile.TemporaryDirectory() as spill, engine.connection(Path(spill)) as con:
        return _read(con, transactions)


def _read(con: duckdb.DuckDBPyConnection, transactions: Path) -> pa.Table:
    con.execute(f"CREATE VIEW told AS FROM read_parquet({engine.quoted(str(transactions))})")
    columns = con.sql("FROM told").columns
    by = "order_id" if "order_id" in columns else "CAST(timestamp AS DATE)"
    order = f"customer_id || '-' || CAST({by} AS VARCHAR)"
    quantity = "quantity" if "quantity" in columns else "1"
    lines = "NULL"
    if "product_id" in columns:
        pieces = f"abs({quantity})"
        lines = (
            f"list({{'product_id': product_id, 'quantity': CAST({pieces} AS DOUBLE), "
            f"'price': abs(value) / nullif({pieces}, 0)}})"
        )
    bought, returned = (schema().code(name) for name in ("Order Completed", "Order Refunded"))
    found = con.sql(
        f"""SELECT
            CASE WHEN back THEN 'return:' ELSE 'order:' END || order_key AS {C.EVENT_ID},
            CAST(CASE WHEN back THEN {returned} ELSE {bought} END AS SMALLINT) AS {C.TYPE},
            CASE WHEN back THEN 'Order Refunded' ELSE 'Order Completed' END AS {C.NAME},
            CAST(min(timestamp) AS TIMESTAMPTZ) AS {C.TIMESTAMP},
            CAST(min(timestamp) AS TIMESTAMPTZ) AS {C.RECEIVED_AT},
            CAST(customer_id AS VARCHAR) AS {C.USER_ID}, 'web' AS {C.CHANNEL},
            order_key AS {C.ORDER_ID}, abs(sum(value)) AS {C.VALUE},
            'EUR' AS {C.CURRENCY}, {lines} AS {C.PRODUCTS}, 'benchmark' AS {C.SOURCE}
        FROM (SELECT *, {order} AS order_key, value < 0 OR {quantity} < 0 AS back FROM told)
        GROUP BY customer_id, order_key, back"""
    ).to_arrow_table()
    for field in LOG_SCHEMA:
        if field.name not in found.column_names:
            found = found.append_column(field, pa.nulls(len(found), field.type))
    return found.select(LOG_SCHEMA.names).cast(LOG_SCHEMA)
