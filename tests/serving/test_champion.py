"""The published bundle: taken up when it is good, refused when it is bad, never in between."""

import json
import shutil

import pytest
import structlog


def check(client):
    return client.service.champion.check()


def ready(client):
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    return answer.json()


def test_a_bundle_published_at_run_time_serves_from_the_next_look_on(client, publish):
    assert (ready(client)["bundle"], ready(client)["fallback"]) == (None, "no_bundle")
    publish("7")
    assert check(client)
    assert ready(client)["bundle"]["version"] == "7"
    assert (ready(client)["fallback"], ready(client)["refused"]) == (None, None)
    assert client.recommend()["model_version"] == "7"
    assert not check(client)


def test_a_rollback_is_a_publication_like_any_other(client, publish):
    for version in ("1", "2", "1"):
        publish(version)
        assert check(client)
        assert ready(client)["bundle"]["version"] == version


@pytest.mark.parametrize("damage", ["catalog", "manifest", "schema", "folder"])
def test_a_bad_bundle_is_refused_and_the_one_before_goes_on(
    client, publish, trained, tmp_path, damage
):
    publish("1")
    check(client)
    bad = shutil.copytree(trained, tmp_path / "bad")
    manifest = bad / "manifest.json"
    if damage == "catalog":
        (bad / "catalog.parquet").write_bytes(b"x")
    elif damage == "manifest":
        manifest.write_text("{")
    elif damage == "schema":
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "schema_version": 99}))
    else:
        shutil.rmtree(bad)
    publish("2", folder=bad)
    assert not check(client)
    answer = ready(client)
    assert answer["bundle"]["version"] == "1"
    assert answer["refused"]["version"] == "2"
    assert answer["refused"]["reason"]
    assert client.recommend()["model_version"] == "1"
    publish("1")
    assert check(client)
    assert ready(client)["refused"] is None


@pytest.mark.parametrize("pointer", ["", "{", "[]", '{"version": "1", "path": "../../etc"}'])
def test_a_bad_pointer_is_refused_and_the_one_before_goes_on(client, publish, settings, pointer):
    publish("1")
    check(client)
    (settings.bundles / "champion.json").write_text(pointer)
    assert not check(client)
    assert ready(client)["bundle"]["version"] == "1"
    assert "champion.json" in ready(client)["refused"]["reason"]


def test_a_service_that_starts_with_a_bad_bundle_answers_without_one(start, publish, tmp_path):
    publish("1", folder=tmp_path / "nothing")
    client = start()
    assert ready(client)["fallback"] == "no_bundle"
    assert ready(client)["refused"]["version"] == "1"
    assert client.recommend()["fallback"] == "no_bundle"


def test_a_bundle_that_was_refused_serves_once_its_file_is_back(client, publish, clock, settings):
    publish("1")
    folder = settings.bundles / "1"
    away = folder.rename(settings.bundles / "away")
    assert not check(client)
    since = ready(client)["refused"]["at"]
    away.rename(folder)
    assert not check(client), "it is not read again at every look"
    clock.advance(minutes=1)
    assert check(client)
    assert ready(client)["refused"] is None
    assert ready(client)["bundle"]["version"] == "1"
    assert since.startswith("2011-09-10T12:00")


def test_a_refusal_is_logged_once_and_keeps_its_instant(client, publish, clock, tmp_path):
    publish("1", folder=tmp_path / "nothing")
    with structlog.testing.capture_logs() as said:
        for _ in range(3):
            assert not check(client)
            clock.advance(minutes=1)
    assert ready(client)["refused"]["at"].startswith("2011-09-10T12:00")
    assert [line["event"] for line in said] == ["bundle refused"]


def test_a_bundle_published_while_the_store_is_locked_serves_later(
    client, publish, clock, settings
):
    publish("1")
    client.service.store.close()
    held = settings.store_file.read_bytes()
    settings.store_file.write_bytes(b"broken" * 1000)
    assert not check(client)
    assert "cannot read the products" in client.service.champion.refusal.reason
    settings.store_file.write_bytes(held)
    client.service.store.close()
    clock.advance(minutes=1)
    assert check(client)
    assert client.recommend()["model_version"] == "1"


def test_a_request_in_flight_keeps_the_bundle_it_began_with(trained_client, publish):
    client = trained_client
    client.track("Product Viewed", "m1", userId="ann", product_id="brand-new")
    known = client.service.profiles.known("ann")
    publish("2")
    check(client)
    assert known.live.version == "1"
    assert known.live.catalog.ids[known.timeline.product[0]] == "brand-new"
    assert client.service.profiles.known("ann").live.version == "2"
