"""What is known of a customer, whether they are about to leave, and what they are worth."""

import math

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from features.consents import PROFILING
from features.instants import DAY_MS, moment
from models.churn import LEVEL
from models.value import AGO_DAYS, LIMIT_DAYS, ValueModel
from serving.addressing import named
from serving.authorization import KeyedRoute
from serving.errors import NoModelError, UnknownCustomerError
from serving.profile import Profile
from serving.profile.known import Known
from serving.routes.fields import CustomerPath, Moment, answer, example, problems
from serving.routes.profile_example import PROFILE
from serving.service import ServiceDep

router = APIRouter(tags=["customers"], route_class=KeyedRoute)


class ReasonView(BaseModel):
    """One thing that moved the probability."""

    group: str
    """What it is about: rhythm, orders, spending, mood, …; features that move together are one."""
    contribution: float
    """In log odds of leaving; positive raises the risk."""
    text: str
    """In a sentence with the customer's own figures."""


class IntervalView(BaseModel):
    """How sure a probability is."""

    low: float
    high: float
    level: float
    """Share of groups of customers whose rate lies inside."""


class ChurnView(BaseModel):
    """Whether a customer is about to leave."""

    customer_id: str
    probability: float | None
    """P(no order in the horizon); null for a customer who never ordered, or allows no score."""
    interval: IntervalView | None
    """Where the share that leaves lies, of customers like this one; null without a probability."""
    band: str | None
    """low: leave them alone; medium: a message pays; high: an offer pays more."""
    horizon_days: int
    reasons: list[ReasonView]
    """Five at most, strongest first."""
    note: str | None
    """Why there is no probability."""
    model_version: str
    at: Moment


@router.get(
    "/v1/customers/{customer_id:path}/churn",
    response_model=ChurnView,
    responses=example(
        {
            "customer_id": "c-17",
            "probability": 0.71,
            "interval": {"low": 0.6, "high": 0.8, "level": 0.9},
            "band": "medium",
            "horizon_days": 90,
            "reasons": [
                {
                    "group": "rhythm",
                    "contribution": 0.84,
                    "text": "Usually orders every 32 days, silent for 71",
                }
            ],
            "note": None,
            "model_version": "7",
            "at": "2011-09-10T12:00:00Z",
        }
    )
    | problems(404, 422, 503),
)
async def churn(customer_id: CustomerPath, service: ServiceDep) -> Response:
    """Say how probable it is that the customer places no order in the horizon, and why.

    Of a customer who does not allow to be profiled nothing is computed; `note` says so.
    """
    known = service.profiles.known(customer_id)
    bundle = known.live.bundle
    if bundle is None or bundle.churn is None:
        raise NoModelError("churn")
    probability, interval, band, reasons, note = None, None, None, [], None
    stands = known.standing(PROFILING)
    if not stands.allowed:
        note = f"no score is computed: {stands.reason}"
    elif known.features(["purchase_orders_life"])[0] > 0:
        row = known.features(bundle.churn.feature_names_)[None, :]
        found = bundle.churn.estimate(row, known.at)
        probability = float(found.probability[0])
        interval = {"low": float(found.low[0]), "high": float(found.high[0]), "level": LEVEL}
        band = bundle.churn.bands_.name(probability)
        reasons = bundle.churn.reasons(row, at=known.at)
        horizon_days = bundle.churn.horizon_days_
        service.scores.add(
            known.person.customer_id, str(known.live.version), known.at, horizon_days, probability
        )
    else:
        note = "has not ordered yet, so there is nothing to leave"
    return answer(
        {
            "customer_id": known.person.customer_id,
            "probability": probability,
            "interval": interval,
            "band": band,
            "horizon_days": bundle.churn.horizon_days_,
            "reasons": [vars(reason) for reason in reasons],
            "note": note,
            "model_version": known.live.version,
            "at": moment(known.at),
        }
    )


class ValueReasonView(BaseModel):
    """One thing that moved the expected spend."""

    group: str
    """What it is about, as in the churn's reasons."""
    contribution: float
    """In the logarithm of everybody's expected spend; positive raises it."""
    text: str


class NextOrderView(BaseModel):
    """When the next order is expected; in four of five cases it comes between the outer two."""

    earliest_at: Moment | None
    median_at: Moment | None
    """Null where the customer is as likely not to order within a year."""
    latest_at: Moment | None
    """Null where nobody could be that sure that an order comes within a year."""


class ChangeView(BaseModel):
    """What is expected now against what was expected 90 days ago."""

    ratio: float
    falling: bool
    """Whether less than half of it is left."""


