"""The rules of the shelf, and the lists that were shown."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "rules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text()),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("change"),
    )
    op.create_table(
        "impressions",
        sa.Column("sequence", SEQUENCE, sa.Identity(always=True), nullable=False),
        sa.Column("recommendation_id", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("placement", sa.Text(), nullable=False),
        sa.Column("version", sa.Text()),
        sa.Column("items", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("recommendation_id"),
    )
    op.create_index("ix_impressions_person", "impressions", ["person"])
    op.create_index("ix_impressions_at", "impressions", ["at"])
