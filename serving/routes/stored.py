"""Events as they were stored."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from serving.authorization import KeyedRoute
from serving.person_export import event_view
from serving.routes.fields import Before, Identifier, Limit, Moment, answer, example, problems
from serving.service import ServiceDep

router = APIRouter(tags=["events"], route_class=KeyedRoute)


class EventView(BaseModel):
    """One event, with what was kept of it."""

    sequence: int
    """Its place in the order of storing; `before` it are older ones."""
    event_id: str
    name: str
    known: bool
    """Whether the event schema has it; what it has not is in timelines without numbers."""
    at: Moment
    """When it happened, by this service's clock."""
    received_at: Moment
    user_id: str | None
    anonymous_id: str | None
    channel: str
    order_id: str | None
    product_id: str | None
    value: float | None
    quantity: float | None
    measure: float | None
    currency: str | None
    products: list[dict[str, Any]]
    properties: dict[str, Any]
    source: str
    """Its key's name."""
    marks: list[str]
    """`bot`: in nobody's timeline. `clock`: the sender's was days off, the time is corrected.
    `page`: sent with a public key, so it counts for its visitor alone, whatever user it named."""


class Events(BaseModel):
    """Events, newest first."""

    events: list[EventView]


@router.get(
    "/v1/events",
    response_model=Events,
    responses=example(
        {
            "events": [
                {
                    "sequence": 1042,
                    "event_id": "ajs-next-0f1e2d3c",
                    "name": "Product Viewed",
                    "known": True,
                    "at": "2011-09-10T12:00:00Z",
                    "received_at": "2011-09-10T12:00:01Z",
                    "user_id": "c-17",
                    "anonymous_id": None,
                    "channel": "web",
                    "order_id": None,
                    "product_id": "22423",
                    "value": 12.75,
                    "quantity": None,
                    "measure": None,
                    "currency": None,
                    "products": [],
                    "properties": {"price": 12.75},
                    "source": "api",
                    "marks": [],
                }
            ]
        }
    )
    | problems(422, 503),
)
async def stored(
    service: ServiceDep,
    customer_id: Annotated[Identifier | None, Query()] = None,
    name: Annotated[Identifier | None, Query()] = None,
    unknown: bool = False,
    before: Before = None,
    limit: Limit = 100,
) -> Response:
    """List the events that came in here, newest first; not the history that was loaded.

    `customer_id` finds a customer under any of their ids, `name` events of one name, `unknown`
    those whose name the event schema lacks.
    """
    found = service.store.events(
        customer_id=customer_id, name=name, unknown=unknown, before=before, limit=limit
    )
    return answer({"events": [event_view(event) for event in found]})
