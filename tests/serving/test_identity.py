"""The same person on web, app, mail and in the store is one; no mistake is for ever."""

import pytest

from features.columns import Columns as C
from serving.store import open_store
from tests.contracts.events import append, viewed

GROUNDS = {"by": "a.service", "why": "called, and proved it"}


def identifiers(client, customer_id):
    answer = client.get(f"/v1/customers/{customer_id}")
    return None if answer.status_code == 404 else answer.json()["identifiers"]


def looked_up(client, identifier):
    found = client.get("/v1/customers", params={"identifier": identifier}).json()["customers"]
    return [person["customer_id"] for person in found]


def views(client, customer_id):
    return client.get(f"/v1/customers/{customer_id}").json()["features"]["engagement_views_7d"]


def view(client, message_id, **who):
    assert client.track("Product Viewed", message_id, product_id="tea", **who).is_success


def identify(client, message_id, **body):
    assert client.post("/v1/identify", {"messageId": message_id, **body}).is_success


def merge(client, customer_id, other, how="merge", **headers):
    return client.post(f"/v1/customers/{customer_id}/{how}", {"other": other, **GROUNDS}, **headers)


def test_web_app_mail_and_store_are_one_person(client):
    view(client, "web", anonymousId="browser")
    email = {"email": "ann@shop.example"}
    identify(client, "login", userId="ann", anonymousId="browser", traits=email)
    client.track("Email Opened", "mail", email="ANN@shop.example ")
    client.track("Order Completed", "till", order_id="o1", total=9, loyalty_card="7421", **email)
    client.track("Store Visited", "visit", loyalty_card="7421")
    profile = client.get("/v1/customers/ann").json()
    assert profile["events"] == 5
    assert profile["features"]["purchase_orders_life"] == 1
    kinds = sorted(i.partition(":")[0] for i in profile["identifiers"])
    assert kinds == ["ann", "anonymous", "card", "email"]
    assert "shop.example" not in str(profile), "an address is kept as a keyed hash"


@pytest.mark.parametrize(
    "written",
    [
        "Ann@Shop.Example", " ann@shop.example ", "mailto:ann@shop.example", "ANN@SHOP.EXAMPLE",
        "Ann <ann@shop.example>", "ａｎｎ@shop.example", "ann@shop.example\t", "Ann@SHOP.example",
        "ann@Shop.example", "\u200aann@shop.example",
    ],
)  # fmt: skip
def test_an_address_in_ten_spellings_is_one(client, written):
    identify(client, "m1", userId="ann", traits={"email": "ann@shop.example"})
    identify(client, "m2", anonymousId="v", traits={"email": written})
    assert identifiers(client, "anonymous:v") == identifiers(client, "ann")
    assert looked_up(client, written) == ["ann"]


def test_a_number_needs_a_country_or_the_shops(start):
    abroad = start()
    identify(abroad, "m1", userId="ann", traits={"phone": "+49 176 1234567"})
    identify(abroad, "m2", userId="ben", traits={"phone": "0176 1234567"})
    assert identifiers(abroad, "ben") == ["ben"]
    assert abroad.get("/v1/events", params={"customer_id": "ben"}).json()["events"][0]["marks"] == [
        "unread:phone"
    ]
    at_home = start(phone_region="DE")
    identify(at_home, "m3", userId="cleo", traits={"phone": "0176 1234567"})
    assert looked_up(at_home, "0176/1234567") == looked_up(at_home, "+491761234567") == ["ann"]


def test_kinds_may_be_kept_as_they_are(start):
    client = start(identity={"email": {"hashed": False}})
    identify(client, "m1", userId="ann", traits={"email": "Ann@shop.example"})
    assert identifiers(client, "ann") == ["ann", "email:ann@shop.example"]


def test_what_programs_write_for_nobody_names_nobody(client):
    for number, nobody in enumerate(["null", "undefined", "00000000-0000-0000-0000-000000000000"]):
        view(client, f"a{number}", userId=f"u{number}", anonymousId=nobody)
        assert client.track("Cart Viewed", f"b{number}", userId=nobody).status_code == 400
        assert identifiers(client, f"u{number}") == [f"u{number}"]


def test_names_in_any_script_are_ids_like_others(client):
    for number, name in enumerate(["Зоя 🦊", "שרה", "أحمد", "李雷"]):
        view(client, f"m{number}", userId=name, anonymousId=f"v{number}")
        assert identifiers(client, name) == [name, f"anonymous:v{number}"]


def test_ten_thousand_devices_on_one_tablet_are_refused_and_listed(settings):
    store = open_store(settings)
    users = [viewed(f"e{i}", user=f"u{i}", visitor="tablet") for i in range(10_000)]
    for begin in range(0, 10_000, 500):
        append(store, *users[begin : begin + 500])
    assert store.person("u7").identifiers == ("u7",)
    assert store.refused() == [("anonymous:tablet", "seen with more than 1 of user_id")]
    store.close()


