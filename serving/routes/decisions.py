"""What was decided, and why."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from serving.authorization import KeyedRoute
from serving.errors import UnknownDecisionError
from serving.profile.decided import DecisionView, decision_view
from serving.routes.fields import Identifier, answer, example, problems
from serving.service import ServiceDep

router = APIRouter(tags=["decisions"], route_class=KeyedRoute)

_EXAMPLE = {
    "decision_id": "dec_0b7f5f0e8a6c4d7f9e21f2a4b6c8d0e1",
    "kind": "stalled_checkout",
    "customer_id": "c-17",
    "at": "2011-09-10T12:03:00Z",
    "action": "send",
    "reason": "the checkout's last step was at 12:00 UTC, 3 minutes ago, and no order has followed",
    "channel": "chat",
    "model_version": "7",
    "inputs_at": "2011-09-10T12:03:00Z",
    "probability": 1.0,
    "arm": None,
    "details": {},
}


class Decisions(BaseModel):
    """Decisions, newest first."""

    decisions: list[DecisionView]


@router.get(
    "/v1/decisions",
    response_model=Decisions,
    responses=example({"decisions": [_EXAMPLE]}) | problems(422, 503),
)
async def decisions(
    service: ServiceDep,
    customer_id: Annotated[
        Identifier,
        Query(description="Any id of the customer.", openapi_examples={"user": {"value": "c-17"}}),
    ],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """List what was decided for a customer, newest first; nobody known gives an empty list."""
    found = service.store.decisions(customer_id, limit=limit)
    return answer({"decisions": [decision_view(decision) for decision in found]})


@router.get(
    "/v1/decisions/{decision_id}",
    response_model=DecisionView,
    responses=example(_EXAMPLE) | problems(404, 422, 503),
)
async def decision(
    decision_id: Annotated[Identifier, Field(examples=["dec_0b7f5f0e8a6c4d7f9e21f2a4b6c8d0e1"])],
    request: Request,
    service: ServiceDep,
) -> Response:
    """Give one decision and its reason."""
    found = service.store.decision(decision_id)
    if found is None:
        raise UnknownDecisionError(decision_id)
    request.state.customer_id = found.customer_id  # for the access log: the path does not say
    return answer(vars(decision_view(found)))
