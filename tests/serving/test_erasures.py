"""Erasing a customer by the API: gone at once, everywhere, and nothing brings them back."""

import json
from urllib.parse import quote

import numpy as np
import pytest
import structlog
from typer.testing import CliRunner

from features.events.erasures import Erasures
from features.events.log import EventLog
from features.instants import iso
from features.links import told_by
from features.timeline_build import timelines_of
from models.bundle import Bundle
from models.next_product.looks import Sessions
from serving import history
from serving.__main__ import cli
from serving.export import export
from serving.store import Impression, Score
from tests.serving.conftest import NOON
from training.__main__ import app as training

ASKED = {"who": "privacy officer", "why": "request by letter"}
BOTH = pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)


def erase(client, customer_id, **more):
    answer = client.request("DELETE", f"/v1/customers/{customer_id}", params=ASKED | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def live(client, user="ann", visitor="v"):
    client.track("Product Viewed", f"{user}1", anonymousId=visitor, product_id="tea")
    client.track("Product Viewed", f"{user}2", userId=user, anonymousId=visitor, product_id="tea")
    client.track("Checkout Started", f"{user}3", userId=user, total=12)
    client.track("Points Earned", f"{user}4", userId=user)
    client.post("/v1/offers/next", {"customer_id": user})


@BOTH
def test_an_erased_customer_is_unknown_to_every_endpoint_at_once(client):
    live(client)
    receipt = erase(client, "ann")
    assert receipt["removed"]["events"] == 3
    assert receipt["removed"]["quarantine"] == receipt["removed"]["decisions"] == 1
    for path in ("", "/export", "/corrections", "/churn"):
        for name in ("ann", "anonymous:v"):
            assert client.get(f"/v1/customers/{name}{path}").status_code == 404
    for path in ("/v1/events", "/v1/decisions"):
        assert list(client.get(path, params={"customer_id": "ann"}).json().values()) == [[]]
    assert client.get("/v1/quarantine").json() == {"rejected": []}


@BOTH
def test_another_worker_knows_them_no_longer_either(start):
    one, another = start(), start()
    live(one)
    assert another.get("/v1/customers/ann").status_code == 200
    erase(one, "ann")
    assert another.get("/v1/customers/ann").status_code == 404
    another.track("Product Viewed", "late", userId="ann", product_id="tea")
    assert another.get("/v1/customers/ann").status_code == 404


@pytest.fixture
def sessions_of_ann_and_ben(publish, trained, settings, tmp_path):
    """Publishes a bundle in which Ann went on from tea to the hose, and Ben to the seed."""
    bundle = Bundle.load(trained)
    session = next(g for g in bundle.next_product.generators if g.name == "session")
    walks = [bundle.catalog.index[name] for name in ("tea", "hose", "tea", "seed")]
    session.learn(
        Sessions(np.array([0, 2, 4]), np.array(walks, np.int32), np.arange(2), np.arange(2)),
        len(bundle.catalog),
        Erasures(settings.erasures).marks(["ann", "ben"]),
    )
    manifest = bundle.manifest
    told = {"cutoff": manifest.cutoff, "fingerprint": manifest.fingerprint}
    bundle.save(tmp_path / "sessions", created_at="2011-09-02T00:00:00Z", **told)
    publish("2", folder=tmp_path / "sessions")


def looked_at_with_tea(client):
    client.track("Product Viewed", "c1", anonymousId="chris", product_id="tea")
    items = client.recommend(anonymous_id="chris", k=9)["items"]
    return {i["product_id"] for i in items if i["reason"] == "Looked at together with Tea"}


@pytest.mark.usefixtures("sessions_of_ann_and_ben")
def test_their_sessions_are_no_longer_what_others_follow(start):
    one, another = start(), start()
    assert looked_at_with_tea(one) == looked_at_with_tea(another) == {"hose", "seed"}
    live(one)
    erase(one, "ann")
    assert looked_at_with_tea(one) == {"seed"}
    another.service.champion.check()
    assert looked_at_with_tea(another) == {"seed"}
    assert looked_at_with_tea(start()) == {"seed"}


GROUNDS = {"by": "desk", "why": "asked"}


def test_what_was_ruled_of_them_is_in_nobody_elses_events_export_or_log(client, settings):
    for user in ("ann", "secret"):
        client.track("Product Viewed", user, userId=user, product_id="tea")
    key = {"Idempotency-Key": "k1"}
    for how in ("merge", "unmerge"):
        ruling = {"other": "secret", **GROUNDS}
        assert client.post(f"/v1/customers/ann/{how}", ruling, headers=key).is_success
    log = EventLog(settings.log)
    export(client.service.store, log)
    assert len(told_by(log)[1]) == 2
    assert erase(client, "secret")["removed"]["answers"] == 2
    assert told_by(log)[1] == []
    for path in ("/v1/events?customer_id=ann", "/v1/customers/ann/export"):
        answer = client.get(path)
        assert answer.is_success
        assert "secret" not in answer.text
    again = client.post("/v1/customers/ann/merge", {"other": "secret", **GROUNDS}, headers=key)
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (409, False)


def registered(client, user="ann", **traits):
    traits = traits or {"email": "ann@shop.example", "phone": "+49 176 1234567"}
    answer = client.post("/v1/identify", {"messageId": user, "userId": user, "traits": traits})
    assert answer.is_success


@pytest.mark.parametrize(
    "written", ["Ann@Shop.Example", "mailto:ann@shop.example", "+491761234567"]
)
def test_an_address_as_people_write_it_reads_exports_and_erases_its_customer(client, written):
    registered(client)
    path = f"/v1/customers/{quote(written, safe='')}"
    assert client.get(path).json()["customer_id"] == "ann"
    assert client.get(f"{path}/export").json()["customer_id"] == "ann"
    assert erase(client, quote(written, safe=""))["removed"]["people"] == 3
    for asked in (path, f"{path}/export", "/v1/customers/ann"):
        assert client.get(asked).status_code == 404
    assert erase(client, quote(written, safe=""))["removed"]["people"] == 0


def test_a_card_erases_its_customer_and_an_id_that_is_known_is_itself(client):
    registered(client, loyalty_card="7421")
    registered(client, "8888", loyalty_card="9")
    registered(client, "cleo", loyalty_card="8888")
    assert erase(client, "7421")["removed"]["people"] == 2
    assert client.get("/v1/customers/ann").status_code == 404
    for _ in range(2):  # the second time nobody has this id, but somebody has such a card
        erase(client, "8888")
        assert client.get("/v1/customers/8888").status_code == 404
        assert client.get("/v1/customers/cleo").status_code == 200


def test_what_may_be_several_customers_is_refused_and_nobody_erased(client):
    registered(client, loyalty_card="7421")
    registered(client, "ben", pos_account="7421")
    asked = [client.get(f"/v1/customers/7421{more}") for more in ("", "/export")]
    asked.append(client.request("DELETE", "/v1/customers/7421", params=ASKED))
    for answer in asked:
        assert answer.status_code == 422
        assert "GET /v1/customers?identifier=" in answer.json()["detail"]
    assert client.get("/v1/erasures").json()["erasures"] == []


def test_an_address_that_nobody_has_is_listed_as_it_would_come(client, clock):
    before = iso(clock())
    clock.advance(minutes=1)
    erase(client, "Ann@shop.example")
    for who in ({"email": "ann@shop.example"}, {"userId": "Ann@shop.example"}):
        client.track("Email Opened", str(who), timestamp=before, **who)
    assert client.get("/v1/events").json()["events"] == []


def test_an_intervention_that_was_due_is_never_decided(client, clock):
    live(client)
    erase(client, "ann")
    clock.advance(minutes=10)
    client.run_timers()
    assert client.get("/v1/decisions", params={"customer_id": "ann"}).json()["decisions"] == []
    assert client.service.store.claim(clock() + 10**9, until=clock() + 2 * 10**9) == []


def test_a_retry_and_a_late_event_do_not_bring_them_back(client, clock):
    live(client)
    before = iso(clock())
    clock.advance(minutes=1)
    receipt = erase(client, "ann")
    clock.advance(minutes=1)
    client.track("Product Viewed", "ann1", anonymousId="v", product_id="tea")
    late = {"userId": "ann", "product_id": "tea", "timestamp": before}
    assert client.track("Product Viewed", "ann9", **late).status_code == 200
    assert client.get("/v1/customers/ann").status_code == 404
    assert client.get("/v1/customers/anonymous:v").status_code == 404
    told = client.get(f"/v1/erasures/{receipt['erasure_id']}").json()
    assert told == receipt | {"dropped": 1}


def test_who_logs_in_again_is_a_new_customer(client, clock):
    live(client)
    erase(client, "ann")
    clock.advance(minutes=1)
    client.track("Product Viewed", "new", userId="ann", anonymousId="v", product_id="pot")
    found = client.get("/v1/customers/ann").json()
    assert (found["events"], found["consents"], found["decisions"]) == (1, [], [])


def test_who_may_not_return_stays_unknown_when_the_setting_says_so(start, clock):
    client = start(erased_may_return=False)
    live(client)
    assert erase(client, "ann")["until"] is None
    clock.advance(minutes=60)
    client.track("Product Viewed", "new", userId="ann", product_id="pot")
    assert client.get("/v1/customers/ann").status_code == 404


def test_erasing_twice_and_erasing_nobody_work_and_leave_receipts(client):
    live(client)
    first, second, nobody = erase(client, "ann"), erase(client, "ann"), erase(client, "no one")
    assert set(second["removed"].values()) == set(nobody["removed"].values()) == {0}
    listed = client.get("/v1/erasures").json()["erasures"]
    ids = [receipt["erasure_id"] for receipt in listed]
    assert ids == [receipt["erasure_id"] for receipt in (nobody, second, first)]
    page = client.get("/v1/erasures", params={"before": listed[0]["sequence"], "limit": 1}).json()
    assert [receipt["erasure_id"] for receipt in page["erasures"]] == [second["erasure_id"]]


def test_with_an_idempotency_key_a_request_that_is_sent_again_erases_once(client):
    live(client)
    key = {"Idempotency-Key": "k1"}
    sent = [
        client.request("DELETE", "/v1/customers/ann", params=ASKED, headers=key) for _ in range(2)
    ]
    assert sent[0].json() == sent[1].json()
    assert sent[1].headers["Idempotency-Replayed"] == "true"
    assert len(client.get("/v1/erasures").json()["erasures"]) == 1


@pytest.mark.parametrize("missing", ["who", "why"])
def test_who_and_why_must_be_said(client, missing):
    for asked in ({**ASKED, missing: " "}, {k: v for k, v in ASKED.items() if k != missing}):
        answer = client.request("DELETE", "/v1/customers/ann", params=asked)
        assert answer.status_code == 422
        assert missing in answer.json()["detail"]


def test_a_receipt_may_not_name_the_customer(client):
    live(client)
    params = ASKED | {"why": "mail of ann"}
    answer = client.request("DELETE", "/v1/customers/ann", params=params)
    assert answer.status_code == 422
    assert "why: holds an id of the customer" in answer.json()["detail"]
    assert client.get("/v1/customers/ann").status_code == 200


def test_an_unknown_receipt_is_a_problem(client):
    answer = client.get("/v1/erasures/era_none")
    assert (answer.status_code, answer.json()["title"]) == (404, "Unknown erasure")


@pytest.mark.parametrize("name", ["🦊 Zoë", "عائشة", "x" * 255, "a/b/export", "100%"])
def test_ids_of_any_writing_are_erased(client, name):
    client.track("Product Viewed", "m1", userId=name, product_id="tea")
    assert erase(client, quote(name, safe=""))["removed"]["events"] == 1
    assert client.service.store.person(name) is None


def test_an_id_that_is_too_long_is_refused(client):
    answer = client.request("DELETE", f"/v1/customers/{'x' * 256}", params=ASKED)
    assert answer.status_code == 422


def test_logs_name_nobody(client):
    with structlog.testing.capture_logs() as logged:
        live(client, "secret-ann", "secret-v")
        erase(client, "secret-ann")
        client.request("DELETE", "/v1/customers/secret-ann", params=ASKED | {"why": "secret-ann"})
    assert "secret" not in json.dumps(logged)


def test_no_id_stays_in_a_workers_count_of_fast_visitors(client):
    live(client, "secret-ann", "secret-v")
    assert "secret" not in str(vars(client.service.ingest._bots))


@BOTH
def test_what_was_exported_to_the_log_is_gone_from_it_at_once(client, settings, clock):
    live(client)
    live(client, "ben", "w")
    log = EventLog(settings.log)
    export(client.service.store, log)
    assert timelines_of(log).ids() == ["ann", "ben"]
    erase(client, "ann")
    assert timelines_of(log).ids() == ["ben"]
    clock.advance(minutes=1)
    client.track("Product Viewed", "ben9", userId="ben", product_id="tea")
    done = CliRunner().invoke(training, ["compact"], env={"REGULARS_DATA": str(settings.data)})
    assert done.exit_code == 0, done.output
    assert "3 events of erased people gone" in done.output
    exported = export(client.service.store, log)
    assert (exported.events, exported.known) == (1, 0)
    assert timelines_of(log).ids() == ["ben"]


@BOTH
def test_the_log_of_before_can_be_loaded_without_bringing_them_back(client, settings):
    live(client)
    live(client, "ben", "w")
    log = EventLog(settings.log)
    export(client.service.store, log)
    erase(client, "ann")
    assert len(log) == 6
    assert history.load(log, client.service.store).own == 3
    assert client.get("/v1/customers/ann").status_code == 404
    assert client.get("/v1/customers/anonymous:v").status_code == 404


def test_retention_by_the_command_line(client, settings):
    client.track("Product Viewed", "m1", userId="ann", product_id="tea")
    client.track("Checkout Started", "m2", userId="ann", total=3)
    client.service.store.put_scores([Score("ann", "7", NOON, 90, 0.5)])
    client.service.store.put_impressions([Impression("rec_1", "ann", NOON, "home", "7", ())])
    environment = {"REGULARS_DATA": str(settings.data), "COLUMNS": "200"}

    def retain(**more):
        done = CliRunner().invoke(cli, ["retain"], env=environment | more)
        return done.exit_code, done.output

    assert retain()[1].startswith("Nothing to do: REGULARS_RETAIN_DAYS says no period.")
    code, said = retain(REGULARS_RETAIN_DAYS='{"Product Viewed": 30}')
    assert code == 0, said
    assert "Deleted 1 events, 0 timeline rows, 0 scores and 0 lists" in said
    assert client.get("/v1/customers/ann").json()["events"] == 2
    numbers_too = {"REGULARS_RETAIN_NUMBERS": "false"}
    said = retain(REGULARS_RETAIN_DAYS='{"*": 30}', **numbers_too)[1]
    assert "Deleted 1 events, 2 timeline rows, 1 scores and 1 lists" in said
    assert client.service.store.scores("ann") == client.service.store.impressions("ann") == []
    assert client.get("/v1/customers/ann").json()["events"] == 0
    code, said = retain(REGULARS_RETAIN_DAYS='{"Consent Changed": 30}')
    assert (code, "may not age" in said) == (1, True)
    code, said = retain(REGULARS_RETAIN_DAYS='{"Nonsense": 30}')
    assert (code, "no event is named 'Nonsense'" in said) == (1, True)


def test_an_address_of_two_who_were_taken_apart_stays_the_others(client, clock):
    def told(message_id, user):
        clock.advance(minutes=1)
        traits = {"email": "both@shop.example"}
        body = {"messageId": message_id, "userId": user, "traits": traits}
        assert client.post("/v1/identify", body).is_success

    told("m1", "ann")
    told("m2", "ben")
    why = {"other": "ben", "by": "desk", "why": "two people"}
    assert client.post("/v1/customers/ann/unmerge", why).is_success
    clock.advance(minutes=1)
    erase(client, "ann")
    told("m3", "ben")
    assert len(client.get("/v1/customers/ben").json()["identifiers"]) == 2