def test_refusals_and_blocked_values_are_listed(start):
    client = start(identity={C.ANONYMOUS_ID: {"blocked": ["till-3"]}})
    view(client, "m1", userId="ann", anonymousId="till-3")
    listed = client.get("/v1/identifiers/refused").json()["refused"]
    assert listed == [{"identifier": "anonymous:till-3", "reason": "blocked by the shop's rules"}]
    assert identifiers(client, "ann") == ["ann"]


def test_rules_that_do_not_exist_are_refused_at_the_start(start):
    for rules, told in (
        ({"fax": {}}, "no kind of identifier is called 'fax'"),
        ({"email": {"limit": 1}}, "email has no rule 'limit'"),
        ({"email": {"joins": -1}}, "write a whole number"),
    ):
        with pytest.raises(Exception, match=told):
            start(identity=rules)


def test_a_change_of_rules_counts_for_the_past_once_it_is_settled(start):
    first = start()
    for user in ("ann", "ben"):
        view(first, user, userId=user, anonymousId="tablet")
    assert identifiers(first, "ann") == ["ann"]
    second = start(identity={C.ANONYMOUS_ID: {"joins": 2}})
    second.service.store.settle_all()
    assert identifiers(second, "ben") == ["ann", "anonymous:tablet", "ben"]


def test_a_push_token_unseen_for_long_is_let_go(client, clock):
    device = {"context": {"device": {"token": "t-1"}}}
    view(client, "m1", userId="ann", **device)
    assert len(identifiers(client, "ann")) == 2
    clock.advance(minutes=271 * 24 * 60)
    assert client.service.store.settle_expired(clock.now) == 1
    assert client.service.store.settle_expired(clock.now) == 0
    assert identifiers(client, "ann") == ["ann"]


def test_a_merge_is_one_person_and_can_be_taken_back(client):
    view(client, "m1", userId="ann", anonymousId="a")
    view(client, "m2", userId="ben")
    merged = merge(client, "ann", "ben")
    assert merged.json() == {
        "customer_id": "ann",
        "identifiers": ["ann", "anonymous:a", "ben"],
    }
    view(client, "m3", userId="ben")
    assert views(client, "ben") == views(client, "ann") == 3
    apart = merge(client, "ann", "ben", "unmerge").json()["customers"]
    assert [p["identifiers"] for p in apart] == [["ann", "anonymous:a"], ["ben"]]
    assert (views(client, "ann"), views(client, "ben")) == (1, 2)


def test_who_was_taken_apart_stays_apart_until_somebody_says_otherwise(client):
    for user in ("ann", "ben"):
        identify(client, user, userId=user, traits={"email": "home@shop.example"})
    assert identifiers(client, "ben") == identifiers(client, "ann")
    assert merge(client, "ann", "ben", "unmerge").is_success
    identify(client, "again", userId="ben", traits={"email": "home@shop.example"})
    assert identifiers(client, "ben") == ["ben"]
    assert merge(client, "ben", "ann").json()["customer_id"] == "ben"


def test_a_ruling_says_who_and_why_and_is_an_event(client):
    view(client, "m1", userId="ann")
    view(client, "m2", userId="ben")
    merge(client, "ann", "ben")
    [event] = client.get("/v1/events", params={"name": "Customers Merged"}).json()["events"]
    assert event["properties"] == {"other_id": "ben", **GROUNDS}
    sent = client.track("Customers Merged", "m3", userId="ann", other_id="cleo")
    assert sent.status_code == 400, "clients cannot send it"


def test_a_merge_that_is_sent_again_is_answered_again(client):
    view(client, "m1", userId="ann")
    view(client, "m2", userId="ben")
    key = {"headers": {"Idempotency-Key": "k1"}}
    assert merge(client, "ann", "ben", **key).json() == merge(client, "ann", "ben", **key).json()


def test_wrong_merges_say_what_is_wrong(client):
    view(client, "m1", userId="ann", anonymousId="a")
    view(client, "m2", userId="ben")
    for how, other, status, told in (
        ("merge", "ann", 422, "is the same person"),
        ("merge", "anonymous:a", 422, "is the same person"),
        ("merge", "cleo", 404, "no customer 'cleo'"),
        ("unmerge", "ben", 422, "was never merged"),
        ("unmerge", "ann", 422, "was never merged"),
    ):
        answer = merge(client, "ann", other, how)
        assert (answer.status_code, told in answer.json()["detail"]) == (status, True), answer.text


def test_what_was_sent_counts_while_merged_and_for_its_own_afterwards(client, clock):
    for user in ("ann", "ben"):
        client.track("Consent Changed", f"c-{user}", userId=user, purpose="marketing",
                     status="granted", consent_channel="all")  # fmt: skip
    merge(client, "ann", "ben")
    checkouts = ((2, "ben", "send"), (60, "ann", "withheld"))
    for minutes, user, action in checkouts:
        clock.advance(minutes=minutes)
        client.track("Checkout Started", f"o-{user}", userId=user)
        clock.advance(minutes=3)
        client.run_timers()
        assert decided(client, user)[0] == (user, action), "one chat a day for the one person"
    merge(client, "ann", "ben", "unmerge")
    assert decided(client, "ann") == [("ann", "withheld")]
    assert decided(client, "ben") == [("ben", "send")]


