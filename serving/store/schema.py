"""The store's tables, as this program reads and writes them. Instants are int64 milliseconds UTC.

A change here needs a revision in `migrations/versions` and a new `REVISION`; a test compares.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
)

REVISION = "0007"
"""The last revision in `migrations/versions`; a store of another one is not opened."""

metadata = MetaData()

_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only INTEGER by itself

people_numbers = Sequence("people_numbers", start=0, minvalue=0, data_type=BigInteger)
"""Where numbers of people come from on PostgreSQL; SQLite takes the one after the highest."""


def _sequence() -> Column[int]:
    return Column("sequence", _SEQUENCE, Identity(always=True), primary_key=True)


people = Table(
    "people",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", Text, nullable=False, unique=True),
    # whose timeline this one's rows belong to: the identifier that leads the person
    Column("owner", BigInteger, nullable=False, index=True),
    Column("linked_at", BigInteger),
    Column("version", Integer, nullable=False, default=0),
    # why it joins nobody, or not all it was seen with
    Column("refused", Text),
)
Index(
    "people_refused",
    people.c.customer_id,
    postgresql_where=people.c.refused.is_not(None),
    sqlite_where=people.c.refused.is_not(None),
)

links = Table(
    "links",
    metadata,
    Column("stronger", Text, primary_key=True),
    Column("weaker", Text, primary_key=True),
    # of kinds that expire, the day on which they were seen together; else 0
    Column("day", Integer, primary_key=True),
    Column("linked_at", BigInteger, nullable=False),
)
Index("links_by_weaker", links.c.weaker)

rulings = Table(
    "rulings",
    metadata,
    Column("into", Text, primary_key=True),
    Column("other", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("same", Boolean, primary_key=True),
)
Index("rulings_by_other", rulings.c.other)

# Rows are kept by the id they came under, never moved: linking and unlinking only changes
# `people.owner`. Part 0 is the loaded history; later parts fill up to a page, so that an
# event rewrites four kilobytes at most, however long the customer's past.
timeline_parts = Table(
    "timeline_parts",
    metadata,
    Column("person", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("rows", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

products = Table(
    "products",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("product_id", Text, nullable=False, unique=True),
    Column("parent_id", Text),
    Column("title", Text),
    Column("category", Text),
    Column("brand", Text),
    Column("price", Double),
    Column("attributes", Text),
    Column("first_seen_at", BigInteger),
    Column("available", Boolean, nullable=False, default=True),
    Column("bought", BigInteger, nullable=False, default=0),
    Column("bought_before", BigInteger, nullable=False, default=0),
    # the number of the feed that last told of it; 0 when none did
    Column("fed", BigInteger, nullable=False, default=0, index=True),
)
Index("products_by_bought", products.c.bought.desc(), products.c.number)

events = Table(
    "events",
    metadata,
    _sequence(),
    Column("event_id", Text, nullable=False, unique=True),
    # of the id the event came under
    Column("person", BigInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("user_id", Text),
    Column("anonymous_id", Text),
    Column("channel", Text, nullable=False),
    Column("order_id", Text),
    Column("product_id", Text),
    Column("value", Double),
    Column("quantity", Double),
    Column("measure", Double),
    Column("currency", Text),
    Column("products", Text),
    Column("properties", Text),
    Column("source", Text, nullable=False),
    Column("marks", Text),
    Column("identifiers", Text),
)
Index("events_by_person", events.c.person, events.c.sequence)
Index("events_by_type", events.c.type, events.c.sequence)

# Sixteen bytes of each loaded event's id, so that a client's retry of one is known for ever.
history_ids = Table(
    "history_ids",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)

consents = Table(
    "consents",
    metadata,
    _sequence(),
    Column("person", BigInteger, nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("source", Text, nullable=False, server_default="api"),
    Column("expires_at", BigInteger),
    # whether it came along with an event that was about something else
    Column("carried", Boolean, nullable=False, server_default=false()),
    # further customer ids that its event carried, a JSON list; null when there are none
    Column("together", Text),
    UniqueConstraint("event_id", "purpose", "channel"),
)

timers = Table(
    "timers",
    metadata,
    Column("trigger", Text, primary_key=True),
    Column("person", BigInteger, primary_key=True, autoincrement=False),
    Column("started_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False, index=True),
    Column("claimed_until", BigInteger, nullable=False, default=0),
)

decisions = Table(
    "decisions",
    metadata,
    _sequence(),
    Column("decision_id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("channel", Text),
    Column("model_version", Text),
    Column("inputs_at", BigInteger, nullable=False),
    Column("probability", Double, nullable=False),
    Column("arm", Text),
    Column("details", Text, nullable=False),
)
Index("decisions_by_customer", decisions.c.customer_id, decisions.c.at)

quarantine = Table(
    "quarantine",
    metadata,
    _sequence(),
    Column("message_id", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("column", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
)

Index("quarantine_by_message", quarantine.c.message_id, quarantine.c.sequence)

# Names of keys, never keys: SHA-256 of 256 random bits leads nobody back.
api_keys = Table(
    "api_keys",
    metadata,
    _sequence(),
    Column("key_id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger),
)

accesses = Table(
    "accesses",
    metadata,
    _sequence(),
    Column("at", BigInteger, nullable=False),
    Column("key_name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("customer_id", Text),
)
Index("accesses_by_customer", accesses.c.customer_id, accesses.c.sequence)

# The first of a day, for each person and version; of the id that was the person's then.
scores = Table(
    "scores",
    metadata,
    _sequence(),
    Column("person", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("day", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("probability", Double, nullable=False),
    UniqueConstraint("person", "version", "day"),
)

# The name stays when a rule goes, without the rule: who let it go, and when.
rules = Table(
    "rules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("rule", Text),
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    # of all changes of all rules, the number of this one's last
    Column("change", BigInteger, nullable=False, unique=True),
)

# One list that was shown. Of whom nothing may be remembered, and of strangers, without a person.
impressions = Table(
    "impressions",
    metadata,
    _sequence(),
    Column("recommendation_id", Text, nullable=False, unique=True),
    Column("person", BigInteger, index=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("placement", Text, nullable=False),
    Column("version", Text),
    Column("items", Text, nullable=False),
)

positions = Table(
    "positions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
)

# Receipts: nothing in them names the person.
erasures = Table(
    "erasures",
    metadata,
    _sequence(),
    Column("erasure_id", Text, nullable=False, unique=True),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    # later than `at` in a store that was restored from a backup
    Column("applied_at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("removed", Text, nullable=False),
    Column("dropped", BigInteger, nullable=False, default=0),
)

# Keyed hashes of erased ids; the key is not in the store. Events of before `until` stay out.
erased = Table(
    "erased",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("erasure_id", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
