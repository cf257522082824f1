"""The events of a block, collected kind by kind, then one Arrow table.

Text is held as small integers until the end: places in a dictionary, or the number in an id.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.events.schema import schema
from training.simulation.arrays import Flags, Floats, Ints
from training.simulation.arrival import lateness
from training.simulation.people import People
from training.simulation.vocabulary import (
    CATEGORIES,
    COUNTRIES,
    COUPONS,
    PURPOSES,
    STATUSES,
    STORES,
    TIERS,
    TOPICS,
)
from training.simulation.world import World

TIMESTAMP = pa.timestamp("ms", tz="UTC")

IDS: Final = {
    "user_id": "c",
    "anonymous_id": "a",
    "order_id": "o",
    "checkout_id": "k",
    "review_id": "r",
    "ticket_id": "t",
    "email_id": "m",
    "message_id": "n",
    "subscription_id": "u",
}
"""Columns that hold ids, and the letter each id begins with."""

WORDS: Final = (
    "event", "channel", "product_id", "category", "query", "coupon", "tier", "purpose", "status",
    "consent_channel", "topic", "campaign", "store_id", "country", "currency",
)  # fmt: skip
"""Columns that hold words of a dictionary."""

NUMBERS: Final = (
    "price", "quantity", "rating", "score", "points", "tier_level", "step", "total", "discount",
    "interval_days",
)  # fmt: skip

LINE = pa.struct([("product_id", pa.string()), ("quantity", pa.float64()), ("price", pa.float64())])

EVENTS: Final = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("event", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("received_at", TIMESTAMP, nullable=False),
        *(pa.field(name, pa.string()) for name in IDS),
        *(pa.field(name, pa.string()) for name in WORDS if name != "event"),
        *(pa.field(name, pa.float64()) for name in NUMBERS),
        pa.field("expires_at", TIMESTAMP),
        pa.field("products", pa.list_(LINE)),
    ]
)

PER_PERSON = 2**20
"""Event ids are the person's number times this, plus the place among the person's events."""

Words = dict[str, pa.Array]
"""The dictionary of each column of words."""


def dictionaries(world: World, campaigns: list[str], currency: str) -> Words:
    """The words of every column; events and channels are at the place of their codes."""
    names = {event.code: event.name for event in schema().events}
    channels = schema().channel_names
    return {
        "event": pa.array([names.get(code) for code in range(256)]),
        "channel": pa.array([channels.get(code) for code in range(max(channels) + 1)]),
        "consent_channel": pa.array([channels.get(code) for code in range(max(channels) + 1)]),
        "product_id": world.products["product_id"].combine_chunks(),
        "category": pa.array([c.path for c in CATEGORIES]),
        "query": pa.array([c.leaf.lower() for c in CATEGORIES]),
        "campaign": pa.array(campaigns, pa.string()),
        "currency": pa.array([currency]),
        "coupon": pa.array(COUPONS),
        "country": pa.array(COUNTRIES),
        "purpose": pa.array(PURPOSES),
        "status": pa.array(STATUSES),
        "store_id": pa.array(STORES),
        "tier": pa.array(TIERS),
        "topic": pa.array(TOPICS),
    }


def ids(letter: str, numbers: Ints) -> pa.Array:
    """Ids as text; null where the number is negative."""
    text = pc.cast(pa.array(numbers, mask=numbers < 0), pa.string())
    return pc.binary_join_element_wise(letter, text, "")


def words(dictionary: pa.Array, codes: Ints) -> pa.Array:
    """Words by their places; null where the place is negative."""
    return pc.take(dictionary, pa.array(codes, mask=codes < 0))


class Events:
    """The events of one block of people."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._parts: list[dict[str, npt.NDArray[Any]]] = []
        self.refunded: pa.Array = pa.array([], pa.list_(LINE))
        """The `products` of refunds; their events name the place here."""

    def add(
        self, event: str, person: Ints, at: Floats, channel: Ints | int,
        *, anonymous: Flags | bool = False, **columns: npt.NDArray[Any] | float,
    ) -> None:  # fmt: skip
        """Events of one kind.

        Arguments:
            event: its name in the event schema.
            person: index in the block, shape (n,); the other arguments are alike, or one
                value for all.
            at: instants, ms.
            channel: codes of the event schema.
            anonymous: the person was not logged in; always so for strangers.
            columns: numbers as they are, words as places in their dictionaries, ids as
                numbers; negative (for numbers NaN) where absent.
        """
        unknown = anonymous | ~self._people.customer[person]
        number = self._people.number[person]
        identity = {
            "user_id": np.where(unknown, -1, number),
            "anonymous_id": np.where(unknown, self._people.device(person, channel), -1),
        }
        part = {"event": schema().code(event), "channel": channel, "person": person, "at": at}
        self._parts.append(
            {k: np.broadcast_to(v, len(person)) for k, v in (part | identity | columns).items()}
        )

    def table(self, world: World, words_of: Words, rng: np.random.Generator) -> pa.Table:
        """The events that happened and arrived in the period, by person and time.

        Arguments:
            world: the shop, whose period is kept.
            words_of: what `dictionaries` gives.
            rng: decides how late each event arrives.
        """
        at = np.floor(self._column("at", 0.0))
        received = at + np.floor(lateness(self._column("channel", 0), at, rng))
        person = self._column("person", -1)
        inside = np.flatnonzero((world.start_at <= at) & (received < world.end_at))
        rows = inside[np.lexsort((at[inside], person[inside]))]
        person = person[rows]
        place = np.arange(len(rows)) - np.searchsorted(person, person)

        out = {
            "event_id": ids("e", self._people.number[person] * PER_PERSON + place),
            "timestamp": pa.array(at[rows].astype(np.int64)).cast(TIMESTAMP),
            "received_at": pa.array(received[rows].astype(np.int64)).cast(TIMESTAMP),
        }
        for name, letter in IDS.items():
            out[name] = ids(letter, self._column(name, -1)[rows])
        for name in WORDS:
            out[name] = words(words_of[name], self._column(name, -1)[rows])
        for name in NUMBERS:
            values = self._column(name, np.nan)[rows]
            out[name] = pa.array(values, mask=np.isnan(values))
        expiry = self._column("expires_at", -1)[rows]
        out["expires_at"] = pa.array(expiry, mask=expiry < 0).cast(TIMESTAMP)
        out["products"] = words(self.refunded, self._column("products", -1)[rows])
        return pa.table([out[name] for name in EVENTS.names], schema=EVENTS)

    def _column(self, name: str, absent: float) -> npt.NDArray[Any]:
        sizes = [len(part["person"]) for part in self._parts]
        dtype = np.int64 if isinstance(absent, int) else np.float64
        out = np.full(sum(sizes), absent, dtype)
        position = 0
        for part, size in zip(self._parts, sizes, strict=True):
            if name in part:
                out[position : position + size] = part[name]
            position += size
        return out
