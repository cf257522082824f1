"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make all tables."""
    _customers()
    _products()
    _events()
    _decisions()
    _house()


def _customers() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE people_numbers AS BIGINT MINVALUE 0 START 0")
    op.create_table(
        "people",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.BigInteger(), nullable=False),
        sa.Column("linked_at", sa.BigInteger()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("customer_id"),
    )
    op.create_index("ix_people_owner", "people", ["owner"])
    op.create_table(
        "links",
        sa.Column("anonymous_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("anonymous_id", "user_id"),
    )
    op.create_table(
        "timeline_parts",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person", "part"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        # where it is built in: as small as by PostgreSQL's own compression, in half the time
        op.execute(
            """
            DO $$ BEGIN
                IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression'
                           AND 'lz4' = ANY (enumvals)) THEN
                    ALTER TABLE timeline_parts ALTER COLUMN rows SET COMPRESSION lz4;
                END IF;
            END $$
            """
        )
    op.create_table(
        "consents",
        sa.Column("sequence", SEQUENCE, sa.Identity(always=True), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("event_id", "purpose", "channel"),
    )
    op.create_index("ix_consents_person", "consents", ["person"])


def _products() -> None:
    op.create_table(
        "products",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text()),
        sa.Column("title", sa.Text()),
        sa.Column("category", sa.Text()),
        sa.Column("brand", sa.Text()),
        sa.Column("price", sa.Double()),
        sa.Column("attributes", sa.Text()),
        sa.Column("first_seen_at", sa.BigInteger()),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("bought", sa.BigInteger(), nullable=False),
        sa.Column("bought_before", sa.BigInteger(), nullable=False),
        sa.Column("fed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("product_id"),
    )
    op.create_index("ix_products_fed", "products", ["fed"])
    op.create_index("products_by_bought", "products", [sa.text("bought DESC"), "number"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("sequence", SEQUENCE, sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Text()),
        sa.Column("anonymous_id", sa.Text()),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text()),
        sa.Column("product_id", sa.Text()),
        sa.Column("value", sa.Double()),
        sa.Column("quantity", sa.Double()),
        sa.Column("measure", sa.Double()),
        sa.Column("currency", sa.Text()),
        sa.Column("products", sa.Text()),
        sa.Column("properties", sa.Text()),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("marks", sa.Text()),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index("events_by_person", "events", ["person", "sequence"])
    op.create_index("events_by_type", "events", ["type", "sequence"])
    op.create_table(
        "history_ids",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quarantine",
        sa.Column("sequence", SEQUENCE, sa.Identity(always=True), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("quarantine_by_message", "quarantine", ["message_id", "sequence"])


def _decisions() -> None:
    op.create_table(
        "timers",
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trigger", "person"),
    )
    op.create_index("ix_timers_due_at", "timers", ["due_at"])
    op.create_table(
        "decisions",
        sa.Column("sequence", SEQUENCE, sa.Identity(always=True), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text()),
        sa.Column("model_version", sa.Text()),
        sa.Column("inputs_at", sa.BigInteger(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("arm", sa.Text()),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("decision_id"),
    )
    op.create_index("decisions_by_customer", "decisions", ["customer_id", "at"])


def _house() -> None:
    op.create_table(
        "positions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "answers",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_answers_at", "answers", ["at"])
