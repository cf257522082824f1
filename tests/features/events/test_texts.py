import duckdb
from hypothesis import example, given
from hypothesis import strategies as st

from features.events import texts
from features.events.event import Event
from features.events.validation import parse


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
@example("TÜRKİYE")
@example("DE\t")
def test_sql_gives_the_number_that_python_gives(text: str) -> None:
    [(found,)] = duckdb.execute(f"SELECT {texts.number_sql('$1')}", [text]).fetchall()
    assert found == texts.number(text)
    assert 0 <= found < 2**24


def test_case_and_blanks_make_no_difference() -> None:
    assert texts.number(" United Kingdom ") == texts.number("united kingdom")
    assert len({texts.number(name) for name in ("DE", "FR", "GB", "Österreich")}) == 4


def test_where_a_customer_says_they_are_from_stands_in_the_timeline() -> None:
    said = {"type": "identify", "userId": "ann", "messageId": "m", "traits": {"country": "DE"}}
    event = parse({**said, "timestamp": "2026-01-01T00:00:00Z"}, 1_800_000_000_000)
    assert isinstance(event, Event)
    assert event.measure == texts.number("de")
