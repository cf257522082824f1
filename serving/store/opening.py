"""Opening the store that the settings name, and bringing its tables to this program's revision."""

from features.consents import ConsentRules
from features.errors import InputError, shown
from features.events.erasures import Erasures
from features.events.identifiers import rules_of
from serving.clock import wall_clock
from serving.settings import ServingSettings
from serving.store.database import Database
from serving.store.interface import Store
from serving.store.revisions import Migrated, ensure, upgrade
from serving.store.sql import SqlStore
from serving.store.sqlite import SqliteDatabase

__all__ = ["Migrated", "migrate", "open_store"]

_MIGRATION_SECONDS = 3600.0
"""The longest statement of a migration: an index over many events takes its time."""


def open_store(settings: ServingSettings) -> Store:
    """The store that `settings.store` names. A SQLite file that is new gets its tables at once.

    Whoever was erased since the store's backup was made, if it is one, is erased again.

    Raises:
        InputError: the setting names no database that can be used.
        StorageError: the database cannot be reached, or is of another revision.
    """
    rules = rules_of(settings)
    consent_rules = ConsentRules.of(settings)
    database = _database(settings, settings.busy_seconds)
    try:
        ensure(database)
        erasures = Erasures(settings.erasures)
        erasures.make_key()
        store = SqlStore(database, rules, erasures, consent_rules)
        store.reconcile_erasures(wall_clock)
    except BaseException:
        database.close()
        raise
    return store


def migrate(settings: ServingSettings) -> Migrated:
    """Bring the store's tables to this program's revision, in one transaction.

    Raises:
        InputError: the setting names no database that can be used.
        StorageError: it cannot be reached or changed, or a newer program wrote it.
    """
    database = _database(settings, _MIGRATION_SECONDS)
    try:
        return upgrade(database)
    finally:
        database.close()


def _database(settings: ServingSettings, busy_seconds: float) -> Database:
    if not settings.store.startswith(("postgresql://", "postgres://")):
        return SqliteDatabase(settings.store_file, busy_seconds=busy_seconds)
    try:
        from serving.store.postgresql import PostgresqlDatabase
    except ImportError as error:
        raise InputError(
            f"REGULARS_STORE = {shown('postgresql')}…: the driver is missing ({error}); "
            "install it with `pip install 'psycopg[binary]'`"
        ) from error
    return PostgresqlDatabase(
        settings.store, busy_seconds=busy_seconds, answer_seconds=settings.answer_seconds
    )
