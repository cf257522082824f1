"""Consents say where they come from, until when they hold, and whom they speak for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Earlier statements came on their own, expire never and speak for one id."""
    op.add_column("consents", sa.Column("source", sa.Text(), nullable=False, server_default="api"))
    op.add_column("consents", sa.Column("expires_at", sa.BigInteger()))
    op.add_column(
        "consents",
        sa.Column("carried", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("consents", sa.Column("together", sa.Text()))
