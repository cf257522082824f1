"""Batch scoring: risk, value, recommendations, stage and persona of every customer, as Parquet."""

import json
from collections.abc import Callable
from dataclasses import dataclass
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
from features.consents import PERSONALISATION
from features.errors import InputError, NotEnoughDataError
from features.events.served import SCHEMA as SERVED
from features.events.served import Served
from features.instants import DAY_MS, iso
from features.timeline import Timelines
from models.bundle import Bundle
from training.dataset import Orders, named_features
from training.written import whole

_Places = npt.NDArray[np.int64]

REASON: Final = pa.struct(
    [
        pa.field("group", pa.string()),
        pa.field("contribution", pa.float64()),
        pa.field("text", pa.string()),
    ]
)

SCHEMA: Final = pa.schema(
    [
        pa.field(C.CUSTOMER_ID, pa.string(), nullable=False),
        pa.field("churn_probability", pa.float64()),
        pa.field("churn_low", pa.float64()),
        pa.field("churn_high", pa.float64()),
        pa.field("churn_band", pa.string()),
        pa.field("expected_orders", pa.float64()),
        pa.field("expected_spend", pa.float64()),
        pa.field("next_order_at", pa.timestamp("ms", tz="UTC")),
        pa.field("reasons", pa.list_(REASON)),
        pa.field("recommendations", pa.list_(pa.string())),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("persona", pa.string()),
    ]
)
"""customer_id: as the event log names the customer. churn_probability: P(no order in the
horizon); null when the bundle has no churn model, as the next three are: the ends of its interval,
and its band: low, medium or high. expected_orders, expected_spend: days with an order, and money,
in the value model's horizon; null when the bundle has none, spend also where events say nothing of
money. next_order_at: by when the next order is as likely to have come as not; null where that is
not within a year. reasons: of the riskiest, as many as were asked for, the strongest reason first;
null of all others. recommendations: ids of products, best
first; null when it has no next-product model, and of a customer who does not allow to be
personalised for: show what is popular. stage: of the lifecycle. persona: its key; null when the
bundle has no personas. Who does not allow to be profiled has no row. The file's
metadata, key `regulars`, is JSON with version, instant, horizon_days, and unprofiled: how many
customers with an order were left out for that."""

VALUE: Final = ("expected_orders", "expected_spend", "next_order_at")
"""The value model's columns."""

PORTION: Final = 20_000
"""Customers scored at once: a row group of the file, and a step of the progress bar; their
features take 12 MB."""


