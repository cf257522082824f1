"""A shop's past into the store: the event log's timelines, links, consents and products."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalog import Catalog
from features.columns import Columns as C
from features.consents import ConsentRules
from features.consents.of_log import statements
from features.errors import InputError
from features.events import engine
from features.events.lock import held
from features.events.log import EventLog
from features.events.schema import schema
from features.links import told_by
from features.timeline import Timelines
from features.timeline_build import build
from serving.feeds import fed, merged
from serving.store import HistoryPerson, Store

POSITION = "history"
"""The watermark's name: the fingerprint of the log that is loaded."""

CURRENCY = "currency"
"""The position that names the currency of the loaded history."""

PEOPLE_AT_ONCE = 2_000
"""Customers in one transaction: large enough to be fast, small enough to lose little."""

ROWS_AT_ONCE = 50_000
"""Event ids, products, links or consents in one transaction."""

FOLDER = "loading"
"""Below the log's folder: the sorted rows, until they are loaded."""

Progress = Callable[[str, int, int], None]
"""Told a stage's name, how many of it are done, and how many there are."""


@dataclass(frozen=True)
class Loaded:
    """What a load brought."""

    customers: int = 0
    """Customer ids, those of visitors among them."""
    rows: int = 0
    products: int = 0
    links: int = 0
    consents: int = 0
    own: int = 0
    """Events of the log that the store had taken in by itself; they are not loaded again."""
    already: bool = False
    """The same history was loaded before; nothing was to be done."""


def load(
    log: EventLog,
    store: Store,
    *,
    rules: ConsentRules | None = None,
    progress: Progress = lambda *_: None,
) -> Loaded:
    """Bring a log's history into the store, instead of the history loaded before.

    What the store took in by itself stays, and is not loaded again where the log has it too.
    First the ids are counted: from then on nothing that the log holds can come in as new, so
    that the store's own part of the log stands still. Then the customers are replaced one by
    one; each is whole at every moment. A load that was interrupted goes on where it stopped.
    Rows are kept under the id they came with: the store's links say whose they are, now and
    when later links change that. No timer is set: the past wakes nobody.

    Arguments:
        log: the history.
        store: where to.
        rules: what a consent banner's categories mean; the usual when not given.
        progress: told of every stage.

    Raises:
        InputError: the log is empty.
        StorageError: the log or the store cannot be read or written.
    """
    log = log.pinned()  # what is appended meanwhile is the next load's
    if not len(log):
        raise InputError(
            f"the event log {log.path} is empty; run `python -m training import` first, "
            "or name another with --log"
        )
    if store.position(POSITION) == log.fingerprint:
        return Loaded(already=True)
    with _scratch(log) as folder:
        own = _count(store, log, folder / "own.parquet", progress)
        catalog = log.catalog
        numbers = _products(store, catalog, progress)
        links = _links(store, log, progress)
        consents = _consents(store, log, folder, rules or ConsentRules(), progress)
        timelines = build(log, folder, linked=False, without=folder / "own.parquet")
        _people(store, log.fingerprint, timelines, numbers, progress)
        _bought(store, timelines, numbers)
        if log.manifest.currency is not None:
            store.put_position(CURRENCY, log.manifest.currency)
        store.put_position(POSITION, log.fingerprint)
        return Loaded(len(timelines), len(timelines.rows), len(catalog), links, consents, own)


@contextmanager
def _scratch(log: EventLog) -> Iterator[Path]:
    """A folder of this load's own, which a killed one may have left."""
    folder = log.path / FOLDER
    with engine.full_disk_said(folder):
        folder.mkdir(exist_ok=True)
        with held(folder):
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def _count(store: Store, log: EventLog, own: Path, progress: Progress) -> int:
    """Make the log's event ids known, but for the store's own, which go into the file `own`."""
    done = found = 0
    ids = pa.schema([log.dataset.schema.field(C.EVENT_ID)])
    with pq.ParquetWriter(own, ids) as writer:
        for batch in log.dataset.scanner(columns=ids.names).to_batches():
            for begin in range(0, len(batch), ROWS_AT_ONCE):
                part = batch.column(C.EVENT_ID).slice(begin, ROWS_AT_ONCE).to_pylist()
                ours = store.put_history_ids(part)
                if ours:
                    writer.write_table(pa.table([sorted(ours)], schema=ids))
                done, found = done + len(part), found + len(ours)
                progress("event ids", done, len(log))
    return found


def _products(store: Store, catalog: Catalog, progress: Progress) -> npt.NDArray[np.int32]:
    """Numbers of the log's products in the store's dictionary, by the log's index.

    What a feed told of a product stays.
    """
    feeds = fed(store)
    parts = [np.empty(0, np.int32)]
    for begin in range(0, len(catalog), ROWS_AT_ONCE):
        end = min(begin + ROWS_AT_ONCE, len(catalog))
        told = [catalog.product(i) for i in range(begin, end)]
        told = [merged(feeds[p.product_id], p) if p.product_id in feeds else p for p in told]
        parts.append(store.put_products(told))
        progress("products", end, len(catalog))
    return np.concatenate(parts)


def _links(store: Store, log: EventLog, progress: Progress) -> int:
    """Each link once, with the first instant it was known, and all rulings."""
    links, rulings = told_by(log)
    for begin in range(0, len(links), ROWS_AT_ONCE):
        store.put_links(links[begin : begin + ROWS_AT_ONCE])
        progress("links", min(begin + ROWS_AT_ONCE, len(links)), len(links))
    store.put_links([], rulings)
    return len(links)


def _consents(
    store: Store, log: EventLog, folder: Path, rules: ConsentRules, progress: Progress
) -> int:
    told = [(said.consent.customer_id, said.consent) for said in statements(log, folder, rules)]
    for begin in range(0, len(told), ROWS_AT_ONCE):
        store.put_consents(told[begin : begin + ROWS_AT_ONCE])
        progress("consents", min(begin + ROWS_AT_ONCE, len(told)), len(told))
    return len(told)


def _people(
    store: Store,
    fingerprint: str,
    timelines: Timelines,
    numbers: npt.NDArray[np.int32],
    progress: Progress,
) -> None:
    """Replace the customers' rows, from where an interrupted load of this log stopped."""
    begin = store.history_position(fingerprint)
    for start in range(begin, len(timelines), PEOPLE_AT_ONCE):
        end = min(start + PEOPLE_AT_ONCE, len(timelines))
        bounds = timelines.offsets[start : end + 1]
        rows = timelines.part(int(bounds[0]), int(bounds[-1])).rows()
        named = rows["product"] >= 0
        rows["product"][named] = numbers[rows["product"][named]]
        people = [
            HistoryPerson(name, rows[first:last].tobytes())
            for name, first, last in zip(
                timelines.ids(slice(start, end)),
                (bounds[:-1] - bounds[0]).tolist(),
                (bounds[1:] - bounds[0]).tolist(),
                strict=True,
            )
        ]
        store.put_history(fingerprint, end, people)
        progress("customers", end, len(timelines))


def _bought(store: Store, timelines: Timelines, numbers: npt.NDArray[np.int32]) -> None:
    rows = timelines.rows
    lines = rows.product[(rows.type == schema().code("Order Line")) & (rows.product >= 0)]
    counts = np.bincount(lines, minlength=len(numbers))
    store.put_bought({int(numbers[i]): int(counts[i]) for i in np.flatnonzero(counts)})
