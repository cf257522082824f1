"""A person of whom everything is kept, and their erasure."""

import json
from dataclasses import replace

import numpy as np
from sqlalchemy import create_engine, inspect

from features.timeline import ROW
from serving.settings import ServingSettings
from serving.store import (
    Consent,
    HistoryPerson,
    Impression,
    Incoming,
    Receipt,
    Rejected,
    Score,
    Store,
    Timer,
)
from tests.contracts.events import MINUTE, NOON, decision, ordered, viewed

LATER = NOON + 60 * MINUTE


def erase(store: Store, customer_id: str, at: int = LATER, **more) -> Receipt:
    told = {"who": "the officer", "why": "asked by letter"} | more
    return store.erase(customer_id, clock=lambda: at, **told)


def everything(settings: ServingSettings) -> str:
    """Every table as text."""
    address = settings.store.replace("postgresql", "postgresql+psycopg")
    engine = create_engine(address or f"sqlite:///{settings.store_file}")
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        held = {t: connection.exec_driver_sql(f"SELECT * FROM {t}").all() for t in tables}
    engine.dispose()
    return json.dumps(held, default=str, ensure_ascii=False)


def rejected(message: object, number: int = 1) -> Rejected:
    return Rejected(f"m{number}", NOON, "price", "bad", json.dumps(message, ensure_ascii=False))


def live(store: Store, user: str, visitor: str) -> None:
    """Everything that may be kept of a person."""
    consent = Consent("marketing", "email", "granted", NOON, f"{user}-2")
    timer = Timer("stalled_checkout", NOON, NOON + MINUTE)
    store.append(
        [
            Incoming(viewed(f"{user}-1", visitor=visitor)),
            Incoming(viewed(f"{user}-2", user=user, visitor=visitor), (consent,), (timer,)),
            Incoming(ordered(f"{user}-3", user, "tea", "pot")),
        ],
        [
            replace(rejected(message), message_id=f"{user}-{number}")
            for number, message in enumerate(({"userId": user}, {"context": {"ids": [visitor]}}))
        ],
    )
    store.record(decision(f"d-{user}", user, inputs_at=NOON))
    store.record(decision(f"d-{visitor}", f"anonymous:{visitor}", inputs_at=NOON))
    store.put_scores([Score(user, "7", NOON + 1, 90, 0.5)])
    store.put_impressions([Impression(f"rec_{user}", user, NOON + 1, "home", "7", ())])
    rows = np.zeros(3, ROW)
    rows["at"] = rows["known_at"] = NOON - MINUTE
    store.put_history("h", 1, [HistoryPerson(user, rows.tobytes())])
