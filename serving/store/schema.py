"""The store's tables. Instants are int64 milliseconds UTC."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 1
"""Rises with every change of the tables; a store of another version is not opened."""

metadata = MetaData()

store_version = Table("store_version", metadata, Column("version", Integer, primary_key=True))

people = Table(
    "people",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("customer_id", Text, nullable=False, unique=True),
    # whose timeline this one's rows belong to: itself, or the user an anonymous id is linked with
    Column("owner", Integer, nullable=False, index=True),
    Column("linked_at", BigInteger),
    Column("version", Integer, nullable=False, default=0),
)

links = Table(
    "links",
    metadata,
    Column("anonymous_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("linked_at", BigInteger, nullable=False),
)

# Rows are kept by the id they came under, never moved: linking and unlinking only changes
# `people.owner`. Part 0 is the loaded history; later parts fill up to a page, so that an
# event rewrites four kilobytes at most, however long the customer's past.
timeline_parts = Table(
    "timeline_parts",
    metadata,
    Column("person", Integer, primary_key=True, autoincrement=False),
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
    Column("price", Float),
    Column("attributes", Text),
    Column("first_seen_at", BigInteger),
    Column("available", Boolean, nullable=False, default=True),
    Column("bought", BigInteger, nullable=False, default=0),
    Column("bought_before", BigInteger, nullable=False, default=0),
)
Index("products_by_bought", products.c.bought.desc(), products.c.number)

events = Table(
    "events",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("type", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("user_id", Text),
    Column("anonymous_id", Text),
    Column("channel", Text, nullable=False),
    Column("order_id", Text),
    Column("product_id", Text),
    Column("value", Float),
    Column("quantity", Float),
    Column("measure", Float),
    Column("currency", Text),
    Column("products", Text),
    Column("properties", Text),
    Column("source", Text, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("person", Integer, nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    UniqueConstraint("event_id", "purpose", "channel"),
)

timers = Table(
    "timers",
    metadata,
    Column("trigger", Text, primary_key=True),
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("started_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False, index=True),
    Column("claimed_until", BigInteger, nullable=False, default=0),
)

decisions = Table(
    "decisions",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("decision_id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("channel", Text),
    Column("model_version", Text),
    Column("inputs_at", BigInteger, nullable=False),
    Column("probability", Float, nullable=False),
    Column("arm", Text),
    Column("details", Text, nullable=False),
)
Index("decisions_by_customer", decisions.c.customer_id, decisions.c.at)

quarantine = Table(
    "quarantine",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("column", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
)

loads = Table(
    "loads",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)
