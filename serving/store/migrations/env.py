"""Runs the revisions on the connection that `serving.store.revisions` hands over."""

from alembic import context

from serving.store import schema
from serving.store.revisions import REVISION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=REVISION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
