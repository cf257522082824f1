"""Who is one person: looking somebody up, merging, taking it back, and what was refused."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from serving.authorization import KeyedRoute
from serving.merging import Grounds
from serving.routes.fields import (
    Body,
    CustomerPath,
    IdempotencyKey,
    Identifier,
    Limit,
    answer,
    example,
    problems,
)
from serving.service import ServiceDep
from serving.store import Person

router = APIRouter(tags=["identity"], route_class=KeyedRoute)


class PersonView(BaseModel):
    """One person and everything that names them."""

    customer_id: str
    """The identifier that leads."""
    identifiers: list[str]
    """User ids as they are, others with their kind before them; addresses, numbers and push tokens
    are keyed hashes unless the shop keeps them."""


class People(BaseModel):
    """Whom a text names."""

    customers: list[PersonView]


class RulingBody(Body):
    """Which two, and on what grounds; both are kept."""

    other: Identifier
    """Any identifier of the other person; to take a merge back, one of the person's own."""
    by: str = Field(min_length=1, max_length=255)
    """Who decides."""
    why: str = Field(min_length=1, max_length=1000)

    model_config = Body.model_config | {
        "json_schema_extra": {
            "example": {"other": "c-23", "by": "a.service", "why": "called, and proved it"}
        }
    }


class RefusedView(BaseModel):
    """An identifier that joins nobody, or not all it was seen with."""

    identifier: str
    reason: str


class RefusedList(BaseModel):
    """Identifiers by name; go on after the last one with `after`."""

    refused: list[RefusedView]


_ONE = {"customer_id": "c-17", "identifiers": ["c-17", "c-23", "anonymous:5d2f0f6e"]}
_TWO = [
    {"customer_id": "c-17", "identifiers": ["c-17", "anonymous:5d2f0f6e"]},
    {"customer_id": "c-23", "identifiers": ["c-23"]},
]


@router.get(
    "/v1/customers",
    response_model=People,
    responses=example({"customers": [_ONE]}) | problems(422, 503),
)
async def look_up(
    request: Request,
    identifier: Annotated[
        Identifier,
        Query(
            description="A user id, an e-mail address, a telephone number, a card or a till "
            "account, an anonymous id, or any of these as an answer wrote it."
        ),
    ],
    service: ServiceDep,
) -> Response:
    """Find whom a text names, however it is written: at most one person for each reading of it."""
    found: dict[str, Person] = {}
    for candidate in service.reader.find(identifier):
        person = service.store.person(candidate)
        if person is not None:
            found.setdefault(person.customer_id, person)
    if found:  # for the access log: the path does not say
        request.state.customer_id = next(iter(found))
    return answer({"customers": [_view(person) for person in found.values()]})


@router.post(
    "/v1/customers/{customer_id:path}/merge",
    response_model=PersonView,
    responses=example(_ONE) | problems(404, 409, 413, 422, 503),
)
async def merge(
    customer_id: CustomerPath,
    body: RulingBody,
    request: Request,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make another person and this one the same; this one goes on to lead. It can be taken back."""

    async def made() -> Response:
        return answer(_view(await service.merging.merge(customer_id, body.other, _grounds(body))))

    return await service.idempotency.answer(idempotency_key, request, made)


@router.post(
    "/v1/customers/{customer_id:path}/unmerge",
    response_model=People,
    responses=example({"customers": _TWO}) | problems(404, 409, 413, 422, 503),
)
async def unmerge(
    customer_id: CustomerPath,
    body: RulingBody,
    request: Request,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make two of one: each has what came under their own identifiers, and they stay apart."""

    async def made() -> Response:
        two = await service.merging.unmerge(customer_id, body.other, _grounds(body))
        return answer({"customers": [_view(person) for person in two]})

    return await service.idempotency.answer(idempotency_key, request, made)


@router.get(
    "/v1/identifiers/refused",
    response_model=RefusedList,
    responses=example(
        {
            "refused": [
                {
                    "identifier": "anonymous:tablet-7",
                    "reason": "seen with more than 1 of user_id",
                }
            ]
        }
    )
    | problems(422, 503),
)
async def refused(
    service: ServiceDep,
    after: Annotated[str, Query(max_length=300, description="Only those that follow.")] = "",
    limit: Limit = 100,
) -> Response:
    """List identifiers that join nobody, or not all they were seen with, and why."""
    found = service.store.refused(after=after, limit=limit)
    return answer({"refused": [{"identifier": i, "reason": why} for i, why in found]})


def _view(person: Person) -> dict[str, object]:
    return {"customer_id": person.customer_id, "identifiers": person.identifiers}


def _grounds(body: RulingBody) -> Grounds:
    return Grounds(body.by, body.why)
