"""What a customer has allowed: the ledger, what it adds up to, and a line added by hand."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field
from starlette.responses import Response

from features.consents import ALL_CHANNELS
from features.errors import InputError
from features.events.schema import schema
from features.instants import instant, iso, moment
from serving.authorization import KeyedRoute
from serving.profile import Known
from serving.profile.consents import ConsentView, StandingView, consents, standing
from serving.routes.fields import Body, CustomerPath, Moment, answer, example, problems
from serving.service import ServiceDep

router = APIRouter(tags=["customers"], route_class=KeyedRoute)

BY_HAND = "employee"
"""The source of what an employee wrote down."""


class ConsentLedger(BaseModel):
    """What was said, and what it adds up to."""

    customer_id: str
    at: Moment
    standing: dict[str, dict[str, StandingView]]
    """By purpose and channel: `all`, and each that a statement names."""
    consents: list[ConsentView]
    """Oldest first; lines are added, never changed."""


def _one_of(name: str) -> AfterValidator:
    declared = schema().properties[name]

    def check(text: str) -> str:
        allowed = declared.canonical(text.strip())
        if allowed is None:
            raise ValueError(f"none of: {', '.join(declared.values)}")
        return allowed

    return AfterValidator(check)


class StatementBody(Body):
    """What a customer said to an employee."""

    purpose: Annotated[str, _one_of("purpose")]
    status: Annotated[str, _one_of("status")]
    channel: Annotated[str, _one_of("consent_channel")] = ALL_CHANNELS
    expires_at: datetime | None = None
    """From when on a grant no longer holds; without a zone it is UTC."""
    by: str = Field(min_length=1, max_length=255)
    """Who writes it down."""
    why: str = Field(min_length=1, max_length=1000)
    """On what occasion."""

    model_config = Body.model_config | {
        "json_schema_extra": {
            "example": {
                "purpose": "profiling",
                "status": "denied",
                "by": "service desk 3",
                "why": "objected by telephone",
            }
        }
    }


_LEDGER = {
    "customer_id": "c-17",
    "at": "2011-09-10T12:05:00Z",
    "standing": {
        "marketing": {
            "all": {
                "allowed": False,
                "said": False,
                "reason": "no consent to marketing was ever given",
            },
            "email": {
                "allowed": True,
                "said": True,
                "reason": "consent to marketing by email is given",
            },
        }
    },
    "consents": [
        {
            "purpose": "marketing",
            "channel": "email",
            "status": "granted",
            "at": "2011-09-10T12:00:00Z",
            "source": "web",
            "expires_at": None,
            "carried": False,
            "customer_id": "c-17",
            "event_id": "m-17",
        }
    ],
}


@router.get(
    "/v1/customers/{customer_id:path}/consents",
    response_model=ConsentLedger,
    responses=example(_LEDGER) | problems(404, 422, 503),
)
async def ledger(customer_id: CustomerPath, service: ServiceDep) -> Response:
    """Give what a customer allowed and denied, and what holds now and why."""
    return answer(_view(service.profiles.known(customer_id)))


@router.post(
    "/v1/customers/{customer_id:path}/consents",
    response_model=ConsentLedger,
    responses=example(_LEDGER) | problems(404, 413, 422, 503),
)
async def state(customer_id: CustomerPath, body: StatementBody, service: ServiceDep) -> Response:
    """Write down what a customer said to an employee, as a Consent Changed event.

    It holds from now on, and goes into the event log as every event does.
    """
    known = service.profiles.known(customer_id)
    expires_at = None if body.expires_at is None else instant(body.expires_at)
    if expires_at is not None and expires_at <= known.at:
        raise InputError(
            f"expires_at = {iso(expires_at)}: has passed; leave it out, or write down a denial"
        )
    message = {
        "type": "track",
        "event": "Consent Changed",
        "properties": {
            "purpose": body.purpose,
            "status": body.status,
            "consent_channel": body.channel,
            "expires_at": None if expires_at is None else iso(expires_at),
            "recorded_by": body.by,
            "reason": body.why,
        },
    }
    # under the id that was named: after an unmerge it is still that person's word
    await service.ingest.note(message, customer_id, BY_HAND)
    return answer(_view(service.profiles.known(customer_id)))


def _view(known: Known) -> dict[str, Any]:
    return {
        "customer_id": known.person.customer_id,
        "at": moment(known.at),
        "standing": standing(known),
        "consents": consents(known.consents),
    }
