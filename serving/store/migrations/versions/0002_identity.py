"""Identifiers of all kinds, links between any two of them, and rulings."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make links general; what is known of devices stays."""
    op.add_column("people", sa.Column("refused", sa.Text()))
    refused = sa.text("refused IS NOT NULL")
    op.create_index(
        "people_refused",
        "people",
        ["customer_id"],
        postgresql_where=refused,
        sqlite_where=refused,
    )
    op.add_column("events", sa.Column("identifiers", sa.Text()))
    op.rename_table("links", "device_links")
    op.create_table(
        "links",
        sa.Column("stronger", sa.Text(), nullable=False),
        sa.Column("weaker", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stronger", "weaker", "day", name="links_key"),
    )
    op.execute(
        "INSERT INTO links (stronger, weaker, day, linked_at) "
        "SELECT user_id, 'anonymous:' || anonymous_id, 0, linked_at FROM device_links"
    )
    op.drop_table("device_links")
    op.create_index("links_by_weaker", "links", ["weaker"])
    op.create_table(
        "rulings",
        sa.Column("into", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("into", "other", "at", "same"),
    )
    op.create_index("rulings_by_other", "rulings", ["other"])
