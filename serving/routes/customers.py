"""What is known of a customer, and whether they are about to leave."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel
from starlette.responses import Response

from features.instants import moment
from serving.authorization import KeyedRoute
from serving.errors import NoModelError
from serving.routes.decisions import DecisionView, decision_view
from serving.routes.fields import Identifier, Moment, answer, example, problems
from serving.service import ServiceDep

router = APIRouter(tags=["customers"], route_class=KeyedRoute)

CustomerPath = Annotated[
    Identifier,
    Path(
        description="A user id, or `anonymous:` and an anonymous id.",
        openapi_examples={
            "user": {"value": "c-17"},
            "visitor": {"value": "anonymous:5d2f0f6e"},
        },
    ),
]


class OrderLine(BaseModel):
    """One product of an order."""

    product_id: str
    title: str
    quantity: float
    price: float | None


class PlacedOrder(BaseModel):
    """One order as it was placed."""

    at: Moment
    total: float | None
    channel: str
    lines: list[OrderLine]


class ConsentView(BaseModel):
    """One statement of the customer."""

    purpose: str
    channel: str
    status: str
    at: Moment


class CustomerView(BaseModel):
    """Everything known of a customer at an instant."""

    customer_id: str
    identifiers: list[str]
    """All ids that lead to this customer."""
    at: Moment
    first_seen_at: Moment | None
    last_seen_at: Moment | None
    events: int
    last_orders: list[PlacedOrder]
    features: dict[str, float | None]
    """By the names of features/definitions; null where undefined."""
    consents: list[ConsentView]
    decisions: list[DecisionView]
    model_version: str | None


class ChurnReasonView(BaseModel):
    """One thing that moved the probability."""

    feature: str
    contribution: float
    """In log odds of leaving; positive raises the risk."""
    text: str


class ChurnView(BaseModel):
    """Whether a customer is about to leave."""

    customer_id: str
    probability: float | None
    """P(no order in the horizon); null for a customer who never ordered."""
    horizon_days: int
    reasons: list[ChurnReasonView]
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
            "horizon_days": 90,
            "reasons": [
                {
                    "feature": "cadence_order_days_since_last",
                    "contribution": 0.84,
                    "text": "Days since the last order: 71",
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
    """Say how probable it is that the customer places no order in the horizon, and why."""
    known = service.profiles.known(customer_id)
    bundle = known.live.bundle
    if bundle is None or bundle.churn is None:
        raise NoModelError("churn")
    ordered = known.features(["purchase_orders_life"])[0] > 0
    row = known.features(bundle.churn.feature_names_)[None, :]
    return answer(
        {
            "customer_id": known.person.customer_id,
            "probability": float(bundle.churn.predict_proba(row)[0]) if ordered else None,
            "horizon_days": bundle.churn.horizon_days_,
            "reasons": [vars(reason) for reason in bundle.churn.reasons(row)] if ordered else [],
            "note": None if ordered else "has not ordered yet, so there is nothing to leave",
            "model_version": known.live.version,
            "at": moment(known.at),
        }
    )


@router.get(
    "/v1/customers/{customer_id:path}",
    response_model=CustomerView,
    responses=example(
        {
            "customer_id": "c-17",
            "identifiers": ["c-17", "anonymous:5d2f0f6e"],
            "at": "2011-09-10T12:05:00Z",
            "first_seen_at": "2011-09-10T12:00:00Z",
            "last_seen_at": "2011-09-10T12:04:00Z",
            "events": 2,
            "last_orders": [
                {
                    "at": "2011-09-10T12:04:00Z",
                    "total": 25.5,
                    "channel": "web",
                    "lines": [
                        {
                            "product_id": "22423",
                            "title": "Regency cake stand",
                            "quantity": 2.0,
                            "price": 12.75,
                        }
                    ],
                }
            ],
            "features": {"purchase_orders_life": 1.0, "cadence_order_gap_mean_life": None},
            "consents": [
                {
                    "purpose": "marketing",
                    "channel": "email",
                    "status": "granted",
                    "at": "2011-09-10T12:00:00Z",
                }
            ],
            "decisions": [],
            "model_version": "7",
        }
    )
    | problems(404, 422, 503),
)
async def customer(customer_id: CustomerPath, service: ServiceDep) -> Response:
    """Give everything that is known of a customer, under any of their ids."""
    found = service.profiles.profile(customer_id)
    return answer(
        {
            "customer_id": found.customer_id,
            "identifiers": found.identifiers,
            "at": moment(found.at),
            "first_seen_at": None if found.first_seen_at is None else moment(found.first_seen_at),
            "last_seen_at": None if found.last_seen_at is None else moment(found.last_seen_at),
            "events": found.events,
            "last_orders": [
                {
                    "at": moment(order.at),
                    "total": order.total,
                    "channel": order.channel,
                    "lines": [vars(line) for line in order.lines],
                }
                for order in found.last_orders
            ],
            "features": found.features,
            "consents": [
                {
                    "purpose": consent.purpose,
                    "channel": consent.channel,
                    "status": consent.status,
                    "at": moment(consent.at),
                }
                for consent in found.consents
            ],
            "decisions": [decision_view(decision) for decision in found.decisions],
            "model_version": found.model_version,
        }
    )
