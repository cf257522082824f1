import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.definitions.feature import SESSION_GAP_MS
from models.next_product.looks import Looks, Sessions

MINUTE = 60_000


def looks(*customers: list[tuple[int, int]]) -> Looks:
    """Of each customer the minute and the product of every look."""
    return Looks(
        np.cumsum([0, *(len(each) for each in customers)]),
        np.array([product for each in customers for _, product in each], np.int32),
        np.array([minute * MINUTE for each in customers for minute, _ in each], np.int64),
    )


def as_lists(sessions: Sessions) -> list[list[int]]:
    return [sessions.of(s).tolist() for s in range(len(sessions))]


def test_half_an_hour_of_silence_ends_a_session() -> None:
    sessions = looks([(0, 1), (30, 2), (61, 3)]).sessions()
    assert as_lists(sessions) == [[1, 2], [3]]
    assert sessions.began_at.tolist() == [0, 61 * MINUTE]


def test_a_session_is_one_customer_s() -> None:
    sessions = looks([(0, 1)], [], [(1, 2), (2, 3)]).sessions()
    assert as_lists(sessions) == [[1], [2, 3]]
    assert sessions.row.tolist() == [0, 2]


def test_the_same_product_twice_running_is_one_step() -> None:
    sessions = looks([(0, 1), (1, 1), (2, 2), (3, 1), (90, 1), (91, 1)]).sessions()
    assert as_lists(sessions) == [[1, 2, 1], [1]]


def test_sessions_may_be_taken_in_another_order() -> None:
    sessions = looks([(0, 1), (1, 2), (90, 3)], [(5, 4)]).sessions()
    taken = sessions.taken(np.array([2, 0]))
    assert as_lists(taken) == [[4], [1, 2]]
    assert taken.row.tolist() == [1, 0]
    assert as_lists(sessions.taken(np.empty(0, np.int64))) == []


def test_there_may_be_none() -> None:
    assert len(Sessions.none()) == len(looks([], []).sessions()) == 0


histories = st.lists(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3)), max_size=12).map(sorted), max_size=4
)


@given(histories)
def test_sessions_are_what_one_after_another_would_find(
    customers: list[list[tuple[int, int]]],
) -> None:
    expected: list[list[int]] = []
    for each in customers:
        last = None
        for minute, product in each:
            if last is None or (minute - last) * MINUTE > SESSION_GAP_MS:
                expected.append([])
            if expected[-1][-1:] != [product]:
                expected[-1].append(product)
            last = minute
    found = looks(*customers)
    assert as_lists(found.sessions()) == expected
    apart = [found.part(i, i + 1).sessions() for i in range(len(customers))]
    assert [session for each in apart for session in as_lists(each)] == expected
