"""The feature kernel beside DuckDB SQL and Polars, for six instants of all customers."""

import tempfile
from pathlib import Path
from typing import Annotated

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import typer

from features.catalog import Catalog, Product
from features.compute import matrix, vector
from features.definitions import FEATURES, Aggregation
from features.events.log import LOG_SCHEMA, EventLog
from features.events.schema import schema
from features.instants import DAY_MS, instant
from features.reference import Reference
from features.timeline import Timelines
from features.timeline_build import build
from tests.benchmarks import rival_sql
from tests.benchmarks.results import peak_mb, report, seconds

END = instant("2026-06-30")
DAYS = 730
INSTANTS = [END - months * 30 * DAY_MS for months in range(6)]
PRODUCTS, CATEGORIES, BRANDS = 5_000, 40, 60
MIX = {
    "Product Viewed": 40,
    "Email Delivered": 15,
    "Email Opened": 5,
    "Product Added": 8,
    "Products Searched": 5,
    "Order Completed": 10,
    "Message Delivered": 5,
    "Message Opened": 2,
    "Points Earned": 5,
    "Product Reviewed": 2,
    "Order Refunded": 1,
    "Ticket Opened": 1,
    "Store Visited": 1,
}
"""Types of simulated events, in per cent."""


def simulated(events: int, customers: int, seed: int) -> pa.Table:
    """Events in no order, in the log's schema; an order has two lines on average."""
    rng = np.random.default_rng(seed)
    names = rng.choice(list(MIX), events, p=np.array(list(MIX.values())) / sum(MIX.values()))
    # a long tail of activity, as in shops: most customers have few events, some hundreds
    activity = rng.gamma(0.5, size=customers)
    who = rng.choice(customers, events, p=activity / activity.sum())
    at = END - rng.integers(0, DAYS * DAY_MS, events)
    product = np.array([f"p{i:05d}" for i in range(PRODUCTS)])
    price = np.round(rng.gamma(2.0, 15.0, events), 2)
    is_order = names == "Order Completed"
    lines = np.where(is_order, rng.integers(1, 4, events), 0)
    offsets = np.concatenate([[0], np.cumsum(lines)]).astype(np.int32)
    line = pa.StructArray.from_arrays(
        [
            pa.array(product[rng.integers(0, PRODUCTS, offsets[-1])]),
            pa.array(np.ones(offsets[-1])),
            pa.array(np.repeat(price, lines)),
        ],
        names=["product_id", "quantity", "price"],
    )
    codes = {name: schema().code(name) for name in MIX}
    has_product = np.isin(names, ["Product Viewed", "Product Added", "Product Reviewed"])
    moments = pa.array(at).cast(pa.timestamp("ms", tz="UTC"))
    columns = {
        "event_id": pa.array([f"e{i:09d}" for i in range(events)]),
        "type": pa.array([codes[name] for name in names], pa.int16()),
        "name": pa.array(names),
        "timestamp": moments,
        "received_at": moments,
        "user_id": pa.array([f"u{i:08d}" for i in who]),
        "channel": pa.array(rng.choice(["web", "app", "email", "store"], events)),
        "product_id": pa.array(product[rng.integers(0, PRODUCTS, events)], mask=~has_product),
        "value": pa.array(np.where(is_order, price * lines, np.clip(price, 1, 5))),
        "quantity": pa.array(np.where(is_order, lines, 1.0)),
        "products": pa.ListArray.from_arrays(pa.array(offsets), line, mask=pa.array(~is_order)),
        "source": pa.array(["benchmark"] * events),
    }
    return pa.table(
        [
            columns.get(field.name, pa.nulls(events, field.type)).cast(field.type)
            for field in LOG_SCHEMA
        ],
        schema=LOG_SCHEMA,
    )


def flat(timelines: Timelines, catalog: Catalog, seed: int) -> pa.Table:
    """The same rows for the rivals, in no order: numbers for names, orders already exploded."""
    rows = timelines.rows
    order = np.random.default_rng(seed).permutation(len(rows))
    customer = np.repeat(np.arange(len(timelines)), np.diff(timelines.offsets))
    columns = {
        name: getattr(rows, name)
        for name in ("known_at", "type", "channel", "product", "value", "quantity", "measure")
    }
    columns["moment"] = rows.at  # AT is a keyword in DuckDB
    columns["customer"] = customer
    for name in ("category", "brand"):
        of = getattr(catalog, name)
        columns[name] = np.where(rows.product >= 0, of[rows.product], -1)
    table = pa.table({name: pa.array(array[order]) for name, array in columns.items()})
    for name in ("value", "quantity", "measure", "category", "brand"):
        column = table[name].to_numpy()
        missing = np.isnan(column) if column.dtype.kind == "f" else column < 0
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pa.array(column, mask=missing))
    return table


