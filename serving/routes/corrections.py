"""Correcting what is known of a customer, with the history of it."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from features.instants import moment
from serving.authorization import KeyedRoute
from serving.routes.fields import (
    Body,
    CustomerPath,
    IdempotencyKey,
    Moment,
    Told,
    answer,
    example,
    problems,
)
from serving.service import Service, ServiceDep

router = APIRouter(tags=["privacy"], route_class=KeyedRoute)


class CorrectionBody(Body):
    """What is right, who says so, and why."""

    traits: dict[str, str] = Field(min_length=1, max_length=50)
    """The right values: `country`, `language`, and what REGULARS_KEEP adds."""
    who: Told
    """Who corrects, for the shop."""
    why: Told

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "traits": {"country": "DE", "language": "de"},
                "who": "customer service",
                "why": "told us on the phone",
            }
        },
    )


class Corrected(BaseModel):
    """That a correction was kept; it holds from the next answer on."""

    correction_id: str
    """The event that says so."""
    at: Moment


class ChangedView(BaseModel):
    """A fact before and after."""

    before: str | None
    """Null where nobody had said it to this service."""
    after: str


class CorrectionView(Corrected):
    """One correction."""

    who: str
    why: str
    traits: dict[str, ChangedView]


class History(BaseModel):
    """What holds, and how it came to be."""

    traits: dict[str, str]
    corrections: list[CorrectionView]


@router.patch(
    "/v1/customers/{customer_id:path}",
    response_model=Corrected,
    responses=example(
        {"correction_id": "correction:5f0c6c1e7ad94f6d", "at": "2011-09-10T12:00:00Z"}
    )
    | problems(404, 409, 413, 422, 503),
)
async def correct(
    customer_id: CustomerPath,
    body: CorrectionBody,
    request: Request,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Correct facts about a customer; what was before stays readable.

    A correction is an event of its own. It holds over what the customer's clients send later,
    until it is corrected again.
    """
    return await service.idempotency.answer(
        idempotency_key, request, lambda: _corrected(customer_id, body, service)
    )


@router.get(
    "/v1/customers/{customer_id:path}/corrections",
    response_model=History,
    responses=example(
        {
            "traits": {"country": "DE"},
            "corrections": [
                {
                    "correction_id": "correction:5f0c6c1e7ad94f6d",
                    "at": "2011-09-10T12:00:00Z",
                    "who": "customer service",
                    "why": "told us on the phone",
                    "traits": {"country": {"before": "GB", "after": "DE"}},
                }
            ],
        }
    )
    | problems(404, 422, 503),
)
async def history(customer_id: CustomerPath, service: ServiceDep) -> Response:
    """Give the facts that hold of a customer, and how they were corrected, newest first."""
    service.profiles.known(customer_id)
    return answer(
        {
            "traits": service.corrections.traits(customer_id),
            "corrections": [
                {
                    "correction_id": made.correction_id,
                    "at": moment(made.at),
                    "who": made.who,
                    "why": made.why,
                    "traits": {name: vars(changed) for name, changed in made.traits.items()},
                }
                for made in service.corrections.of(customer_id)
            ],
        }
    )


async def _corrected(customer_id: str, body: CorrectionBody, service: Service) -> Response:
    event = await service.corrections.correct(customer_id, body.traits, who=body.who, why=body.why)
    # nothing of the person: it may be kept for a client that sends the request again
    return answer({"correction_id": event.event_id, "at": moment(event.timestamp)})
