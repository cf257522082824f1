"""The revision of a store's tables: checked before use, raised by migrations (Alembic)."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from features.errors import StorageError, shown
from serving.store import schema
from serving.store.database import Database, Lock

MIGRATIONS = Path(__file__).parent / "migrations"

REVISION_TABLE = "store_revision"
"""Not Alembic's own name: the store may share a database with another program that uses it."""


@dataclass(frozen=True)
class Migrated:
    """What a migration did; equal revisions: nothing."""

    before: str | None
    """The revision found; None in an empty database."""
    after: str


def ensure(database: Database) -> None:
    """Return when the tables are this program's; an embedded database that is new gets them.

    Raises:
        StorageError: they are missing, older, newer or of another kind; it says what to do.
    """
    found = database.read("open the store", _revision)
    if found is None and database.embedded:
        upgrade(database)
    elif found is None:
        raise StorageError("the store's database is empty; run `python -m serving migrate`")
    elif found < schema.REVISION:
        raise StorageError(
            f"the store's tables are of revision {found}, this program needs {schema.REVISION}; "
            "back the store up, then run `python -m serving migrate`"
        )
    else:
        _refuse_newer(found)


def upgrade(database: Database) -> Migrated:
    """Bring the tables to this program's revision, all or nothing; several may try at once.

    Raises:
        StorageError: a newer program wrote the store, or the database refused.
    """
    # only who changes tables needs it, and importing it takes a moment
    from alembic import command
    from alembic.config import Config

    def work(connection: Connection) -> Migrated:
        database.lock(connection, Lock.TABLES)
        before = _revision(connection)
        if before is not None:
            _refuse_newer(before)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, schema.REVISION)
        return Migrated(before, schema.REVISION)

    return database.write("migrate the store", work)


def _refuse_newer(found: str) -> None:
    if found > schema.REVISION:
        raise StorageError(
            f"the store's tables are of revision {shown(found)}, which is newer than this "
            f"program's {schema.REVISION}; run the version of the program that wrote them, or later"
        )


def _revision(connection: Connection) -> str | None:
    tables = inspect(connection)
    if tables.has_table(REVISION_TABLE):
        return connection.scalar(select(column("version_num")).select_from(table(REVISION_TABLE)))
    if tables.has_table(schema.people.name):
        raise StorageError(
            "the store was written by a version without migrations; set REGULARS_STORE to "
            "another file and load the history into it with `python -m serving load`"
        )
    return None
