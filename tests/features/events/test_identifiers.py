"""The service and the importer read the same identifiers from what a shop sends or exports."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.events.event import Event, events_of
from features.events.identifiers import (
    BY_NAME,
    Reader,
    Rules,
    customer_ids,
    kind_of,
    reader_of,
)
from features.events.importer import import_tables
from features.events.log import EventLog
from features.events.mapping import Mapping
from features.events.validation import parse
from features.instants import instant
from features.settings import Settings
from features.timeline_build import timelines_of
from tests.features.conftest import moment

NOW = instant("2024-06-01")
READER = Reader(b"a shop's key", "GB")
AT = "2024-03-01T10:00:00"

TELLING: list[dict[str, Any]] = [
    {"user_id": "ada", "email": "Ada@Shop.Example", "phone": "020 7946 0018"},
    {"email": "ada@shop.example", "loyalty_card": "7421"},
    {"loyalty_card": "7421", "pos_account": "77"},
    {"anonymous_id": "x", "push_token": "t-1"},
    {"user_id": "null", "anonymous_id": "0000-0000", "email": "ben@shop.example"},
    {"user_id": "cleo", "email": "no address", "phone": "12"},
]


def imported(tmp_path: Path, log: EventLog) -> dict[str, Event]:
    names = [
        "user_id",
        "anonymous_id",
        "email",
        "phone",
        "loyalty_card",
        "pos_account",
        "push_token",
    ]
    rows = [
        {"event_id": f"e{n}", "event": "Cart Viewed", "timestamp": moment(AT)}
        | {name: told.get(name) for name in names}
        for n, told in enumerate(TELLING)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "events.parquet")
    select = {"files": ["events.parquet"], "produces": "events", "select": "SELECT * FROM events"}
    mapping = Mapping.model_validate(
        {"name": "test", "currency": "EUR", "legal_basis": "contract", "tables": {"events": select}}
    )
    import_tables(mapping, tmp_path, log, now=NOW, reader=READER)
    return {e.event_id: e for part in log.segments for e in events_of(pq.read_table(part))}


def sent(number: int, told: dict[str, Any]) -> Event:
    own = {"user_id": "userId", "anonymous_id": "anonymousId"}
    ids = {name: told[key] for key, name in own.items() if key in told}
    traits = {key: value for key, value in told.items() if key not in own}
    message = {"type": "track", "event": "Cart Viewed", "messageId": f"e{number}", **ids}
    context = {"context": {"traits": traits, "device": {"token": told.get("push_token")}}}
    return parse({**message, **context, "timestamp": AT}, instant(AT), reader=READER)


def test_a_row_of_a_table_and_a_message_name_the_same_person(tmp_path: Path, log: EventLog) -> None:
    rows = imported(tmp_path, log)
    for number, told in enumerate(TELLING):
        row, message = rows[f"e{number}"], sent(number, told)
        assert row.customer_ids == message.customer_ids, told
        assert row.marks == message.marks, told
    assert rows["e5"].marks == ("unread:email", "unread:phone")
    assert kind_of(rows["e4"].customer_id).name == "email", "null and zeros are nobody's id"


def test_imported_cards_and_addresses_make_one_timeline(tmp_path: Path, log: EventLog) -> None:
    imported(tmp_path, log)
    timelines = timelines_of(log)
    people = {
        name: int((timelines.customer(place).known_until > NOW).sum())
        for place, name in enumerate(timelines.ids())
    }
    assert people["ada"] == 3
    assert sum(people.values()) == len(TELLING)
    known = dict(zip(timelines.ids(), timelines.known.tolist(), strict=True))
    assert (known["anonymous:x"], known["ada"]) == (False, True)


def test_rules_that_change_make_the_timelines_anew(tmp_path: Path, log: EventLog) -> None:
    imported(tmp_path, log)
    assert np.isin("ada", timelines_of(log).ids())
    strict = Rules.of({"loyalty_card": {"blocked": ["7421"]}}, READER)
    changed = timelines_of(EventLog(log.path, rules=strict))
    assert len(changed.customer(changed.ids().index("ada")).until(NOW)) == 1


def test_the_key_is_made_once_and_hidden(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    first = hashed(reader_of(settings))
    assert hashed(reader_of(settings)) == first
    assert (tmp_path / "identity.key").stat().st_mode & 0o777 == 0o600
    other = Settings(data=tmp_path, identity_key="another")
    assert hashed(reader_of(other)) != first
    assert "another" not in repr(other)


def hashed(reader: Reader) -> str | None:
    return reader.one(BY_NAME["email"], "Ada@shop.example")


@pytest.mark.parametrize("spelling", ["a.d.a+shop@gmail.com", "ADA@googlemail.com"])
def test_gmails_spellings_are_one_mailbox(spelling: str) -> None:
    plain = Reader(plain=["email"])
    assert plain.one(BY_NAME["email"], spelling) == "email:ada@gmail.com"
    assert "email:a.d.a+shop@shop.example" in plain.find("a.d.a+shop@shop.example")


def test_the_strongest_identifier_comes_first() -> None:
    assert customer_ids("ada", "x", ["push:t", "card:1"]) == (
        "ada", "card:1", "anonymous:x", "push:t",
    )  # fmt: skip
