"""Events and scores past their period, out of the store; the log's go at its compaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from features.events.retention import IMPRESSIONS, SCORES, Retention
from serving.store import Store

POSITION = "retain"
"""How far an interrupted run has come through the people; empty when none is."""

EVENTS_AT_ONCE = 5_000
"""Events in one transaction: others' writes wait for some tens of milliseconds."""

PEOPLE_AT_ONCE = 1_000

Progress = Callable[[str, int, int], None]
"""Told a stage's name, how much of it is done, and how much there is as far as is known."""


@dataclass(frozen=True)
class Retained:
    """What has gone."""

    events: int
    """Events, with everything they said."""
    rows: int
    """Rows of timelines."""
    scores: int
    """Churn probabilities that were served."""
    impressions: int
    """Lists of recommendations that were shown."""


def retain(
    store: Store, retention: Retention, now: int, *, progress: Progress = lambda *_: None
) -> Retained:
    """Delete the store's events and scores that are past their period.

    Their rows stay in the timelines as numbers, or go too, as the setting says; where the number
    stands for a text they go in any case. Their ids stay
    counted, so that a client's late retry is no new event. May be interrupted and run again: what
    is done is done, and timelines are gone on with where it stopped.

    Raises:
        StorageError: the store refused; what was done stays done.
    """
    events = 0
    cutoffs = retention.cutoffs(now)
    while gone := store.age_events(cutoffs, limit=EVENTS_AT_ONCE):
        events += gone
        progress("events", events, events if gone < EVENTS_AT_ONCE else events + EVENTS_AT_ONCE)
    rows = 0
    if row_cutoffs := retention.row_cutoffs(now):
        rows = _rows(store, row_cutoffs, progress)
    scores = _aged(SCORES, store.age_scores, retention, now, progress)
    impressions = _aged(IMPRESSIONS, store.age_impressions, retention, now, progress)
    return Retained(events, rows, scores, impressions)


def _aged(
    what: str, age: Callable[..., int], retention: Retention, now: int, progress: Progress
) -> int:
    total, before = 0, retention.cutoff_of(what, now)
    while before is not None and (gone := age(before, limit=EVENTS_AT_ONCE)):
        total += gone
        progress(what, total, total if gone < EVENTS_AT_ONCE else total + EVENTS_AT_ONCE)
    return total


def _rows(store: Store, cutoffs: Mapping[int, int], progress: Progress) -> int:
    after: int | None = int(store.position(POSITION) or -1)
    total = people = 0
    while after is not None:
        after, gone = store.age_rows(cutoffs, after=after, limit=PEOPLE_AT_ONCE)
        store.put_position(POSITION, "" if after is None else str(after))
        total, people = total + gone, people + PEOPLE_AT_ONCE
        progress("people", people, people if after is None else people + PEOPLE_AT_ONCE)
    return total
