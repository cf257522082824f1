"""Everything that is held on a customer, for the customer."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from serving.addressing import named
from serving.authorization import KeyedRoute
from serving.person_export import NOT_INCLUDED, person_export
from serving.routes.fields import CustomerPath, Moment, example, problems
from serving.routes.stored import EventView
from serving.service import ServiceDep

router = APIRouter(tags=["privacy"], route_class=KeyedRoute)


class TimelineRow(BaseModel):
    """One row of what features are computed from: an event, or a line of an order."""

    at: Moment
    known_at: Moment
    event: str
    channel: str
    product_id: str | None
    value: float | None
    quantity: float | None
    measure: float | None


class PersonExport(BaseModel):
    """Everything that is held on a customer."""

    customer_id: str
    identifiers: list[str]
    at: Moment
    traits: dict[str, str]
    """The facts that hold, as corrected."""
    not_included: list[str]
    """What else is kept, and why it is not about a person."""
    timeline: list[TimelineRow]
    """The loaded history and the events below, as numbers."""
    events: list[EventView]
    corrections: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    timers: list[dict[str, Any]]
    """Looks at the customer that are still to come."""
    decisions: list[dict[str, Any]]
    scores: list[dict[str, Any]]
    """Churn probabilities that were answered: of a day the first."""
    impressions: list[dict[str, Any]]
    """Lists of products that were shown, each with the probability of what stands in it."""
    quarantined: list[dict[str, Any]]
    """Messages that were not counted and name the customer."""


@router.get(
    "/v1/customers/{customer_id:path}/export",
    response_model=PersonExport,
    responses=example(
        {
            "customer_id": "c-17",
            "identifiers": ["c-17", "anonymous:5d2f0f6e"],
            "at": "2011-09-10T12:05:00Z",
            "traits": {"country": "DE"},
            "not_included": list(NOT_INCLUDED),
            "timeline": [
                {
                    "at": "2011-09-10T12:00:00Z",
                    "known_at": "2011-09-10T12:00:00Z",
                    "event": "Product Viewed",
                    "channel": "web",
                    "product_id": "22423",
                    "value": 12.75,
                    "quantity": None,
                    "measure": None,
                }
            ],
            "events": [],
            "corrections": [],
            "consents": [],
            "timers": [],
            "decisions": [],
            "scores": [
                {
                    "customer_id": "c-17",
                    "version": "7",
                    "at": "2011-09-10T12:00:00Z",
                    "horizon_days": 90,
                    "probability": 0.71,
                }
            ],
            "impressions": [
                {
                    "recommendation_id": "rec_6f1dd1a0c2b84f6c9d1f4d6a8f5e2b10",
                    "customer_id": "c-17",
                    "placement": "home",
                    "version": "7",
                    "at": "2011-09-10T12:00:00Z",
                    "items": [{"product_id": "85123A", "score": 0.213, "propensity": 0.95}],
                }
            ],
            "quarantined": [],
        }
    )
    | problems(404, 422, 503),
)
async def export(customer_id: CustomerPath, request: Request, service: ServiceDep) -> Response:
    """Give everything that is held on a customer, under any of their ids, as one JSON object.

    It is sent while it is read, so that a long life takes no memory.
    """

    def begun() -> Iterator[bytes]:
        return person_export(named(customer_id, request, service).customer_id, service)

    parts = await run_in_threadpool(begun)
    return StreamingResponse(parts, media_type="application/json")
