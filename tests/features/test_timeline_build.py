"""Timelines from the log: the right rows, in the right order, as the service makes them."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.events.event import INSTANT, Event, Line, events_of, table_of
from features.events.log import EventLog
from features.events.schema import schema
from features.events.validation import rows
from features.identity import links_of, resolve
from features.instants import DAY_MS, instant
from features.timeline import COLUMNS, FOREVER, LAYOUT, Timeline, Timelines
from features.timeline_build import build, form, timelines_of

CODES = {e.name: e.code for e in schema().events}


def stored(log: EventLog) -> list[Event]:
    return [e for path in log.segments for e in events_of(pq.read_table(path))]


def replayed(events: list[Event], index: dict[str, int]) -> Timelines:
    """The timelines by way of `rows`, one event after another."""
    links = [link for e in events for link in links_of(e.customer_ids, e.received_at)]
    owned = resolve(links).at(FOREVER - 1)
    parts: dict[str, list[Any]] = defaultdict(list)
    for e in sorted(events, key=lambda e: (e.timestamp, e.event_id.encode())):
        span = owned.get(e.customer_id)
        owner = e.customer_id if span is None else span.owner
        known_at = e.received_at if span is None else max(e.received_at, span.since)
        parts[owner].append(rows(e, index, known_at=known_at))
    return Timelines.of(
        [(person, Timeline.of(np.concatenate(of))) for person, of in parts.items()],
        known=[not person.startswith("anonymous:") for person in parts],
    )


def assert_same(left: Timelines, right: Timelines) -> None:
    assert left.ids() == right.ids()
    np.testing.assert_array_equal(left.known, right.known)
    np.testing.assert_array_equal(left.offsets, right.offsets)
    for name in COLUMNS:
        ours, theirs = getattr(left.rows, name), getattr(right.rows, name)
        assert ours.dtype == theirs.dtype == LAYOUT[name]
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


def seen(timelines: Timelines, at: int) -> dict[str, list[tuple[object, ...]]]:
    """Who is known at an instant, and what of them."""
    columns = [name for name in COLUMNS if not name.startswith("known_")]
    people = {
        customer: timelines.customer(place).until(at)
        for place, customer in enumerate(timelines.ids())
    }
    return {
        customer: [
            tuple(repr(getattr(rows, name)[i]) for name in columns) for i in range(len(rows))
        ]
        for customer, rows in people.items()
        if len(rows)
    }


def test_a_shop_replayed_event_by_event_gives_the_same_rows(shop_log: EventLog) -> None:
    built = timelines_of(shop_log)
    replay = replayed(stored(shop_log), shop_log.catalog.index)

    assert seen(built, FOREVER - 1) == seen(replay, FOREVER - 1)
    assert list(seen(built, FOREVER - 1)) == ["ada", "ben"]


def test_an_order_is_followed_by_its_lines(shop_log: EventLog) -> None:
    ada = timelines_of(shop_log).customer(0)
    place = int(np.argmax(ada.type == CODES["Order Completed"]))
    rows_of_order = ada.rows()[place : place + 3]

    assert rows_of_order["type"].tolist() == [
        CODES["Order Completed"], CODES["Order Line"], CODES["Order Line"],
    ]  # fmt: skip
    assert rows_of_order["product"].tolist() == [-1, 2, 0]  # the cheaper line first
    assert rows_of_order["value"].tolist() == [12.5, 5.0, 8.0]
    assert rows_of_order["quantity"].tolist() == [3.0, 2.0, 1.0]
    assert rows_of_order["measure"].tolist() == [0.5, 2.5, 8.0]
    assert rows_of_order["channel"].tolist() == [1, 1, 1]


def test_a_visitors_events_are_the_users_since_they_are_linked(shop_log: EventLog) -> None:
    built = timelines_of(shop_log)
    login = instant("2024-03-02T08:00")
    visitor, ben = (
        built.customer(int(place)) for place in built.index(["anonymous:phone-1", "ben"])
    )

    assert ben.at[0] == visitor.at[0] == instant("2024-03-01T08:00")
    assert ben.known_at[0] == visitor.known_until[0] == login
    assert (len(ben.until(login - 1)), len(ben.until(login + 1))) == (0, 4)
    assert (len(visitor.until(login - 1)), len(visitor.until(login))) == (3, 0)


def test_a_shared_tablet_stays_a_person_of_its_own(log: EventLog) -> None:
    log.append(
        table_of(
            [
                visit("a", 1, user_id="ada", anonymous_id="tablet"),
                visit("b", 2, user_id="ben", anonymous_id="tablet"),
                visit("c", 3, anonymous_id="tablet"),
            ]
        )
    )
    built = timelines_of(log)

    assert built.ids() == ["ada", "anonymous:tablet", "ben"]
    assert built.known.tolist() == [True, False, True]


def test_a_later_login_of_somebody_else_does_not_change_the_past(log: EventLog) -> None:
    past = [
        visit("a", 1, anonymous_id="tablet"),
        visit("b", 2, user_id="ada", anonymous_id="tablet"),
    ]
    log.append(table_of(past))
    known = seen(timelines_of(log), 3 * DAY_MS)
    log.append(table_of([visit("c", 5, user_id="ben", anonymous_id="tablet")]))

    assert len(known["ada"]) == 2
    assert seen(timelines_of(log), 3 * DAY_MS) == known
    now = seen(timelines_of(log), 6 * DAY_MS)
    assert {who: len(rows) for who, rows in now.items()} == {
        "ada": 1,
        "anonymous:tablet": 1,
        "ben": 1,
    }


def visit(event_id: str, day: int, **fields: Any) -> Event:
    return Event(
        event_id=event_id,
        type=CODES["Store Visited"],
        name="Store Visited",
        timestamp=day * DAY_MS,
        received_at=day * DAY_MS,
        channel="store",
        **fields,
    )


def test_a_bots_events_are_in_the_log_and_in_nobodys_timeline(log: EventLog) -> None:
    bot = {"marks": ("bot", "clock"), "user_id": "ada"}
    events = [
        visit("a", 1, user_id="ada"),
        visit("b", 2, **bot),
        visit("c", 3, anonymous_id="phone"),
        visit("d", 4, anonymous_id="phone", **bot),
        visit("e", 5, marks=("clock",), anonymous_id="phone"),
        visit("f", 6, marks=("bot",), anonymous_id="crawler"),
    ]
    log.append(table_of(events))
    built = timelines_of(log)

    assert sorted(stored(log), key=lambda e: e.event_id) == events
    assert built.ids() == ["ada", "anonymous:phone"], "a bot ties no ids"
    assert (built.customer(0).at // DAY_MS).tolist() == [1]
    assert (built.customer(1).at // DAY_MS).tolist() == [3, 5]
    assert [len(rows(e, {})) for e in events] == [1, 0, 1, 0, 1, 0]


def test_segments_from_before_there_were_marks_are_read(log: EventLog) -> None:
    log.append(table_of([visit("a", 1, user_id="ada")]))
    [segment] = log.segments
    older = pq.read_table(segment).drop_columns("marks")
    pq.write_table(older, segment)

    assert stored(log) == [visit("a", 1, user_id="ada")]
    assert len(timelines_of(log).rows) == 1
    log.append(table_of([visit("b", 2, user_id="ada", marks=("bot",))]))
    assert len(timelines_of(log).rows) == 1
    assert len(log) == 2


def test_one_customer_alone_has_timelines(log: EventLog) -> None:
    log.append(table_of([visit("only", 1, user_id="ada")]))
    built = timelines_of(log)

    assert (built.ids(), built.offsets.tolist(), len(built.rows)) == (["ada"], [0, 1], 1)


def test_an_empty_log_has_timelines_of_nobody(log: EventLog) -> None:
    built = timelines_of(log)

    assert (len(built), built.offsets.tolist(), len(built.rows)) == (0, [0], 0)


def test_timelines_are_built_once_per_content(log: EventLog) -> None:
    log.append(table_of([visit("a", 1, user_id="ada")]))
    timelines_of(log)
    [folder] = (path for path in (log.path / "timelines").iterdir() if path.is_dir())
    built_at = (folder / "at.npy").stat().st_mtime_ns
    timelines_of(log)
    assert (folder / "at.npy").stat().st_mtime_ns == built_at

    log.append(table_of([visit("b", 2, user_id="ada")]))
    assert len(timelines_of(log).rows) == 2
    assert [path.name for path in (log.path / "timelines").iterdir() if path.is_dir()] == [
        f"{log.fingerprint}-{form(log)}"
    ]


names = st.sampled_from(
    ["Product Viewed", "Product Added", "Order Completed", "Order Refunded", "Points Expiring"]
)
number = st.none() | st.floats(0, 1e6, width=32)
product = st.sampled_from(["pot", "seeds", "unlisted"])
lines = st.lists(
    st.builds(Line, product_id=product, quantity=st.floats(0, 9), price=number),
    min_size=1,
    max_size=3,
).map(tuple)


@st.composite
def some_events(draw: st.DrawFn) -> list[Event]:
    events = []
    for place in range(draw(st.integers(1, 12))):
        name = draw(names)
        user_id = draw(st.sampled_from([None, "ada", "ben", "zoë"]))
        anonymous = st.sampled_from(["phone", "tablet"])
        events.append(
            Event(
                event_id=f"e{place}",
                type=CODES[name],
                name=name,
                timestamp=DAY_MS + draw(st.integers(0, 3)),
                received_at=DAY_MS + draw(st.integers(0, 9)),
                user_id=user_id,
                anonymous_id=draw(anonymous if user_id is None else st.none() | anonymous),
                channel=draw(st.sampled_from(["web", "app", "other"])),
                product_id=draw(st.none() | product),
                value=draw(number),
                quantity=draw(number),
                measure=draw(number),
                products=draw(st.none() | lines),
            )
        )
    return events


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=some_events(), cut=st.integers(0, 12), later=st.integers(0, 10))
def test_at_every_instant_built_is_what_replaying_until_then_gives(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], cut: int, later: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = EventLog(folder / "log")
    for portion in (events[cut:], events[:cut]):
        log.append(table_of(portion))

    built = build(log, folder / "timelines")
    at = DAY_MS + later
    known = [event for event in stored(log) if event.received_at <= at]

    assert seen(built, at) == seen(replayed(known, log.catalog.index), at)
    assert_same(build(EventLog(log.path, threads=1), folder / "again"), built)


def test_sorting_spills_to_disk_rather_than_hold_the_log(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log", memory="60MB", threads=1)
    one = table_of([visit("a", 1, user_id="ada")])
    many = pa.concat_tables([one] * 100_000).combine_chunks()
    numbers = np.arange(len(many))
    for column, values in (
        ("event_id", [f"{n * 7919 % len(many):036d}" for n in numbers]),
        ("user_id", [f"user-{n % 997}" for n in numbers]),
        ("timestamp", pa.array(numbers * DAY_MS % 86_399_999 + DAY_MS).cast(INSTANT)),
    ):
        place = many.schema.get_field_index(column)
        many = many.set_column(place, many.schema.field(place), [values])
    log.append(many)

    built = build(log, tmp_path / "timelines")

    assert len(built.rows) == 100_000
    assert np.all(np.diff(built.customer(0).at) >= 0)
    assert not (tmp_path / "timelines" / ".spill").exists()


def test_products_unknown_to_the_index_are_minus_one() -> None:
    order = replace(
        visit("a", 1, user_id="ada"),
        type=CODES["Order Completed"],
        products=(Line("gone", 1.0, 1.0),),
    )

    assert rows(order, {})["product"].tolist() == [-1, -1]


def test_numbers_that_a_row_cannot_hold_are_absent_alike(log: EventLog) -> None:
    """Older logs hold amounts that the event schema no longer takes."""
    lines = (Line("pot", 1e200, 1e200), Line("pot", 1e39, 1.0), Line("pot", 2.0, 3.0))
    events = [
        visit("a", 1, user_id="ada", value=1e39, quantity=-1e300, measure=np.inf),
        visit("b", 2, user_id="ada", value=1e30),
        replace(visit("c", 3, user_id="ada", products=lines), type=CODES["Order Completed"]),
    ]
    log.append(table_of(events))

    built = timelines_of(log)
    assert_same(built, replayed(events, log.catalog.index))
    assert np.isfinite(built.rows.value).sum() == 2
    assert not np.isinf(built.rows.measure).any()
