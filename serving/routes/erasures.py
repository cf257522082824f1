"""Erasing a customer, and the receipts of it."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from features.instants import moment
from features.timeline import FOREVER
from serving.addressing import named
from serving.authorization import KeyedRoute
from serving.errors import UnknownErasureError
from serving.routes.fields import (
    Before,
    CustomerPath,
    IdempotencyKey,
    Identifier,
    Limit,
    Moment,
    Told,
    answer,
    example,
    problems,
)
from serving.service import Service, ServiceDep
from serving.store import Receipt

router = APIRouter(tags=["privacy"], route_class=KeyedRoute)


class ReceiptView(BaseModel):
    """That somebody was erased, and what of; nothing in it says who that was."""

    erasure_id: str
    at: Moment
    until: Moment | None
    """Events that happened, or arrived, by then are not taken again; null: none ever is."""
    applied_at: Moment
    """When the store did it: later than `at` where a backup was restored since."""
    who: str
    why: str
    removed: dict[str, int]
    """Rows that are gone, by the store's table."""
    dropped: int
    """Events of before that came again since, and were not taken."""


class ListedReceipt(ReceiptView):
    """A receipt in a list."""

    sequence: int
    """Its place; `before` it are older ones."""


class Receipts(BaseModel):
    """Receipts, newest first."""

    erasures: list[ListedReceipt]


_RECEIPT = {
    "erasure_id": "era_0b7f5f0e8a6c4d7f9e21f2a4b6c8d0e1",
    "at": "2011-09-10T12:00:00Z",
    "until": "2011-09-10T12:00:00Z",
    "applied_at": "2011-09-10T12:00:00Z",
    "who": "privacy officer",
    "why": "request by letter, 9 September",
    "removed": {
        "accesses": 5,
        "answers": 2,
        "consents": 1,
        "decisions": 3,
        "events": 41,
        "impressions": 12,
        "links": 1,
        "people": 2,
        "quarantine": 0,
        "rulings": 0,
        "scores": 4,
        "timeline_parts": 2,
        "timers": 0,
    },
    "dropped": 0,
}


@router.delete(
    "/v1/customers/{customer_id:path}",
    response_model=ReceiptView,
    responses=example(_RECEIPT) | problems(409, 422, 503),
)
async def erase(
    customer_id: CustomerPath,
    request: Request,
    service: ServiceDep,
    who: Annotated[Told, Query(description="Who erases, for the shop.")],
    why: Annotated[Told, Query(description="On whose request; in words that name nobody.")],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Erase everything that is held on a customer, under any of their ids, at once.

    An address or a number may be written as people do; if it may be several customers', nobody is
    erased and the answer says how to ask.

    From the answer on no endpoint, no training and no export knows them; the event log's files
    lose them at the next `python -m training compact`. Keyed hashes of the ids remain, so that a
    client's late events do not bring them back; who returns later is a new customer. Nothing need
    be known of the customer. Answers with a receipt that names nobody.
    """
    done = await service.idempotency.answer(
        idempotency_key,
        request,
        lambda: run_in_threadpool(_erased, customer_id, request, service, who, why),
    )
    # for the access log, which would keep the id that was asked for
    request.state.customer_id = json.loads(bytes(done.body))["erasure_id"]
    return done


@router.get(
    "/v1/erasures/{erasure_id}",
    response_model=ReceiptView,
    responses=example(_RECEIPT) | problems(404, 422, 503),
)
async def receipt(
    erasure_id: Annotated[
        Identifier, Path(openapi_examples={"erasure": {"value": _RECEIPT["erasure_id"]}})
    ],
    service: ServiceDep,
) -> Response:
    """Give an erasure's receipt."""
    found = service.store.receipt(erasure_id)
    if found is None:
        raise UnknownErasureError(erasure_id)
    return answer(_view(found))


@router.get(
    "/v1/erasures",
    response_model=Receipts,
    responses=example({"erasures": [{**_RECEIPT, "sequence": 7}]}) | problems(422, 503),
)
async def receipts(service: ServiceDep, before: Before = None, limit: Limit = 100) -> Response:
    """List the receipts of erasures, newest first."""
    found = service.store.receipts(before=before, limit=limit)
    return answer({"erasures": [{**_view(r), "sequence": r.sequence} for r in found]})


def _erased(asked: str, request: Request, service: Service, who: str, why: str) -> Response:
    whom = named(asked, request, service)
    erase = service.erasing.erase
    return answer(_view(erase(whom.customer_id, who=who, why=why, spellings=whom.spellings)))


def _view(receipt: Receipt) -> dict[str, object]:
    told = {name: value for name, value in vars(receipt).items() if name != "sequence"}
    return told | {
        "at": moment(receipt.at),
        "until": None if receipt.until == FOREVER else moment(receipt.until),
        "applied_at": moment(receipt.applied_at),
    }
