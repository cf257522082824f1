import json

import pyarrow.parquet as pq
import pytest

from features.errors import InputError
from features.events.log import EventLog
from features.instants import DAY_MS, iso
from features.timeline_build import timelines_of
from models.next_product.shelf import Rule
from training.mailing import SCHEMA, read_rules


def test_every_known_customer_gets_the_placements_list(champion, tmp_path):
    rules = tmp_path / "rules.json"
    pinned = {"name": "first", "action": "pin", "products": ["p0003"], "position": 1}
    # as the service answers: with what it knows of the rule
    rules.write_text(json.dumps({"rules": [{**pinned, "acts": True, "unknown_products": []}]}))
    out = tmp_path / "mail.parquet"
    said = champion.done("lists", out, "--k", 4, "--rules", rules)
    table = pq.read_table(out)
    assert f"email for {len(table):,} customers by version 1" in said.stdout
    assert table.schema.equals(SCHEMA)
    about = json.loads(table.schema.metadata[b"regulars"])
    assert (about["placement"], about["rules"]) == ("email", ["first"])
    rows = table.to_pylist()
    assert {len(row["items"]) for row in rows} == {4}
    assert all(item["reason"] and item["source"] for row in rows for item in row["items"])
    pinned_first = [row for row in rows if row["items"][0]["product_id"] == "p0003"]
    # but to whom it must not be shown
    assert len(pinned_first) > len(rows) / 2
    assert {row["items"][0]["rule"] for row in pinned_first} == {"first"}
    again = tmp_path / "again.parquet"
    champion.done("lists", again, "--k", 4, "--rules", rules)
    assert again.read_bytes() == out.read_bytes()


def test_who_came_later_is_on_no_list_of_before(champion, tmp_path):
    first = int(timelines_of(EventLog(champion.settings.log)).rows.at.min())
    counts = []
    for at in ((), ("--at", iso(first + 30 * DAY_MS)[:10])):
        champion.done("lists", tmp_path / "mail.parquet", "--k", 1, *at)
        counts.append(len(pq.read_table(tmp_path / "mail.parquet")))
    assert 0 < counts[1] < counts[0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--placement", "banner"), "no placement is called 'banner'; there are associate, cart"),
        (("--placement", "cart"), "placement 'cart' is about a page's cart"),
        (("--k", -1), "k = -1"),
        (("--rules", "nowhere.json"), "cannot read rules from nowhere.json"),
    ],
)
def test_a_wrong_wish_is_named_and_leaves_no_file(champion, tmp_path, asked, said):
    failed = champion.run("lists", tmp_path / "mail.parquet", *asked)
    assert failed.exit_code == 2
    assert said in " ".join(failed.stderr.split())
    assert not list(tmp_path.glob("*mail*"))


def test_rules_are_read_as_a_list_too(tmp_path):
    file = tmp_path / "rules.json"
    file.write_text('[{"name": "a", "action": "exclude", "products": ["x"]}]')
    assert read_rules(file) == [Rule(name="a", action="exclude", products=("x",))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[{"name": "a", "action": "hide", "products": ["x"]}]',
            "action: Input should be .*'hide'",
        ),
        ('{"items": []}', "holds no rules; write there what GET /v1/rules answers"),
        ("[3]", "holds no rules"),
        ("no json", "holds no rules"),
        (
            '[{"name": "a", "action": "pin", "products": ["x"], "position": 1},'
            ' {"name": "b", "action": "exclude", "products": ["x"]}]',
            "the rule 'a' pins x, which the rule 'b' excludes",
        ),
    ],
)
def test_a_file_that_holds_no_rules_is_refused(tmp_path, text, said):
    file = tmp_path / "rules.json"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_rules(file)