def score(
    bundle: Bundle,
    timelines: Timelines,
    catalog: Catalog,
    at: int,
    out: Path,
    *,
    k: int = 10,
    reasons: int = 0,
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
        reasons: of how many customers, the riskiest, the file says why.
        version: of the bundle, for the file's metadata.
        threads: of the feature kernel.
        progress: called with a stage, how many customers are done, how many there are.

    Returns:
        How many customers were scored.

    Raises:
        InputError: `out` is no place for a file, or k or reasons is negative.
        NotEnoughDataError: there is nobody to score.
        StorageError: the disk refused.
    """
    if k < 0:
        raise InputError(f"k = {k}: choose 0 or more recommendations")
    if reasons < 0:
        raise InputError(f"reasons = {reasons}: choose 0 or more customers")
    orders = Orders.of(timelines)
    customers = orders.eligible(at)
    if not len(customers):
        raise NotEnoughDataError(
            f"no known customer has an order before {iso(at)} and allows to be profiled"
        )
    bundle = bundle.extended(catalog)
    scorer = _Scorer(bundle, timelines, catalog, at, threads)
    foreseen = bundle.churn or bundle.value
    about = {
        "version": version,
        "instant": iso(at),
        "horizon_days": None if foreseen is None else foreseen.horizon_days_,
        "unprofiled": orders.unprofiled(at),
    }
    schema = SCHEMA.with_metadata({"regulars": json.dumps(about)})
    portions = [slice(begin, begin + PORTION) for begin in range(0, len(customers), PORTION)]

    def told(stage: str, done: slice) -> None:
        if progress is not None:
            progress(stage, min(done.stop, len(customers)), len(customers))

    with whole(out, schema) as write:
        risk, low, high = np.full((3, len(customers)), np.nan)
        for part in portions:
            risk[part], low[part], high[part] = scorer.risk(customers[part])
            told("churn risk", part)
        riskiest = np.zeros(len(customers), np.bool_)
        riskiest[np.argsort(-risk, kind="stable")[:reasons]] = True
        for part in portions:
            who = customers[part]
            columns = [
                pa.array(timelines.ids(who), pa.string()),
                *(pa.array(each[part], from_pandas=True) for each in (risk, low, high)),
                scorer.bands(risk[part]),
                *scorer.value(who),
                scorer.reasons(who, riskiest[part]),
                scorer.recommendations(who, k),
                *scorer.groups(who),
            ]
            write(pa.table(columns, schema=schema))
            told("score customers", part)
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


@dataclass(frozen=True)
class _Scorer:
    """What a bundle says of portions of the customers."""

    bundle: Bundle
    timelines: Timelines
    catalog: Catalog
    at: int
    threads: int

    def risk(self, customers: _Places) -> npt.NDArray[np.float64]:
        """P(no order in the horizon) and the ends of its interval, shape (3, n)."""
        churn = self.bundle.churn
        if churn is None:
            return np.full((3, len(customers)), np.nan)
        found = churn.estimate(self._features(customers, churn.feature_names_), self.at)
        return np.array([found.probability, found.low, found.high])

    def bands(self, risk: npt.NDArray[np.float64]) -> pa.Array:
        """The name of each probability's band."""
        if self.bundle.churn is None:
            return pa.nulls(len(risk), pa.string())
        bands = self.bundle.churn.bands_
        return pa.array([bands.names[place] for place in bands.of(risk).tolist()], pa.string())

    def value(self, customers: _Places) -> list[pa.Array]:
        """Expected orders and spend, and when the next order is due."""
        value, kinds = self.bundle.value, [SCHEMA.field(name).type for name in VALUE]
        if value is None:
            return [pa.nulls(len(customers), kind) for kind in kinds]
        rows = self._features(customers, value.feature_names_)
        told, due = value.predict(rows, self.at), value.next_order(rows, self.at)
        known = np.isfinite(due.median)
        date = self.at + (np.where(known, due.median, 0.0) * DAY_MS).astype(np.int64)
        return [
            pa.array(told.orders),
            pa.array(told.spend, mask=np.isnan(told.spend)),
            pa.array(date, pa.int64(), mask=~known).cast(kinds[-1]),
        ]

    def reasons(self, customers: _Places, asked: npt.NDArray[np.bool_]) -> pa.Array:
        """Why the risk is what it is, of those asked for, shape (n,)."""
        out: list[list[dict[str, object]] | None] = [None] * len(customers)
        churn = self.bundle.churn
        if churn is not None and asked.any():
            features = self._features(customers[asked], churn.feature_names_)
            said = churn.explain(features, at=self.at)
            for place, found in zip(np.flatnonzero(asked).tolist(), said, strict=True):
                out[place] = [vars(reason) for reason in found]
        return pa.array(out, pa.list_(REASON))

    def groups(self, customers: _Places) -> tuple[pa.Array, pa.Array]:
        """Stage and persona."""
        personas = self.bundle.personas
        own = () if personas is None else personas.feature_names_
        values = self._features(customers, (*lifecycle.NAMES, *own))
        stages = lifecycle.stages(values[:, : len(lifecycle.NAMES)])
        labels = {stage.value: stage.label for stage in lifecycle.Stage}
        keys = pa.nulls(len(customers), pa.string())
        if personas is not None:
            names = [persona.key for persona in personas.personas_]
            places = personas.predict(values[:, len(lifecycle.NAMES) :])
            keys = pa.array([names[place] for place in places.tolist()], pa.string())
        return pa.array([labels[stage] for stage in stages.tolist()], pa.string()), keys

    def recommendations(self, customers: _Places, k: int) -> pa.Array:
        """Ids of products, best first."""
        kind = pa.list_(pa.string())
        if self.bundle.next_product is None:
            return pa.nulls(len(customers), kind)
        allowed = self.timelines.allowing(PERSONALISATION, self.at)[customers]
        ranked = np.full((len(customers), k), -1, np.int32)
        if k:
            ranked[allowed] = self.bundle.next_product.rank(
                self.timelines,
                customers[allowed],
                self.at,
                k,
                catalog=self.catalog,
                reference=self.bundle.reference,
            )
        ids = [
            [self.catalog.ids[product] for product in row if product >= 0] if personal else None
            for row, personal in zip(ranked.tolist(), allowed.tolist(), strict=True)
        ]
        return pa.array(ids, kind)

    def _features(self, customers: _Places, names: tuple[str, ...]) -> npt.NDArray[np.float32]:
        return named_features(
            self.timelines,
            customers,
            self.at,
            self.catalog,
            self.bundle.reference,
            names,
            threads=self.threads,
        )