def decided(client, customer_id):
    found = client.get("/v1/decisions", params={"customer_id": customer_id}).json()["decisions"]
    return [(decision["customer_id"], decision["action"]) for decision in found]


def test_an_open_decision_is_made_whatever_becomes_of_the_merge(client, clock):
    view(client, "m1", userId="ann")
    client.track("Checkout Started", "m2", userId="ben")
    merge(client, "ann", "ben")
    merge(client, "ann", "ben", "unmerge")
    clock.advance(minutes=4)
    client.run_timers()
    assert decided(client, "ben") == [("ben", "withheld")]
    assert decided(client, "ann") == []


def test_the_older_of_two_decides_the_arm_and_each_has_their_own_again(client):
    view(client, "m1", userId="ben", anonymousId="b")
    view(client, "m2", userId="ann")
    store = client.service.store
    merge(client, "ann", "ben")
    assert store.person("ann").oldest == store.person("ben").oldest in ("ben", "anonymous:b")
    merge(client, "ann", "ben", "unmerge")
    assert store.person("ann").oldest == "ann"


def test_two_merges_taken_back_are_three_people_again(client):
    for user in ("ann", "ben", "cleo"):
        view(client, user, userId=user)
    merge(client, "ann", "ben")
    assert merge(client, "ben", "cleo").json()["identifiers"] == ["ann", "ben", "cleo"]
    assert merge(client, "ben", "cleo", "unmerge").is_success
    assert merge(client, "ann", "ben", "unmerge").is_success
    assert [identifiers(client, user) for user in ("ann", "ben", "cleo")] == [
        ["ann"], ["ben"], ["cleo"],
    ]  # fmt: skip


def test_a_merge_lifts_what_kept_their_identifiers_apart(client, clock):
    view(client, "m1", userId="ann")
    view(client, "m2", userId="ben", context={"traits": {"loyalty_card": "5"}})
    clock.advance(minutes=1)
    merge(client, "ann", "ben")
    assert merge(client, "ann", "card:5", "unmerge").is_success
    again = merge(client, "ann", "ben")
    assert again.is_success, again.text
    assert set(again.json()["identifiers"]) == {"ann", "ben", "card:5"}


def test_what_joins_nobody_is_not_merged_by_hand_either(client):
    for user in ("ann", "ben"):
        view(client, user, userId=user, anonymousId="tablet")
    refused = merge(client, "ann", "anonymous:tablet")
    assert refused.status_code == 422
    assert "joins nobody: seen with more than 1 of user_id" in refused.json()["detail"]
    assert client.get("/v1/events", params={"name": "Customers Merged"}).json()["events"] == []


def test_a_merge_beyond_what_one_person_may_have_is_refused(start):
    client = start(identity={"user_id": {"per_person": 2}})
    for user in ("ann", "ben", "cleo"):
        view(client, user, userId=user)
    assert merge(client, "ann", "ben").is_success
    refused = merge(client, "ann", "cleo")
    assert (refused.status_code, "at most 2" in refused.json()["detail"]) == (422, True)
    assert identifiers(client, "ben") == ["ann", "ben"]


def test_the_new_id_of_an_alias_leads(client):
    view(client, "m1", anonymousId="0a")
    client.post("/v1/alias", {"previousId": "0a", "userId": "zed", "messageId": "m2"})
    assert client.get("/v1/customers/anonymous:0a").json()["customer_id"] == "zed"


def test_what_an_employee_notes_is_theirs_whom_it_was_noted_of(client):
    for user in ("ann", "ben"):
        view(client, user, userId=user)
    merge(client, "ann", "ben")
    said = {"purpose": "profiling", "status": "denied", "by": "desk", "why": "objected"}
    assert client.post("/v1/customers/ben/consents", said).is_success
    merge(client, "ann", "ben", "unmerge")
    allowed = [
        client.get(f"/v1/customers/{user}/consents").json()["standing"]["profiling"]["all"][
            "allowed"
        ]
        for user in ("ann", "ben")
    ]
    assert allowed == [True, False]


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_day_beyond_the_calendar_costs_its_own_event_alone(client, until):
    consent = {
        "type": "track", "event": "Consent Changed", "messageId": "m1", "userId": "ann",
        "properties": {"purpose": "marketing", "status": "granted", "expires_at": until},
    }  # fmt: skip
    good = {"type": "track", "event": "Cart Viewed", "messageId": "m2", "userId": "ann"}
    assert client.post("/v1/batch", {"batch": [consent, good]}).is_success
    assert client.get("/v1/customers/ann").json()["events"] == 1
    said = {"purpose": "marketing", "status": "granted", "by": "desk", "why": "asked"}
    refused = client.post("/v1/customers/ann/consents", {**said, "expires_at": until})
    assert refused.status_code == 422


def test_a_grant_for_a_channel_by_its_short_name_is_no_grant_for_all(client):
    client.track("Consent Changed", "m1", userId="ann", purpose="marketing", channel="email",
                 status="granted")  # fmt: skip
    standing = client.get("/v1/customers/ann/consents").json()["standing"]["marketing"]
    assert (standing["email"]["allowed"], standing["all"]["allowed"]) == (True, False)
