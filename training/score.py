"""Batch scoring: risk, value, recommendations, stage and persona of every customer, as Parquet."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features import lifecycle
from features.catalog import Catalog
from features.columns import Columns as C
from features.compute import matrix
from features.consents import PERSONALISATION
from features.errors import InputError, NotEnoughDataError, StorageError
from features.events.served import SCHEMA as SERVED
from features.events.served import Served
from features.instants import DAY_MS, iso
from features.timeline import Timelines
from models.bundle import Bundle
from models.declared import features_named
from training.dataset import Orders, named_features

SCHEMA: Final = pa.schema(
    [
        pa.field(C.CUSTOMER_ID, pa.string(), nullable=False),
        pa.field("churn_probability", pa.float64()),
        pa.field("expected_orders", pa.float64()),
        pa.field("expected_spend", pa.float64()),
        pa.field("next_order_at", pa.timestamp("ms", tz="UTC")),
        pa.field("recommendations", pa.list_(pa.string())),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("persona", pa.string()),
    ]
)
"""customer_id: as the event log names the customer. churn_probability: P(no order in the
horizon); null when the bundle has no churn model. expected_orders, expected_spend: days with an
order, and money, in the value model's horizon; null when the bundle has none, spend also where
events say nothing of money. next_order_at: by when the next order is as likely to have come as
not; null where that is not within a year. recommendations: ids of products, best
first; null when it has no next-product model, and of a customer who does not allow to be
personalised for: show what is popular. stage: of the lifecycle. persona: its key; null when the
bundle has no personas. Who does not allow to be profiled has no row. The file's
metadata, key `regulars`, is JSON with version, instant, horizon_days, and unprofiled: how many
customers with an order were left out for that."""

PORTION: Final = 2_000
"""Customers scored at once: a row group of the file, and a step of the progress bar."""


def score(
    bundle: Bundle,
    timelines: Timelines,
    catalog: Catalog,
    at: int,
    out: Path,
    *,
    k: int = 10,
    version: str = "",
    threads: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> int:
    """Score the known customers with at least one order before an instant who allow it.

    The file appears when it is complete; a run that breaks off leaves none.

    Arguments:
        bundle: what scores.
        timelines: all customers.
        catalog: the numbering of the timelines' products; it extends the bundle's.
        at: int64 ms UTC; only what was known before it counts.
        out: the Parquet file, schema `SCHEMA`, customers in the order of their ids.
        k: how many products to recommend.
        version: of the bundle, for the file's metadata.
        threads: of the feature kernel.
        progress: called with "score customers", how many are done, how many there are.

    Returns:
        How many customers were scored.

    Raises:
        InputError: `out` is no place for a file, or k is negative.
        NotEnoughDataError: there is nobody to score.
        StorageError: the disk refused.
    """
    if k < 0:
        raise InputError(f"k = {k}: choose 0 or more recommendations")
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: name a file in a folder that exists")
    orders = Orders.of(timelines)
    customers = orders.eligible(at)
    if not len(customers):
        raise NotEnoughDataError(
            f"no known customer has an order before {iso(at)} and allows to be profiled"
        )
    bundle = replace(bundle, reference=bundle.reference.extended(catalog))
    scorer = bundle.churn or bundle.value
    horizon = None if scorer is None else scorer.horizon_days_
    about = {
        "version": version,
        "instant": iso(at),
        "horizon_days": horizon,
        "unprofiled": orders.unprofiled(at),
    }
    schema = SCHEMA.with_metadata({"regulars": json.dumps(about)})
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
            for begin in range(0, len(customers), PORTION):
                part = customers[begin : begin + PORTION]
                writer.write_table(
                    pa.table(
                        [
                            pa.array(timelines.ids(part), pa.string()),
                            *_scores(bundle, timelines, part, at, catalog, threads),
                            _recommendations(bundle, timelines, part, at, catalog, k),
                            *_groups(bundle, timelines, part, at, catalog, threads),
                        ],
                        schema=schema,
                    )
                )
                if progress is not None:
                    progress("score customers", begin + len(part), len(customers))
        draft.replace(out)
    except OSError as error:
        raise StorageError(f"cannot write {out}: {error}; free some space and repeat") from error
    finally:
        draft.unlink(missing_ok=True)
    return len(customers)


def serve(scored: Path, served: Served, at: int) -> int:
    """Count a file of `score` as served, so that it is judged when its horizon has passed.

    Arguments:
        scored: the file.
        served: where to.
        at: the instant that was given to `score`; the file tells it to the second only.

    Returns:
        How many customers' scores are new there.

    Raises:
        StorageError: the disk refused.
    """
    table = pq.read_table(scored, columns=[C.CUSTOMER_ID, "churn_probability"])
    about = json.loads(table.schema.metadata[b"regulars"])
    table = table.filter(pc.is_valid(table["churn_probability"]))
    many = len(table)
    columns = [
        table[C.CUSTOMER_ID],
        pa.repeat(about["version"], many),
        pa.repeat(at, many),
        pa.repeat(about["horizon_days"] or 0, many).cast(pa.int32()),
        table["churn_probability"],
    ]
    return served.append(pa.table(columns, schema=SERVED))[0]


def _scores(
    bundle: Bundle,
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    at: int,
    catalog: Catalog,
    threads: int,
) -> list[pa.Array]:
    """The columns of the churn and of the value model; features that both read come once."""
    churn, value = bundle.churn, bundle.value
    when = np.full(len(customers), at, np.int64)

    @cache
    def features(names: tuple[str, ...]) -> npt.NDArray[np.float32]:
        chosen = features_named(names)
        return matrix(
            timelines, customers, when, catalog, bundle.reference,
            features=chosen, threads=threads,
        )  # fmt: skip

    out = [
        pa.nulls(len(customers), pa.float64())
        if churn is None
        else pa.array(churn.predict_proba(features(churn.feature_names_), at))
    ]
    if value is None:
        return [*out, *(pa.nulls(len(customers), SCHEMA.field(i).type) for i in (2, 3, 4))]
    rows = features(value.feature_names_)
    told, due = value.predict(rows, at), value.next_order(rows, at)
    known = np.isfinite(due.median)
    date = at + (np.where(known, due.median, 0.0) * DAY_MS).astype(np.int64)
    return [
        *out,
        pa.array(told.orders),
        pa.array(told.spend, mask=np.isnan(told.spend)),
        pa.array(date, pa.int64(), mask=~known).cast(SCHEMA.field("next_order_at").type),
    ]


def _groups(
    bundle: Bundle,
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    at: int,
    catalog: Catalog,
    threads: int,
) -> tuple[pa.Array, pa.Array]:
    """Stage and persona."""
    own = () if bundle.personas is None else bundle.personas.feature_names_
    values = named_features(
        timelines,
        customers,
        at,
        catalog,
        bundle.reference,
        (*lifecycle.NAMES, *own),
        threads=threads,
    )
    stages = lifecycle.stages(values[:, : len(lifecycle.NAMES)])
    labels = [lifecycle.Stage(stage).label for stage in stages.tolist()]
    keys = pa.nulls(len(customers), pa.string())
    if bundle.personas is not None:
        names = [persona.key for persona in bundle.personas.personas_]
        places = bundle.personas.predict(values[:, len(lifecycle.NAMES) :])
        keys = pa.array([names[place] for place in places.tolist()], pa.string())
    return pa.array(labels, pa.string()), keys


def _recommendations(
    bundle: Bundle,
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    at: int,
    catalog: Catalog,
    k: int,
) -> pa.Array:
    kind = pa.list_(pa.string())
    if bundle.next_product is None:
        return pa.nulls(len(customers), kind)
    allowed = timelines.allowing(PERSONALISATION, at)[customers]
    ranked = np.full((len(customers), k), -1, np.int32)
    ranked[allowed] = bundle.next_product.rank(
        timelines, customers[allowed], at, k, catalog=catalog, reference=bundle.reference
    )
    ids = [
        [catalog.ids[product] for product in row if product >= 0] if personal else None
        for row, personal in zip(ranked.tolist(), allowed.tolist(), strict=True)
    ]
    return pa.array(ids, kind)
