"""Without consent nothing is personal, nobody is scored, and every answer says why."""

import pytest

from serving.profile import known


def buy(client, message_id="o1", *products, user="ann"):
    lines = [{"product_id": product, "quantity": 1, "price": 5} for product in products or ("tea",)]
    client.track(
        "Order Completed", message_id, userId=user, order_id=message_id, total=5, products=lines
    )


def consent(client, purpose, status, message_id="c1", user="ann", **more):
    answer = client.track(
        "Consent Changed", message_id, userId=user, purpose=purpose, status=status, **more
    )
    assert answer.status_code == 200, answer.text


def churn(client, user="ann"):
    return client.get(f"/v1/customers/{user}/churn").json()


def offer(client, **body):
    return client.post("/v1/offers/next", {"customer_id": "ann", **body}).json()


@pytest.fixture
def nothing_computed(monkeypatch):
    """Fails whoever evaluates a feature of a customer."""

    def computed(*_, **__):
        raise AssertionError("a feature was computed")

    monkeypatch.setattr(known, "vector", computed)


# --- personalisation ----------------------------------------------------------------------------


def test_without_consent_to_personalise_everybody_sees_the_same_popular_products(trained_client):
    buy(trained_client, "o1", "rake", "hose")
    personal = trained_client.recommend(customer_id="ann", k=5)
    assert personal["fallback"] is None
    consent(trained_client, "personalisation", "denied")
    answer = trained_client.recommend(customer_id="ann", k=5, country="DE")
    stranger = trained_client.recommend(customer_id="nobody", k=5)
    assert answer["fallback"] == "no_consent"
    assert answer["items"] == stranger["items"] != personal["items"]


def test_filters_and_exclusions_of_the_request_hold_without_consent(trained_client):
    buy(trained_client)
    consent(trained_client, "personalisation", "denied")
    answer = trained_client.recommend(
        customer_id="ann", k=5, filters={"category": "Garden"}, exclude=["hose"]
    )
    assert {item["product_id"] for item in answer["items"]} == {"rake", "seed"}
    assert answer["fallback"] == "no_consent"


def test_where_there_is_no_model_the_missing_consent_is_what_is_told(client):
    buy(client)
    consent(client, "personalisation", "denied")
    assert client.recommend(customer_id="ann")["fallback"] == "no_consent"


def test_consent_that_is_given_again_counts_in_the_next_answer(trained_client, clock):
    buy(trained_client)
    consent(trained_client, "personalisation", "denied")
    clock.advance(minutes=1)
    consent(trained_client, "personalisation", "granted", "c2")
    assert trained_client.recommend(customer_id="ann")["fallback"] is None


def test_where_the_shop_relies_on_consent_nobody_is_personalised_for_unasked(publish, start, clock):
    publish()
    client = start(personalisation_basis="consent")
    buy(client)
    assert client.recommend(customer_id="ann")["fallback"] == "no_consent"
    consent(client, "personalisation", "granted", expires_at="2011-09-10T13:00:00Z")
    assert client.recommend(customer_id="ann")["fallback"] is None
    clock.advance(minutes=60)
    assert client.recommend(customer_id="ann")["fallback"] == "no_consent", "it has expired"


def test_a_visitors_denial_holds_for_the_user_they_turn_out_to_be(trained_client, clock):
    buy(trained_client)
    consent(trained_client, "personalisation", "granted")
    trained_client.track(
        "Consent Changed", "c2", anonymousId="v", purpose="personalisation", status="denied"
    )
    clock.advance(minutes=1)
    trained_client.post("/v1/identify", {"messageId": "i", "userId": "ann", "anonymousId": "v"})
    assert trained_client.recommend(customer_id="ann")["fallback"] == "no_consent"
    clock.advance(minutes=1)
    consent(trained_client, "personalisation", "granted", "c3")
    assert trained_client.recommend(customer_id="ann")["fallback"] is None


# --- profiling ----------------------------------------------------------------------------------


def test_who_objects_to_profiling_has_no_score_and_is_told_why(trained_client):
    buy(trained_client)
    assert churn(trained_client)["probability"] is not None
    consent(trained_client, "profiling", "denied")
    answer = churn(trained_client)
    assert (answer["probability"], answer["reasons"]) == (None, [])
    assert answer["note"] == "no score is computed: consent to profiling is denied"
    worth = trained_client.get("/v1/customers/ann/value").json()
    assert (worth["expected_orders"], worth["expected_spend"], worth["reasons"]) == (None, None, [])
    assert worth["note"] == answer["note"]