def run(
    events: Annotated[int, typer.Option(help="Simulated events; an order counts as one.")] = (
        5_000_000
    ),
    customers: Annotated[int, typer.Option(help="Simulated customers.")] = 200_000,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """Features for six instants of all customers: our kernel, DuckDB SQL, Polars."""
    report(
        f"{events:,} events, {customers:,} customers, {len(INSTANTS)} instants",
        measured(events, customers, seed),
        json,
    )


def measured(events: int, customers: int, seed: int) -> dict[str, float]:
    """All figures; both sides use two threads and give the same numbers, which is checked."""
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "log")
        log.save_catalog(
            Catalog.of(
                Product(
                    product_id=f"p{i:05d}", category=f"c{i % CATEGORIES}", brand=f"b{i % BRANDS}"
                )
                for i in range(PRODUCTS)
            )
        )
        log.append(simulated(events, customers, seed))
        made: list[Timelines] = []
        build_seconds = seconds(lambda: made.append(build(log, Path(folder) / "timelines")))
        timelines, catalog = made[0], log.catalog
        reference = Reference.as_of(timelines, catalog, INSTANTS[-1])
        plain = rival_sql.comparable()
        everyone = np.arange(len(timelines))
        who = np.tile(everyone, len(INSTANTS))
        when = np.repeat(INSTANTS, len(everyone))

        def kernel(features: tuple[object, ...], threads: int = 2) -> np.ndarray:
            return matrix(
                timelines, who, when, catalog, reference, features=features, threads=threads
            )

        for features in (plain, FEATURES):  # compiles, before the clock runs
            matrix(timelines, who[:1], when[:1], catalog, reference, features=features)
        ours = seconds(lambda: kernel(plain), repeat=3)
        ours_one_thread = seconds(lambda: kernel(plain, threads=1))
        ours_all = seconds(lambda: kernel(FEATURES), repeat=3)

        table = flat(timelines, catalog, seed)
        con = duckdb.connect(config={"threads": 2})
        con.register("arrow_rows", table)
        con.execute("CREATE TABLE rows AS SELECT * FROM arrow_rows")
        duck = seconds(
            lambda: [con.sql(rival_sql.sql(plain, at)).to_arrow_table() for at in INSTANTS]
        )
        frame = pl.from_arrow(table)
        polars = seconds(lambda: [_polars(frame, at) for at in INSTANTS])

        rows = len(timelines.rows)
        evaluated = rows * len(INSTANTS)
        one = timelines.customer(int(np.argmin(np.abs(np.diff(timelines.offsets) - 200))))
        one_us = seconds(
            lambda: [vector(one, END, catalog, reference) for _ in range(1_000)], repeat=5
        )
        return {
            "ours.features": len(plain),
            "ours.events_per_second": evaluated / ours,
            "ours.seconds": ours,
            "ours.build_seconds": build_seconds,
            "ours_one_thread.events_per_second": evaluated / ours_one_thread,
            "ours_one_thread.seconds": ours_one_thread,
            "ours_all_features.features": len(FEATURES),
            "ours_all_features.events_per_second": evaluated / ours_all,
            "ours_all_features.seconds": ours_all,
            "duckdb.features": len(plain),
            "duckdb.events_per_second": evaluated / duck,
            "duckdb.seconds": duck,
            "polars.features": len(plain),
            "polars.events_per_second": evaluated / polars,
            "polars.seconds": polars,
            "ratio": duck / ours,
            "ratio_with_build": duck / (ours + build_seconds),
            "polars_ratio": polars / ours,
            "one_customer_rows": len(one),
            "one_customer_us": one_us * 1_000,
            "max_difference": _difference(timelines, catalog, reference),
            "max_difference_duckdb": _against(con, timelines, catalog, reference),
            "rows": rows,
            "peak_mb": peak_mb(),
        }


def _polars(frame: pl.DataFrame, at: int) -> pl.DataFrame:
    plain = rival_sql.comparable()
    known = frame.lazy().filter((pl.col("moment") < at) & (pl.col("known_at") <= at))
    return known.group_by("customer").agg(rival_sql.expressions(plain, at)).collect()


def _difference(timelines: Timelines, catalog: Catalog, reference: Reference) -> float:
    """Largest difference between the batch and one customer at a time, as the service asks."""
    who = np.arange(0, len(timelines), max(1, len(timelines) // 500))
    batch = matrix(timelines, who, np.full(len(who), END), catalog, reference)
    single = [vector(timelines.customer(int(i)), END, catalog, reference) for i in who]
    if not np.array_equal(np.isnan(batch), np.isnan(single)):
        return float("inf")
    return float(np.nanmax(np.abs(batch - np.array(single)), initial=0.0))


def _against(
    con: duckdb.DuckDBPyConnection, timelines: Timelines, catalog: Catalog, reference: Reference
) -> float:
    """Largest relative difference from DuckDB's numbers; sums add up in another order."""
    plain = rival_sql.comparable()
    theirs = con.sql(f"{rival_sql.sql(plain, END)} ORDER BY customer").to_arrow_table()
    who = theirs["customer"].to_numpy().astype(np.int64)
    mine = matrix(
        timelines, who, np.full(len(who), END), catalog, reference, features=plain
    ).astype(np.float64)
    worst = 0.0
    for column, feature in enumerate(plain):
        if feature.aggregation in (Aggregation.LAST, Aggregation.FIRST):
            continue  # rows of one instant: SQL promises no order among them
        other = theirs[feature.name].to_numpy().astype(np.float64)
        if feature.aggregation is Aggregation.SUM:
            other = np.nan_to_num(other)  # SQL's sum of nothing is null, ours is 0
        gap = np.abs(mine[:, column] - other) / np.maximum(np.abs(other), 1.0)
        if not np.array_equal(np.isnan(mine[:, column]), np.isnan(other)):
            return float("inf")
        worst = max(worst, float(np.nanmax(gap, initial=0.0)))
    return worst
