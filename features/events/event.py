"""One event, and the schema in which the log holds many."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace

import pyarrow as pa

from features.columns import Columns as C
from features.events.identifiers import bare, customer_ids, kind_of

INSTANT = pa.timestamp("ms", tz="UTC")

PRODUCTS = pa.list_(
    pa.struct(
        [
            pa.field(C.PRODUCT_ID, pa.string()),
            pa.field(C.QUANTITY, pa.float64()),
            pa.field(C.PRICE, pa.float64()),
        ]
    )
)
"""Lines of an order, a refund or a cart: the product, how many, the price of one."""

LOG_SCHEMA = pa.schema(
    [
        pa.field(C.EVENT_ID, pa.string(), nullable=False),
        pa.field(C.TYPE, pa.int16(), nullable=False),
        pa.field(C.NAME, pa.string(), nullable=False),
        pa.field(C.TIMESTAMP, INSTANT, nullable=False),
        pa.field(C.RECEIVED_AT, INSTANT, nullable=False),
        pa.field(C.USER_ID, pa.string()),
        pa.field(C.ANONYMOUS_ID, pa.string()),
        pa.field(C.CHANNEL, pa.string(), nullable=False),
        pa.field(C.ORDER_ID, pa.string()),
        pa.field(C.PRODUCT_ID, pa.string()),
        pa.field(C.VALUE, pa.float64()),
        pa.field(C.QUANTITY, pa.float64()),
        pa.field(C.MEASURE, pa.float64()),
        pa.field(C.CURRENCY, pa.string()),
        pa.field(C.PRODUCTS, PRODUCTS),
        pa.field(C.PROPERTIES, pa.string()),
        pa.field(C.SOURCE, pa.string(), nullable=False),
        pa.field(C.MARKS, pa.list_(pa.string())),
        pa.field(C.IDENTIFIERS, pa.list_(pa.string())),
    ]
)
"""One row per event. type: code of the event schema, 0 when unknown. value, quantity, measure:
the numbers of the type's timeline slots. properties: a JSON object of the kept properties that
have no column here. source: the mapping's name, or what the events came through. marks: `BOT`,
`CLOCK`, `PAGE`, `UNPRICED`, `unread:<name>`; identifiers: what names the person besides the two
ids, the strongest first. Both are null when there are none, and in segments that are older than
the column."""

BOT = "bot"
"""The mark of an event that no person made: it is kept, and is in nobody's timeline."""

CLOCK = "clock"
"""The mark of an event whose sender's clock was days off; its timestamp is corrected."""

UNPRICED = "unpriced"
"""The mark of a refund or cancellation that does not say how much comes back: it counts as a
return, and takes nothing back from what was spent."""


PAGE = "page"
"""The mark of an event that anybody may have sent: what it says of users is not believed."""


@dataclass(frozen=True)
class Line:
    """One line of an order, a refund or a cart; `price` is the price of one."""

    product_id: str
    quantity: float
    price: float | None


@dataclass(frozen=True)
class Event:
    """One event, in the fields of `LOG_SCHEMA`; instants are int64 ms UTC."""

    event_id: str
    type: int
    name: str
    timestamp: int
    received_at: int
    channel: str
    source: str = "api"
    user_id: str | None = None
    anonymous_id: str | None = None
    order_id: str | None = None
    product_id: str | None = None
    value: float | None = None
    quantity: float | None = None
    measure: float | None = None
    currency: str | None = None
    products: tuple[Line, ...] | None = None
    properties: str | None = None
    marks: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()

    @property
    def customer_ids(self) -> tuple[str, ...]:
        """Everything that names this event's person, the strongest first."""
        return customer_ids(self.user_id, self.anonymous_id, self.identifiers)

    @property
    def customer_id(self) -> str:
        """The identifier that an event is stored under: the strongest it carries."""
        return self.customer_ids[0] if self.user_id is None else self.user_id

    def under(self, identifier: str) -> "Event":
        """This event with an identifier in the column of its kind."""
        kind = kind_of(identifier)
        if kind.name == C.USER_ID:
            return replace(self, user_id=identifier)
        if kind.name == C.ANONYMOUS_ID:
            return replace(self, anonymous_id=bare(identifier))
        return replace(self, identifiers=(identifier,))

    @property
    def of_a_person(self) -> bool:
        """Whether it belongs into a timeline: a bot's events do not."""
        return BOT not in self.marks


_LISTS = (C.MARKS, C.IDENTIFIERS)


def table_of(events: Iterable[Event]) -> pa.Table:
    """Events as a table of schema `LOG_SCHEMA`, ready to be appended to a log."""
    rows = [
        {**asdict(event), **{name: list(getattr(event, name)) or None for name in _LISTS}}
        for event in events
    ]
    return pa.Table.from_pylist(rows, schema=LOG_SCHEMA)


def events_of(table: pa.Table) -> Iterator[Event]:
    """The events of a table of schema `LOG_SCHEMA`, in its order."""
    instants = pa.int64()
    for name in _LISTS:
        if name not in table.column_names:
            absent = pa.nulls(len(table), LOG_SCHEMA.field(name).type)
            table = table.append_column(LOG_SCHEMA.field(name), absent)
    for name in (C.TIMESTAMP, C.RECEIVED_AT):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(INSTANT).cast(instants))
    for batch in table.select(LOG_SCHEMA.names).to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            lines = row.pop(C.PRODUCTS)
            products = None if lines is None else tuple(Line(**line) for line in lines)
            for name in _LISTS:
                row[name] = tuple(row[name] or ())
            yield Event(**row, products=products)
