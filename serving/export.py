"""What the store took in by itself, out to the event log: every event once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor

import pyarrow as pa

from features.columns import Columns as C
from features.events.aside import Aside
from features.events.event import table_of
from features.events.impressions import SCHEMA as IMPRESSIONS
from features.events.impressions import Impressions
from features.events.log import EventLog
from features.events.manifest import Segment
from features.events.served import SCHEMA as SCORES
from features.events.served import Served
from serving.feeds import fed, merged
from serving.store import Store

POSITION = "export"
"""The watermark's name: the last exported event's sequence, and what the log then held."""

SCORES_POSITION = "export scores"
"""The same of what was served: the last exported score's sequence, and the file it is in."""

EVENTS_AT_ONCE = 200_000
"""Events in one segment of the log; as Arrow they take some tens of megabytes. Scores likewise."""

IMPRESSIONS_POSITION = "export impressions"
"""The same of the lists that were shown."""

LISTS_AT_ONCE = 20_000
"""Lists in one file, of ten products or so each."""

PAGE_EVENTS = 10_000
"""Events read from the store at a time."""

Progress = Callable[[str, int, int], None]
"""Told a stage's name, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Exported:
    """What an export brought."""

    events: int
    known: int
    """Events that the log had already."""
    products: int
    """Products that are new to the log's catalogue or told of anew."""
    scores: int = 0
    """Scores that were served, new beside the log."""
    impressions: int = 0
    """Products in lists that were shown, likewise."""


def export(store: Store, log: EventLog, *, progress: Progress = lambda *_: None) -> Exported:
    """Append the store's own events to a log, and what the store knows of products.

    The log takes an event id once. The watermark is therefore only moved after the log has the
    events: an export that is killed in between appends nothing twice when it is run again.
    Another log, be it new, made anew or an older copy, is filled from the beginning.

    What was served comes along in the same way, into the folder beside the log.

    Products come along with what the store knows of them: over what the log says where a feed
    told of them, else only where the log says nothing.

    Raises:
        StorageError: the log or the store cannot be read or written, or another process is
            writing the log.
    """
    begin = done = _watermark(store, log)
    end = max((stored.sequence for stored in store.events(limit=1)), default=begin)
    listed = set(log.catalog.ids)
    events = known = 0
    while portion := _portion(store, done):
        table, done = portion
        appended = log.append(table)
        store.put_position(POSITION, f"{done} {_held(log.manifest.segments)}")
        events, known = events + appended.accepted, known + appended.duplicates
        progress("events", done - begin, max(end, done) - begin)
    described = _describe(store, log)
    products = len(described | (set(log.catalog.ids) - listed))
    scores = _aside("scores", Served, _scores, SCORES_POSITION, store, log, progress)
    shown = _aside(
        "impressions", Impressions, _impressions, IMPRESSIONS_POSITION, store, log, progress
    )
    return Exported(events, known, products, scores, shown)


def _watermark(store: Store, log: EventLog) -> int:
    """The sequence up to which this log has the store's events; 0 when it is another log."""
    sequence, _, held = (store.position(POSITION) or "0").partition(" ")
    segments = log.manifest.segments
    count = int(held.partition(" ")[0] or 0)
    # logs only grow: one that begins with what was there then is the one that was exported to
    return int(sequence) if held == _held(segments[:count]) else 0


def _held(segments: Sequence[Segment]) -> str:
    """How many segments, and a hash of their events."""
    return f"{len(segments)} {reduce(xor, (segment.origin for segment in segments), 0)}"


def _portion(store: Store, sequence: int) -> tuple[pa.Table, int] | None:
    """The next events and the last one's sequence; None when there are no more."""
    pages: list[pa.Table] = []
    while sum(map(len, pages)) < EVENTS_AT_ONCE:
        page = store.events_after(sequence, PAGE_EVENTS)
        if not page:
            break
        pages.append(table_of(stored.event for stored in page))
        sequence = page[-1].sequence
    return (pa.concat_tables(pages), sequence) if pages else None


def _aside(
    what: str,
    kind: type[Aside],
    portion: Callable[[Store, int], tuple[pa.Table, int] | None],
    position: str,
    store: Store,
    log: EventLog,
    progress: Progress,
) -> int:
    """Add what is kept beside a log to its folder; how many rows are new there.

    `portion` gives the rows after a sequence, and the last one's.
    """
    aside = kind.beside(log.path, log.erasures, threads=log.threads)
    sequence, _, file = (store.position(position) or "0").partition(" ")
    done, new = int(sequence) if aside.has(file) else 0, 0
    while found := portion(store, done):
        table, done = found
        count, file = aside.append(table)
        new += count
        store.put_position(position, f"{done} {file}")
        progress(what, new, new)
    return new


def _scores(store: Store, after: int) -> tuple[pa.Table, int] | None:
    page = store.scores_after(after, EVENTS_AT_ONCE)
    if not page:
        return None
    names = ["at" if name == C.INSTANT else name for name in SCORES.names]
    columns = [[getattr(score, name) for score in page] for name in names]
    return pa.table(columns, schema=SCORES), page[-1].sequence


def _impressions(store: Store, after: int) -> tuple[pa.Table, int] | None:
    page = store.impressions_after(after, LISTS_AT_ONCE)
    if not page:
        return None
    rows = [
        (
            one.recommendation_id,
            one.customer_id,
            one.placement,
            position,
            product_id,
            propensity,
            score,
            one.version,
            one.at,
        )
        for one in page
        for position, (product_id, score, propensity) in enumerate(one.items, start=1)
    ]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(IMPRESSIONS)
    return pa.table(columns, schema=IMPRESSIONS), page[-1].sequence


def _describe(store: Store, log: EventLog) -> set[str]:
    """Enter what the store knows of products into the log's catalogue; those that changed."""
    ours = store.products()
    feeds = fed(store)
    with log.transaction() as changes:
        listed = changes.catalog
        news = []
        for product in ours:
            place = listed.index.get(product.product_id)
            if place is None:
                news.append(product)
                continue
            theirs = listed.product(place)
            by_feed = product.product_id in feeds
            told = merged(product, theirs) if by_feed else merged(theirs, product)
            if told != theirs:
                news.append(told)
        if news:
            changes.save_catalog(listed.extended(news))
    return {product.product_id for product in news}
