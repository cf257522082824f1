"""`python -m serving keys`: a key is printed once and nowhere else; lists and ends go by ids."""

import re

import pytest
from typer.testing import CliRunner

from serving.__main__ import cli


@pytest.fixture
def run(settings, monkeypatch):
    monkeypatch.setenv("REGULARS_DATA", str(settings.data))
    return lambda *words: CliRunner().invoke(cli, ["keys", *words])


def ids(run, name):
    return re.findall(rf"^ ?(\w+) +{name} ", run("list").stdout, re.MULTILINE)


def test_create_prints_the_key_alone_on_standard_output(run, client):
    made = run("create", "site", "--scope", "write", "--scope", "read")
    assert made.exit_code == 0
    assert re.fullmatch(r"rgl_read-write_[\w-]{43}\n", made.stdout)
    assert "which may read, write" in made.stderr
    secret = made.stdout.strip()
    assert secret not in made.stderr + run("list").output
    client.service.keys.refresh()
    assert client.holding(secret).get("/v1/events").is_success


def test_there_may_be_two_keys_of_a_name_and_each_ends_by_its_id(run, client):
    old, new = (run("create", "site", "--scope", "read").stdout.strip() for _ in range(2))
    first, second = ids(run, "site")
    ended = run("revoke", first)
    assert ended.exit_code == 0, ended.output
    client.service.keys.refresh()
    assert ids(run, "site") == [first, second]
    assert "ended" in run("list").stdout
    store = {key.key_id: key.ends_at for key in client.service.store.api_keys()}
    assert store[first] is not None
    assert store[second] is None
    assert client.holding(new).get("/v1/events").is_success
    assert old not in run("list").output


def test_a_key_may_go_on_for_some_hours_or_be_made_for_some_days(run, client):
    run("create", "trial", "--scope", "public", "--days", "2")
    run("create", "site", "--scope", "write")
    [site] = ids(run, "site")
    assert run("revoke", site, "--hours", "24").exit_code == 0
    by_name = {key.name: key for key in client.service.store.api_keys()}
    assert by_name["trial"].ends_at - by_name["trial"].created_at == 2 * 86_400_000
    assert 86_000_000 < by_name["site"].ends_at - by_name["site"].created_at < 87_000_000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["revoke", "nothing"], "no key 'nothing'; `python -m serving keys list`"),
        (["create", "a b", "--scope", "read"], "a key's name 'a b'"),
        (["create", "page", "--scope", "public", "--scope", "read"], "public stands alone"),
        (["create", "page", "--scope", "public", "--days", "-1"], "ends before it begins"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(run, words, told):
    refused = run(*words)
    assert refused.exit_code == 1
    assert told in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""


def test_a_scope_that_does_not_exist_names_those_that_do(run):
    refused = run("create", "site", "--scope", "everything")
    assert refused.exit_code == 2
    for scope in ("write", "read", "public", "admin"):
        assert scope in refused.output


def test_without_keys_the_list_says_how_to_make_one(run):
    assert "python -m serving keys create" in run("list").output
