"""The store's tables by the command line: made, left alone, and refused when they are newer."""

import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from serving.__main__ import cli
from serving.store.schema import REVISION


@pytest.fixture
def run(settings, monkeypatch):
    monkeypatch.setenv("REGULARS_DATA", str(settings.data))
    monkeypatch.setenv("COLUMNS", "300")
    return lambda *words: CliRunner().invoke(cli, words)


def test_migrate_makes_the_tables_once(run):
    first, again = run("migrate"), run("migrate")
    assert first.exit_code == again.exit_code == 0, first.output
    assert f"Made the store's tables, revision {REVISION}." in first.output
    assert f"Nothing to do: the store's tables are of revision {REVISION}." in again.output


def test_an_empty_postgresql_is_told_to_migrate_first(run, monkeypatch, postgres):
    monkeypatch.setenv("REGULARS_STORE", postgres.empty_database())
    refused = run("serve")
    assert refused.exit_code == 1
    assert "run `python -m serving migrate`" in refused.output
    assert run("migrate").exit_code == 0
    assert "Nothing to do" in run("migrate").output


@pytest.mark.parametrize("command", ["serve", "load", "export", "migrate"])
def test_a_store_of_a_newer_version_is_refused_and_left_alone(run, settings, command):
    run("migrate")
    with closing(sqlite3.connect(settings.store_file)) as database, database:
        database.execute("UPDATE store_revision SET version_num = '9999'")
    refused = run(command)
    assert refused.exit_code == 1
    assert "9999" in refused.output
    assert "newer" in refused.output
    assert "Traceback" not in refused.output
    with closing(sqlite3.connect(settings.store_file)) as database:
        assert database.execute("SELECT version_num FROM store_revision").fetchall() == [("9999",)]
