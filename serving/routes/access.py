"""Who asked about whom."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from features.instants import moment
from serving.authorization import KeyedRoute
from serving.routes.fields import Before, Identifier, Limit, Moment, answer, example, problems
from serving.service import ServiceDep

router = APIRouter(tags=["privacy"], route_class=KeyedRoute)


class AccessView(BaseModel):
    """One answered request about a customer."""

    sequence: int
    """Its place; `before` it are older ones."""
    at: Moment
    key: str
    """The name of the key that asked."""
    scopes: list[str]
    """The key's."""
    method: str
    endpoint: str
    customer_id: str | None
    """As it was asked for; null for a list over all customers."""


class AccessList(BaseModel):
    """Who asked, newest first."""

    accesses: list[AccessView]


@router.get(
    "/v1/access",
    response_model=AccessList,
    responses=example(
        {
            "accesses": [
                {
                    "sequence": 17,
                    "at": "2011-09-10T12:00:00Z",
                    "key": "crm",
                    "scopes": ["read"],
                    "method": "GET",
                    "endpoint": "/v1/customers/{customer_id}",
                    "customer_id": "c-17",
                }
            ]
        }
    )
    | problems(422, 503),
)
async def accesses(
    service: ServiceDep,
    customer_id: Annotated[
        Identifier | None,
        Query(description="Any id of the customer.", openapi_examples={"user": {"value": "c-17"}}),
    ] = None,
    before: Before = None,
    limit: Limit = 100,
) -> Response:
    """List who read a customer's profile, decisions or events, newest first.

    Reads by other workers appear within a second. Recommendations, offers and refused requests
    are not listed; a list over all customers has no `customer_id`, and is found without one.
    """
    await run_in_threadpool(service.access.flush)
    found = service.store.accesses(customer_id=customer_id, before=before, limit=limit)
    return answer(
        {
            "accesses": [
                {
                    "sequence": access.sequence,
                    "at": moment(access.at),
                    "key": access.key_name,
                    "scopes": access.scopes,
                    "method": access.method,
                    "endpoint": access.endpoint,
                    "customer_id": access.customer_id,
                }
                for access in found
            ]
        }
    )