class ValueView(BaseModel):
    """What a customer is expected to order and to spend."""

    customer_id: str
    expected_orders: float | None
    """Days with an order in the horizon; null for a customer who never ordered, or allows no
    score."""
    expected_spend: float | None
    """In the horizon, returns not taken off; null too where events say nothing of money."""
    currency: str | None
    """Of the expected spend; null while nobody has said it."""
    horizon_days: int
    next_order: NextOrderView | None
    change: ChangeView | None
    """Null for a customer who had not ordered 90 days ago."""
    reasons: list[ValueReasonView]
    note: str | None
    """Why something is null, or what the model could not learn."""
    model_version: str
    at: Moment


@router.get(
    "/v1/customers/{customer_id:path}/value",
    response_model=ValueView,
    responses=example(
        {
            "customer_id": "c-17",
            "expected_orders": 2.1,
            "expected_spend": 84.3,
            "currency": "EUR",
            "horizon_days": 90,
            "next_order": {
                "earliest_at": "2011-09-15T12:00:00Z",
                "median_at": "2011-10-12T12:00:00Z",
                "latest_at": None,
            },
            "change": {"ratio": 0.41, "falling": True},
            "reasons": [
                {
                    "group": "rhythm",
                    "contribution": -0.62,
                    "text": "Usually orders every 32 days, silent for 71",
                }
            ],
            "note": None,
            "model_version": "7",
            "at": "2011-09-10T12:00:00Z",
        }
    )
    | problems(404, 422, 503),
)
async def value(customer_id: CustomerPath, service: ServiceDep) -> Response:
    """Say what the customer is expected to order and spend, when next, and whether that falls.

    Of a customer who does not allow to be profiled nothing is computed; `note` says so.
    """
    known = service.profiles.known(customer_id)
    bundle = known.live.bundle
    if bundle is None or bundle.value is None:
        raise NoModelError("value")
    told: dict[str, object] = dict.fromkeys(
        ("expected_orders", "expected_spend", "currency", "next_order", "change")
    )
    told |= {"reasons": [], "note": None}
    stands = known.standing(PROFILING)
    if not stands.allowed:
        told["note"] = f"no score is computed: {stands.reason}"
    elif known.features(["purchase_orders_life"])[0] > 0:
        told |= _worth(known, bundle.value)
        told["currency"] = service.profiles.currency
    else:
        told["note"] = "has not ordered yet, so nothing can be expected"
    return answer(
        {
            "customer_id": known.person.customer_id,
            **told,
            "horizon_days": bundle.value.horizon_days_,
            "model_version": known.live.version,
            "at": moment(known.at),
        }
    )


def _worth(known: Known, model: ValueModel) -> dict[str, object]:
    names, at = model.feature_names_, known.at
    now, before = (
        known.features(names, instant)[None, :] for instant in (at, at - AGO_DAYS * DAY_MS)
    )
    expected, change = model.predict(now, at), model.change(now, before, at)
    due = model.next_order(now, at)
    days = {"earliest_at": due.earliest, "median_at": due.median, "latest_at": due.latest}
    dates = {
        name: moment(at + int(day[0] * DAY_MS)) if math.isfinite(day[0]) else None
        for name, day in days.items()
    }
    notes = [model.note_] if model.note_ else []
    if dates["median_at"] is None:
        notes.append(f"an order within {LIMIT_DAYS} days is not expected")
    ratio, spend = float(change.ratio[0]), float(expected.spend[0])
    return {
        "expected_orders": float(expected.orders[0]),
        "expected_spend": spend if math.isfinite(spend) else None,
        "next_order": dates,
        "change": (
            {"ratio": ratio, "falling": bool(change.falling[0])} if math.isfinite(ratio) else None
        ),
        "reasons": [vars(reason) for reason in model.reasons(now, at)],
        "note": "; ".join(notes) or None,
    }


@router.get(
    "/v1/customers/{customer_id:path}",
    response_model=Profile,
    responses=example(PROFILE) | problems(404, 422, 503),
)
async def customer(customer_id: CustomerPath, request: Request, service: ServiceDep) -> Response:
    """Give everything that is known of a customer, under any of their ids.

    An address or a number may be written as people do.
    """
    try:
        found = service.profiles.profile(customer_id)
    except UnknownCustomerError:  # what is asked most is an identifier, and needs no look-up
        found = service.profiles.profile(named(customer_id, request, service).customer_id)
    return answer(vars(found))
