"""The next best offer for a customer, or none; either is a decision, and is kept."""

import math
import uuid
from collections.abc import Sequence

from features.consents import PERSONALISATION, PROFILING
from models.offers import OfferDecision
from serving.consent import purposes
from serving.profile import Known
from serving.store import Decision

KIND = "offer"
ORDER_VALUE = ("purchase_order_value_mean_365d", "purchase_order_value_mean_life")
"""What an order of the customer is worth: of the last year, else of all time."""


def next_offer(
    known: Known | None,
    *,
    customer_id: str,
    channel: str,
    at: int,
    model_version: str | None,
    without: Sequence[str],
) -> Decision:
    """Choose by expected value, with the churn model's probability.

    Arguments:
        known: the customer; None when nothing is known of them.
        customer_id: the id that was asked for.
        channel: where the offer would be shown.
        at: the instant of the decision.
        model_version: what serves now.
        without: ids of offers not to make.
    """
    bundle = None if known is None else known.live.bundle
    if known is None:
        return _none(customer_id, channel, at, model_version, "nothing is known of the customer")
    for purpose in (PROFILING, PERSONALISATION):
        stands = known.standing(purpose)
        if not stands.allowed:
            return _none(customer_id, channel, at, model_version, f"withheld, {stands.reason}")
    if bundle is None or bundle.churn is None:
        return _none(customer_id, channel, at, model_version, "no churn model is published yet")
    needed = tuple(
        dict.fromkeys((*bundle.churn.feature_names_, *bundle.offers.features, *ORDER_VALUE))
    )
    values = known.features(needed)
    features = {name: float(value) for name, value in zip(needed, values, strict=True)}
    worth = next((features[n] for n in ORDER_VALUE if not math.isnan(features[n])), math.nan)
    if math.isnan(worth):
        return _none(
            customer_id, channel, at, model_version, "no order yet to judge an offer's value by"
        )
    probability = float(
        bundle.churn.predict_proba(values[None, : len(bundle.churn.feature_names_)], known.at)[0]
    )
    chosen = bundle.offers.choose(
        features,
        probability,
        worth,
        channel=channel,
        purposes=[p for p in purposes() if known.standing(p, channel).allowed],
        without=without,
    )
    return _decision(customer_id, channel, known.at, model_version, chosen)


def _none(customer_id: str, channel: str, at: int, model_version: str | None, why: str) -> Decision:
    nothing = OfferDecision(None, 0.0, f"No offer: {why}", ())
    return _decision(customer_id, channel, at, model_version, nothing)


def _decision(
    customer_id: str, channel: str, at: int, model_version: str | None, chosen: OfferDecision
) -> Decision:
    offer = chosen.offer
    return Decision(
        decision_id=f"dec_{uuid.uuid4().hex}",
        kind=KIND,
        customer_id=customer_id,
        at=at,
        action="no_offer" if offer is None else "offer",
        reason=chosen.reason,
        channel=channel,
        model_version=model_version,
        inputs_at=at,
        probability=1.0,
        details={
            "offer_id": None if offer is None else offer.id,
            "title": None if offer is None else offer.title,
            "expected_value": chosen.expected_value,
            "alternatives": [vars(alternative) for alternative in chosen.alternatives],
        },
    )