@pytest.mark.usefixtures("nothing_computed")
def test_for_who_objects_no_feature_is_evaluated_neither_for_a_score_nor_for_an_offer(
    trained_client,
):
    buy(trained_client)
    consent(trained_client, "profiling", "denied")
    consent(trained_client, "marketing", "granted", "c2")
    assert churn(trained_client)["probability"] is None
    made = offer(trained_client)
    assert (made["offer"], made["alternatives"]) == (None, [])
    assert made["reason"] == "No offer: withheld, consent to profiling is denied"
    kept = trained_client.get(f"/v1/decisions/{made['decision_id']}").json()
    assert kept["reason"] == made["reason"]


def test_without_consent_to_personalise_no_offer_is_chosen(trained_client):
    buy(trained_client)
    consent(trained_client, "personalisation", "denied")
    consent(trained_client, "marketing", "granted", "c2")
    assert "withheld, consent to personalisation is denied" in offer(trained_client)["reason"]


def test_where_the_shop_relies_on_consent_nobody_is_scored_unasked(publish, start):
    publish()
    client = start(profiling_basis="consent")
    buy(client)
    assert churn(client)["note"] == ("no score is computed: no consent to profiling was ever given")
    consent(client, "profiling", "granted")
    assert churn(client)["probability"] is not None


# --- banners ------------------------------------------------------------------------------------


def stamped(client, message_id, event="Product Viewed", *, channel="browser", **categories):
    return client.track(
        event,
        message_id,
        userId="ann",
        context={"channel": channel, "consent": {"categoryPreferences": categories}},
        **({"product_id": "tea"} if event == "Product Viewed" else {}),
    )


@pytest.mark.parametrize("event", ["Product Viewed", "Segment Consent Preference Updated"])
def test_a_banners_categories_are_obeyed(trained_client, event):
    buy(trained_client)
    stamped(trained_client, "m1", event, Functional=False, Analytics=False, DataSharing=False)
    assert trained_client.recommend(customer_id="ann")["fallback"] == "no_consent"
    assert churn(trained_client)["probability"] is None


def test_a_banner_on_the_site_is_no_consent_to_a_newsletter(client):
    stamped(client, "m1", Advertising=True)
    standing = client.get("/v1/customers/ann/consents").json()["standing"]["marketing"]
    assert standing["web"]["allowed"]
    assert not standing["all"]["allowed"]
    assert "email" not in standing


def test_a_category_that_nobody_declared_says_nothing_until_the_settings_tell(start):
    client = start()
    assert stamped(client, "m1", C9999=False).status_code == 200
    assert client.service.store.consents("ann") == []
    told = start(consent_categories={"C9999": ["profiling", "marketing:email"]})
    stamped(told, "m2", C9999=False)
    assert {(c.purpose, c.channel, c.status) for c in told.service.store.consents("ann")} == {
        ("profiling", "all", "denied"),
        ("marketing", "email", "denied"),
    }


def test_of_two_categories_for_one_purpose_both_must_be_allowed(client):
    stamped(client, "m1", Advertising=True, Targeting=False)
    [statement] = client.service.store.consents("ann")
    assert (statement.purpose, statement.channel, statement.status) == (
        "marketing", "web", "denied",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("consent", "column"),
    [
        ("all", "context.consent"),
        ({"categoryPreferences": ["Advertising"]}, "context.consent.categoryPreferences"),
        (
            {"categoryPreferences": {"Advertising": "perhaps"}},
            "context.consent.categoryPreferences.Advertising",
        ),
    ],
)
def test_categories_that_cannot_be_read_are_refused_and_kept_aside(client, consent, column):
    answer = client.track("Cart Viewed", "m1", userId="ann", context={"consent": consent})
    assert answer.status_code == 400
    assert column in answer.json()["message"]
    assert [aside.column for aside in client.service.store.quarantined()] == [column]


@pytest.mark.parametrize("consent", [None, {}, {"categoryPreferences": None}])
def test_an_event_without_categories_says_nothing_but_the_event_about_them_needs_some(
    client, consent
):
    context = {"consent": consent}
    assert client.track("Cart Viewed", "m1", userId="ann", context=context).status_code == 200
    updated = "Segment Consent Preference Updated"
    answer = client.track(updated, "m2", userId="ann", context=context)
    assert answer.status_code == 400
    assert "category_preferences" in answer.json()["message"]


def test_a_bots_banner_says_nothing(client):
    client.track(
        "Segment Consent Preference Updated",
        "m1",
        anonymousId="v",
        context={
            "userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1)",
            "consent": {"categoryPreferences": {"Advertising": True}},
        },
    )
    assert client.service.store.consents("anonymous:v") == []


# --- bad statements -----------------------------------------------------------------------------


def test_consent_from_the_future_counts_from_now_or_is_refused(client, clock):
    soon, far = "2011-09-10T13:00:00Z", "2011-12-24T00:00:00Z"
    consent(client, "marketing", "granted", timestamp=soon)
    [statement] = client.service.store.consents("ann")
    assert statement.at == clock.now, "a sender's clock may be wrong by hours"
    answer = client.track(
        "Consent Changed", "c2", userId="ann", purpose="marketing", status="denied", timestamp=far
    )
    assert answer.status_code == 400
    assert "in the future" in answer.json()["message"]


