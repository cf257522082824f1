"""What happens around orders: logins, checkouts, points."""

import pandas as pd


def test_a_device_is_anonymous_until_its_first_login(shop):
    logins = shop.named("Identified")
    assert logins[["user_id", "anonymous_id"]].notna().all(axis=None)
    first = logins.groupby("anonymous_id")["timestamp"].min()
    views = shop.named("Product Viewed")
    assert (views["user_id"].isna() != views["anonymous_id"].isna()).all()
    later_known = views["anonymous_id"].isin(first.index)
    before = views[later_known]["timestamp"] < views[later_known]["anonymous_id"].map(first)
    assert before.mean() > 0.3
    assert not before.all()


def test_some_visitors_never_say_who_they_are(shop):
    known = set(shop.named("Identified")["anonymous_id"])
    strangers = set(shop.events["anonymous_id"].dropna()) - known
    assert len(strangers) > 100


def test_a_few_browsers_belong_to_two_customers(shop):
    owners = shop.true_customers["browser_id"].value_counts()
    assert 0 < (owners > 1).sum() < 0.05 * shop.settings.customers
    logins = shop.named("Identified").groupby("anonymous_id")["user_id"].nunique()
    assert logins.max() <= 2 or (logins > 2).mean() < 0.01


def test_guests_order_without_an_account(shop):
    guests = shop.orders["user_id"].isna()
    assert (guests != shop.orders["anonymous_id"].isna()).all()
    assert 0 < guests.mean() < 0.05


def test_some_checkouts_stall_and_some_are_resumed_later(shop):
    started = shop.named("Checkout Started").set_index("checkout_id")
    paid = shop.named("Payment Info Entered").set_index("checkout_id")
    stalled = ~started.index.isin(paid.index)
    assert 0.02 < stalled.mean() < 0.5
    pause = (paid["timestamp"] - started["timestamp"]).dropna()
    assert (pause < pd.Timedelta(minutes=10)).mean() > 0.8
    assert 0.02 < (pause > pd.Timedelta(minutes=15)).mean() < 0.2


def test_an_order_names_the_checkout_it_ends(shop):
    online = shop.orders[shop.orders["channel"] != "store"]
    started = set(shop.named("Checkout Started")["checkout_id"])
    assert online["checkout_id"].isin(started).mean() > 0.95
    assert shop.orders["checkout_id"].notna().sum() == len(online)


def test_a_stalled_checkout_is_followed_by_no_order_of_the_session(shop):
    started = shop.named("Checkout Started")
    paid = set(shop.named("Payment Info Entered")["checkout_id"])
    stalled = started[~started["checkout_id"].isin(paid)].dropna(subset="user_id")
    orders = shop.orders[shop.orders["channel"] != "store"].groupby("user_id")["timestamp"]
    times = dict(iter(orders))
    completed = [
        ((times[user] > at) & (times[user] < at + pd.Timedelta(minutes=10))).any()
        for user, at in zip(stalled["user_id"], stalled["timestamp"], strict=True)
        if user in times
    ]
    assert len(completed) > 20
    assert sum(completed) < 0.05 * len(completed)


def test_a_member_never_spends_points_that_are_not_there(shop):
    change = {"Points Earned": 1, "Points Redeemed": -1, "Points Expired": -1}
    moves = shop.events[shop.events["event"].isin(change)].sort_values(
        ["user_id", "timestamp", "event_id"]
    )
    signed = moves["points"] * moves["event"].map(change)
    balance = signed.groupby(moves["user_id"]).cumsum()
    assert balance.min() >= 0
    assert (balance == 0).any()


def test_points_expire_when_they_were_said_to(shop):
    notices = shop.named("Points Expiring")
    expired = shop.named("Points Expired").merge(notices, on="user_id", suffixes=("", "_notice"))
    expired = expired[expired["timestamp_notice"] < expired["timestamp"]]
    last = expired.sort_values("timestamp_notice").groupby("event_id").tail(1)
    assert (last["expires_at"] == last["timestamp"]).all()
    assert (last["points"] == last["points_notice"]).all()


def test_tiers_only_rise_from_the_lowest(shop):
    tiers = shop.named("Tier Changed").sort_values(["user_id", "timestamp"])
    level = tiers.groupby("user_id")["tier_level"]
    assert (level.diff().dropna() > 0).all()
    assert set(tiers["tier_level"]) == {0, 1, 2}


def test_no_marketing_mail_goes_to_who_did_not_allow_it(shop):
    consents = shop.named("Consent Changed")
    consents = consents[(consents["purpose"] == "marketing")]
    email = consents[consents["consent_channel"] == "email"]
    granted = email[email["status"] == "granted"].set_index("user_id")["timestamp"]
    ended = email[email["status"] == "denied"].set_index("user_id")["timestamp"]
    mails = shop.named("Email Delivered")
    since = mails["user_id"].map(granted)
    until = mails["user_id"].map(ended)
    hour = pd.Timedelta(hours=1)
    # A consent given in a store reaches the table at night, at the end of the period never.
    assert (mails["timestamp"] > since)[since.notna()].all()
    assert since.isna().mean() < 0.01
    assert not (mails["timestamp"] > until + hour).any()
