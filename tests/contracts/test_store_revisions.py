"""A store of another revision is refused with what to do; migrations make what the code reads."""

import sqlite3
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from features.errors import InputError, StorageError
from serving.settings import ServingSettings
from serving.store import migrate, open_store, schema
from serving.store.revisions import MIGRATIONS, REVISION_TABLE
from tests.contracts.events import append, viewed


def engine_of(settings):
    if settings.store:
        return create_engine(settings.store.replace("postgresql", "postgresql+psycopg"))
    return create_engine(f"sqlite:///{settings.store_file}")


def set_revision(settings, revision):
    engine = engine_of(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {REVISION_TABLE} SET version_num = '{revision}'")
    engine.dispose()


@pytest.mark.usefixtures("store")
def test_migrations_make_the_tables_that_the_code_reads(settings):
    engine = engine_of(settings)
    with engine.connect() as connection:
        options = {"compare_type": True, "version_table": REVISION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_the_code_knows_the_last_revision():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.REVISION


def test_a_store_of_a_newer_program_is_refused_and_left_alone(settings, store):
    append(store, viewed("e1", user="ann"))
    set_revision(settings, "9999")
    for attempt in (open_store, migrate):
        with pytest.raises(StorageError, match=r"'9999', which is newer than this program's"):
            attempt(settings)
    set_revision(settings, schema.REVISION)
    assert open_one(settings) == {"e1"}


def open_one(settings):
    store = open_store(settings)
    try:
        return store.known_ids(["e1"])
    finally:
        store.close()


@pytest.mark.usefixtures("store")
def test_an_older_store_names_the_command_to_run(settings):
    set_revision(settings, "0000")
    with pytest.raises(StorageError, match=r"revision 0000.*python -m serving migrate"):
        open_store(settings)


def test_migrating_twice_changes_nothing(settings, store):
    append(store, viewed("e1", user="ann"))
    done = migrate(settings)
    assert (done.before, done.after) == (schema.REVISION, schema.REVISION)
    assert store.known_ids(["e1"]) == {"e1"}


def test_an_empty_postgresql_database_asks_to_be_migrated(postgres, tmp_path):
    settings = ServingSettings(data=tmp_path, store=postgres.empty_database())
    with pytest.raises(StorageError, match="is empty; run `python -m serving migrate`"):
        open_store(settings)
    assert migrate(settings).before is None
    open_store(settings).close()


def test_a_sqlite_file_that_is_new_needs_no_command(tmp_path):
    settings = ServingSettings(data=tmp_path / "new" / "folder")
    open_store(settings).close()
    assert migrate(settings).before == schema.REVISION


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "store.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="cannot open the store"):
        open_store(ServingSettings(data=tmp_path))


def test_a_file_from_before_migrations_is_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("CREATE TABLE people (number INTEGER PRIMARY KEY)")
    with pytest.raises(StorageError, match="without migrations"):
        open_store(ServingSettings(data=tmp_path))


def test_an_address_of_another_kind_is_refused_without_its_password():
    with pytest.raises(InputError, match="postgresql://") as refused:
        open_store(ServingSettings(store="mysql://ann:secret@host/db"))
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(ServingSettings(store="mysql://ann:secret@host/db"))