def test_a_consent_that_has_expired_is_kept_and_does_not_hold(client):
    consent(client, "marketing", "granted", expires_at="2011-01-01T00:00:00Z")
    view = client.get("/v1/customers/ann/consents").json()
    assert view["consents"][0]["expires_at"] == "2011-01-01T00:00:00Z"
    assert view["standing"]["marketing"]["all"] == {
        "allowed": False,
        "said": False,
        "reason": "consent to marketing expired at 2011-01-01 00:00 UTC",
    }


def test_an_expiry_that_is_no_date_is_refused(client):
    answer = client.track(
        "Consent Changed", "c1", userId="ann", purpose="marketing", status="granted",
        expires_at="next year",
    )  # fmt: skip
    assert answer.status_code == 400
    assert "no date that can be read" in answer.json()["message"]


# --- the ledger ---------------------------------------------------------------------------------


def test_the_ledger_and_the_profile_say_what_was_said_where_it_came_from_and_what_holds(client):
    consent(client, "marketing", "granted", consent_channel="email")
    view = client.get("/v1/customers/ann/consents").json()
    [line] = view["consents"]
    assert line == {
        "purpose": "marketing",
        "channel": "email",
        "status": "granted",
        "at": "2011-09-10T12:00:00Z",
        "source": "api",
        "expires_at": None,
        "carried": False,
        "customer_id": "ann",
        "event_id": "c1",
    }
    assert view["standing"]["marketing"] == {
        "all": {
            "allowed": False,
            "said": False,
            "reason": "no consent to marketing was ever given",
        },
        "email": {
            "allowed": True,
            "said": True,
            "reason": "consent to marketing by email is given",
        },
    }
    assert view["standing"]["service"]["all"]["reason"] == "service rests on contract"
    profile = client.get("/v1/customers/ann").json()
    assert (profile["consents"], profile["standing"]) == (view["consents"], view["standing"])


def test_an_employee_writes_down_an_objection_and_it_holds_at_once(trained_client):
    buy(trained_client)
    body = {"purpose": "profiling", "status": "denied", "by": "desk 3", "why": "telephone"}
    answer = trained_client.post("/v1/customers/ann/consents", body)
    assert answer.status_code == 200, answer.text
    [line] = answer.json()["consents"]
    assert (line["source"], line["status"], line["channel"]) == ("employee", "denied", "all")
    assert churn(trained_client)["probability"] is None
    events = trained_client.get("/v1/events", params={"customer_id": "ann", "limit": 1}).json()
    told = events["events"][0]["properties"]
    assert (told["recorded_by"], told["reason"]) == ("desk 3", "telephone")


def test_what_an_employee_writes_down_of_a_visitor_is_the_visitors(client):
    client.track("Cart Viewed", "m1", anonymousId="v")
    body = {"purpose": "location", "status": "granted", "by": "desk 3", "why": "asked for a shop"}
    view = client.post("/v1/customers/anonymous:v/consents", body).json()
    assert [line["customer_id"] for line in view["consents"]] == ["anonymous:v"]
    assert view["standing"]["location"]["all"]["allowed"]


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"purpose": "selling"}, 422, "none of: service, marketing"),
        ({"status": "maybe"}, 422, "none of: granted, denied"),
        ({"channel": "fax"}, 422, "none of: all, other, web"),
        ({"by": ""}, 422, "by: "),
        ({"why": None}, 422, "why: "),
        ({"expires_at": "2011-01-01T00:00:00Z"}, 422, "has passed"),
    ],
)
def test_a_statement_that_cannot_be_written_down_says_why(client, changes, status, says):
    client.track("Cart Viewed", "m1", userId="ann")
    body = {"purpose": "profiling", "status": "granted", "by": "desk", "why": "asked"} | changes
    answer = client.post("/v1/customers/ann/consents", body)
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert client.service.store.consents("ann") == []


def test_the_ledger_of_nobody_is_not_found(client):
    body = {"purpose": "profiling", "status": "denied", "by": "desk", "why": "asked"}
    assert client.get("/v1/customers/nobody/consents").status_code == 404
    assert client.post("/v1/customers/nobody/consents", body).status_code == 404


def test_a_customer_is_read_with_two_statements_consents_included(client, monkeypatch):
    client.track("Cart Viewed", "m1", userId="ann")
    reads = []
    database = client.service.store._database
    read = database.read
    monkeypatch.setattr(
        database, "read", lambda doing, work: (reads.append(doing), read(doing, work))[1]
    )
    client.service.profiles.known("ann")
    assert reads == ["read a customer", "read consents"]
