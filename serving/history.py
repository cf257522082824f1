"""A shop's past into the store: the event log's timelines, links, consents and products."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from features.catalog import Catalog
from features.columns import Columns as C
from features.errors import InputError
from features.events.event import LOG_SCHEMA, events_of
from features.events.log import EventLog
from features.events.schema import schema
from features.identity import Link, customer_id
from features.timeline import FOREVER, Timelines
from features.timeline_build import timelines_of
from serving.consent import CONSENT_EVENTS, consents_of
from serving.store import HistoryPerson, Store

PEOPLE_AT_ONCE = 2_000
"""Customers in one transaction: large enough to be fast, small enough to lose little."""

ROWS_AT_ONCE = 50_000
"""Products, links or consents in one transaction."""

Progress = Callable[[str, int, int], None]
"""Told a stage's name, how many of it are done, and how many there are."""


@dataclass(frozen=True)
class Loaded:
    """What a load brought."""

    customers: int
    rows: int
    products: int
    links: int
    consents: int
    already: bool
    """The same history was loaded before; nothing was to be done."""


def load(log: EventLog, store: Store, *, progress: Progress = lambda *_: None) -> Loaded:
    """Bring a log's history into the store, instead of the history loaded before.

    What the store took in by itself stays. Customers are loaded in portions, so that a load
    that was interrupted goes on where it stopped. No timer is set: the past wakes nobody.

    Raises:
        InputError: the log is empty.
        StorageError: the log or the store cannot be read or written.
    """
    if not len(log):
        raise InputError(
            f"the event log {log.path} is empty; run `python -m training import` first, "
            "or name another with --log"
        )
    timelines = _current(timelines_of(log))
    catalog = log.catalog
    begin = store.history_position(log.fingerprint)
    already = begin >= len(timelines)
    links = consents = 0
    if not already:
        numbers = _products(store, catalog, progress)
        links = _links(store, log, progress)
        consents = _consents(store, log, progress)
        _people(store, log.fingerprint, timelines, numbers, begin, progress)
        _bought(store, timelines, numbers)
    return Loaded(len(timelines), len(timelines.rows), len(catalog), links, consents, already)


def _current(timelines: Timelines) -> Timelines:
    """Everyone as they are known to be now: what a login moved stands with the user alone."""
    stays = timelines.rows.known_until == FOREVER
    owner = np.repeat(np.arange(len(timelines)), np.diff(timelines.offsets))[stays]
    counts = np.bincount(owner, minlength=len(timelines))
    some = counts > 0
    return Timelines(
        customers=timelines.customers[some],
        known=timelines.known[some],
        offsets=np.concatenate([[0], np.cumsum(counts[some])]).astype(np.int64),
        rows=timelines.rows.until(FOREVER - 1),
    )


def _products(store: Store, catalog: Catalog, progress: Progress) -> npt.NDArray[np.int32]:
    """Numbers of the log's products in the store's dictionary, by the log's index."""
    parts = [np.empty(0, np.int32)]
    for begin in range(0, len(catalog), ROWS_AT_ONCE):
        end = min(begin + ROWS_AT_ONCE, len(catalog))
        parts.append(store.put_products([catalog.product(i) for i in range(begin, end)]))
        progress("products", end, len(catalog))
    return np.concatenate(parts)


def _links(store: Store, log: EventLog, progress: Progress) -> int:
    """Each link once, with the first instant it was known."""
    columns = [C.USER_ID, C.ANONYMOUS_ID, C.RECEIVED_AT]
    both = pc.field(C.USER_ID).is_valid() & pc.field(C.ANONYMOUS_ID).is_valid()
    batches = _events(log).scanner(columns=columns, filter=both).to_batches()
    parts = [_first(pa.Table.from_batches([batch])) for batch in batches if len(batch)]
    if not parts:
        return 0
    links = [Link(*row.values()) for row in _first(pa.concat_tables(parts)).to_pylist()]
    for begin in range(0, len(links), ROWS_AT_ONCE):
        store.put_links(links[begin : begin + ROWS_AT_ONCE])
        progress("links", min(begin + ROWS_AT_ONCE, len(links)), len(links))
    return len(links)


def _consents(store: Store, log: EventLog, progress: Progress) -> int:
    codes = [schema().code(name) for name in CONSENT_EVENTS]
    table = _events(log).to_table(filter=pc.field(C.TYPE).isin(codes))
    told = [
        (customer_id(event.user_id, event.anonymous_id), consent)
        for event in events_of(table)
        if event.user_id is not None or event.anonymous_id is not None
        for consent in consents_of(event)
    ]
    for begin in range(0, len(told), ROWS_AT_ONCE):
        store.put_consents(told[begin : begin + ROWS_AT_ONCE])
        progress("consents", min(begin + ROWS_AT_ONCE, len(told)), len(told))
    return len(told)


def _people(
    store: Store,
    fingerprint: str,
    timelines: Timelines,
    numbers: npt.NDArray[np.int32],
    begin: int,
    progress: Progress,
) -> None:
    for start in range(begin, len(timelines), PEOPLE_AT_ONCE):
        end = min(start + PEOPLE_AT_ONCE, len(timelines))
        people = [
            HistoryPerson(name, timelines.customer(i).with_products(numbers).to_bytes())
            for i, name in zip(range(start, end), timelines.ids(slice(start, end)), strict=True)
        ]
        store.put_history(fingerprint, end, people)
        progress("customers", end, len(timelines))


def _bought(store: Store, timelines: Timelines, numbers: npt.NDArray[np.int32]) -> None:
    rows = timelines.rows
    lines = rows.product[(rows.type == schema().code("Order Line")) & (rows.product >= 0)]
    counts = np.bincount(lines, minlength=len(numbers))
    store.put_bought({int(numbers[i]): int(counts[i]) for i in np.flatnonzero(counts)})


def _events(log: EventLog) -> ds.Dataset:
    return ds.dataset([str(path) for path in log.segments], schema=LOG_SCHEMA, format="parquet")


def _first(links: pa.Table) -> pa.Table:
    """One row per pair of ids, with the earliest instant, as int64."""
    grouped = links.group_by([C.USER_ID, C.ANONYMOUS_ID]).aggregate([(C.RECEIVED_AT, "min")])
    earliest = grouped[f"{C.RECEIVED_AT}_min"].cast(pa.int64())
    return pa.table(
        [grouped[C.USER_ID], grouped[C.ANONYMOUS_ID], earliest],
        names=[C.USER_ID, C.ANONYMOUS_ID, C.RECEIVED_AT],
    )
