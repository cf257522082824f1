"""Messages that broke the event schema, and why."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from features.instants import moment
from serving.authorization import KeyedRoute
from serving.routes.fields import Before, Limit, Moment, answer, example, problems
from serving.service import ServiceDep

router = APIRouter(tags=["events"], route_class=KeyedRoute)


class RejectedView(BaseModel):
    """One message that was not counted."""

    sequence: int
    """Its place; `before` it are older ones."""
    message_id: str
    """Empty when it had none."""
    received_at: Moment
    """When it last came; sent again with the same fault, it is still listed once."""
    column: str
    """Where the fault is."""
    reason: str
    message: str
    """Its outline: values only of ids, times and the properties that its event keeps, without
    addresses and long numbers; of everything else the type. Cut at 4,000 bytes."""


class Quarantine(BaseModel):
    """Rejected messages, newest first."""

    rejected: list[RejectedView]


@router.get(
    "/v1/quarantine",
    response_model=Quarantine,
    responses=example(
        {
            "rejected": [
                {
                    "sequence": 41,
                    "message_id": "ajs-next-0f1e2d3c",
                    "received_at": "2011-09-10T12:00:00Z",
                    "column": "product_id",
                    "reason": "product_id = None: missing, and this event needs it",
                    "message": '{"type": "track", "event": "Product Viewed", "userId": "c-17", '
                    '"properties": {"email": "<text>", "price": 12.75}}',
                }
            ]
        }
    )
    | problems(422, 503),
)
async def quarantined(
    service: ServiceDep,
    message_id: Annotated[str | None, Query(max_length=255)] = None,
    before: Before = None,
    limit: Limit = 100,
) -> Response:
    """List messages that were not counted, newest first, or those of one `messageId`.

    Nobody who sends a batch is told of its bad events; here they are. Of each its outline is
    kept, enough to mend its sender: what an event would not keep is not kept of a rejected one.
    """
    found = service.store.quarantined(message_id=_storable(message_id), before=before, limit=limit)
    return answer(
        {
            "rejected": [
                {**vars(rejected), "received_at": moment(rejected.received_at)}
                for rejected in found
            ]
        }
    )


def _storable(message_id: str | None) -> str | None:
    """Without NUL, which no database takes and no message kept."""
    return None if message_id is None else message_id.replace("\0", "\ufffd")
