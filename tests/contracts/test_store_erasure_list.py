"""The list of who was erased outlives the store: backups, restarts and other keys."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from features.errors import StorageError
from features.events.erasures import Erasures
from serving.store import (
    open_store,
)
from tests.contracts.erasing import LATER, erase, everything, live
from tests.contracts.events import append, viewed


def test_a_restored_backup_is_cleaned_when_it_is_opened(settings):
    if settings.store:
        pytest.skip("copies a file; the test after this one does the same on PostgreSQL")
    with closing(open_store(settings)) as store:
        live(store, "secret-ann", "secret-device")
        append(store, viewed("b1", user="ben"))
    shutil.copy(settings.store_file, settings.data / "backup.db")
    with closing(open_store(settings)) as store:
        receipt = erase(store, "secret-ann")
    shutil.move(settings.data / "backup.db", settings.store_file)
    with closing(sqlite3.connect(settings.store_file)) as restored:
        assert restored.execute("SELECT count(*) FROM erasures").fetchall() == [(0,)]
    with closing(open_store(settings)) as store:
        assert store.person("secret-ann") is store.person("anonymous:secret-device") is None
        assert store.person("ben") is not None
        [again] = store.receipts()
        assert again.erasure_id == receipt.erasure_id
        assert (again.at, again.removed) == (receipt.at, receipt.removed)
        assert append(store, viewed("e9", user="secret-ann")).erased == 1
    assert "secret" not in everything(settings)
    assert b"secret" not in settings.store_file.read_bytes()


def test_an_erasure_that_the_store_lacks_is_applied_at_the_start(settings, open_another):
    store = open_another()
    live(store, "ann", "v")
    erasures = Erasures(settings.erasures)
    listed = erase(store, "nobody")
    [known] = erasures.all()
    hashes = tuple(erasures.hash(name).hex() for name in ("ann", "anonymous:v"))
    erasures.add([replace(known, erasure_id="era_else", hashes=hashes)])
    with ThreadPoolExecutor(4) as threads:  # all workers start at once
        stores = list(threads.map(lambda _: open_another(), range(4)))
    for each in stores:
        assert each.person("ann") is each.person("anonymous:v") is None
        assert {r.erasure_id for r in each.receipts()} == {listed.erasure_id, "era_else"}


def test_an_erasure_that_broke_off_after_it_was_listed_is_ended_at_the_next_start(
    open_another, monkeypatch
):
    store = open_another()
    live(store, "ann", "v")

    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("serving.store.erasures.erasing.erase", break_off)
        with pytest.raises(KeyboardInterrupt):
            erase(store, "ann")
    assert store.person("ann") is not None
    restarted = open_another()
    assert restarted.person("ann") is restarted.person("anonymous:v") is None
    assert len(restarted.receipts()) == 1


def test_a_list_that_lacks_what_the_store_knows_is_filled(settings, open_another):
    store = open_another()
    live(store, "ann", "v")
    receipt = erase(store, "ann")
    (settings.erasures / "erasures.jsonl").unlink()
    open_another()
    [listed] = Erasures(settings.erasures).all()
    assert listed.erasure_id == receipt.erasure_id
    assert len(listed.hashes) == 2
    assert Erasures(settings.erasures).until() == dict.fromkeys(
        map(bytes.fromhex, listed.hashes), LATER
    )


def test_a_store_whose_hashes_another_key_made_is_refused(settings, open_another):
    erase(open_another(), "ann")
    (settings.erasures / "key").unlink()
    with pytest.raises(StorageError, match=r"made with another key than .*copy that file"):
        open_another()


def test_a_store_without_erasures_takes_a_new_key(settings, open_another):
    open_another()
    (settings.erasures / "key").unlink()
    append(open_another(), viewed("e1", user="ann"))


def test_a_full_disk_under_the_list_erases_nobody(settings, store):
    append(store, viewed("e1", user="ann"))
    (settings.erasures / "erasures.jsonl").mkdir()
    with pytest.raises(StorageError, match=r"erasures\.jsonl"):
        erase(store, "ann")
    assert store.person("ann") is not None
    assert store.receipts() == []
