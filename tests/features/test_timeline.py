"""One customer's rows, in an order that does not depend on how they came in."""

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.timeline import COLUMNS, ROW, Timeline

rows = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from([0.0, 1.0, float("nan")]),
        st.integers(-1, 3),
        st.sampled_from([15, 80]),
        st.integers(0, 2),
    ),
    max_size=12,
)


def timeline(entries: list[tuple[int, int, float, int, int, int]]) -> Timeline:
    out = np.zeros(len(entries), ROW)
    for row, (at, late, value, product, kind, channel) in zip(out, entries, strict=True):
        row["at"], row["known_at"], row["value"] = at, at + late, value
        row["product"], row["type"], row["channel"] = product, kind, channel
    return Timeline.of(out)


def same(left: Timeline, right: Timeline) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)


@given(rows, st.randoms())
@settings(max_examples=100, deadline=None)
def test_the_order_of_arrival_does_not_matter(
    entries: list[tuple[int, int, float, int, int, int]], random: Random
) -> None:
    shuffled = entries.copy()
    random.shuffle(shuffled)
    same(timeline(entries), timeline(shuffled))


def test_an_orders_lines_stand_behind_it() -> None:
    one = timeline([(5, 0, 1.0, 2, 80, 1), (5, 0, float("nan"), -1, 15, 1), (5, 0, 0.0, 1, 80, 1)])
    assert one.type.tolist() == [15, 80, 80]
    assert one.product.tolist() == [-1, 1, 2]


def test_rows_appended_take_their_own_place_in_time() -> None:
    both = timeline([(1, 0, 1.0, 0, 80, 0), (3, 0, 1.0, 0, 80, 0)]).appended(
        timeline([(2, 0, 1.0, 0, 80, 0)]).rows()
    )
    assert both.at.tolist() == [1, 2, 3]


def test_another_numbering_orders_by_its_own_numbers() -> None:
    here = timeline([(1, 0, 1.0, 0, 80, 0), (1, 0, 1.0, 1, 80, 0)])
    there = here.with_products(np.array([7, 3], np.int32))
    assert there.product.tolist() == [3, 7]
    assert here.with_products(np.empty(0, np.int32)).product.tolist() == [-1, -1]
