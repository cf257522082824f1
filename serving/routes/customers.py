"""What is known of a customer, and whether they are about to leave."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from features.consents import PROFILING
from features.instants import moment
from models.churn import LEVEL
from serving.addressing import named
from serving.authorization import KeyedRoute
from serving.errors import NoModelError, UnknownCustomerError
from serving.profile import Profile
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
