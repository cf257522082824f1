"""Which offer to make, if any."""

from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from features.events.schema import schema
from features.instants import moment
from serving.authorization import KeyedRoute, caller
from serving.decisions.offers import next_offer
from serving.routes.fields import (
    Body,
    Customer,
    IdempotencyKey,
    Identifier,
    Moment,
    answer,
    example,
    problems,
)
from serving.service import Service, ServiceDep

router = APIRouter(tags=["offers"], route_class=KeyedRoute)


def _channel(name: str) -> str:
    if name not in schema().channels:
        raise ValueError(f"no such channel; there are {', '.join(schema().channels)}")
    return name


class OfferBody(Customer):
    """Who the offer would be for, and where it would be shown."""

    channel: Annotated[str, AfterValidator(_channel)] = "web"
    without: list[Identifier] = Field(default=[], max_length=100)
    """Offers not to make, for instance those already declined."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.customer_ids:
            raise ValueError("an offer is for somebody: give customer_id or anonymous_id")
        return self

    model_config = Body.model_config | {
        "json_schema_extra": {"example": {"customer_id": "c-17", "channel": "web"}}
    }


class MadeOffer(BaseModel):
    """The offer to make."""

    offer_id: str
    title: str


class ConsideredOffer(BaseModel):
    """One thing that could have been done; `offer_id` null is making no offer."""

    offer_id: str | None
    title: str
    eligible: bool
    expected_value: float | None
    reason: str


class NextOffer(BaseModel):
    """What to offer, and what else there was; kept under the decision's id."""

    decision_id: str
    """Send it back in Offer Shown, Offer Accepted and Offer Declined."""
    offer: MadeOffer | None
    """Null: make no offer."""
    expected_value: float | None
    """Of what was chosen, in the shop's currency; null for a public key."""
    reason: str | None
    """Null for a public key: what an offer costs and brings is for the shop alone."""
    alternatives: list[ConsideredOffer]
    """None for a public key."""
    model_version: str | None
    at: Moment


@router.post(
    "/v1/offers/next",
    response_model=NextOffer,
    responses=example(
        {
            "decision_id": "dec_0b7f5f0e8a6c4d7f9e21f2a4b6c8d0e1",
            "offer": {"offer_id": "free-delivery", "title": "Free delivery"},
            "expected_value": 9.4,
            "reason": "Free delivery: raises the probability of an order from 40% to 52% at a "
            "cost of 4.00; expected to bring 1.20 more than no offer",
            "alternatives": [
                {
                    "offer_id": None,
                    "title": "no offer",
                    "eligible": True,
                    "expected_value": 8.2,
                    "reason": "orders anyway with a probability of 40%",
                }
            ],
            "model_version": "7",
            "at": "2011-09-10T12:00:00Z",
        }
    )
    | problems(409, 413, 422, 503),
)
async def choose(
    body: OfferBody,
    request: Request,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Choose the offer of the highest expected value, making none among the choices.

    Whatever is chosen is kept as a decision before it is answered. With an `Idempotency-Key` a
    request that is sent again gets the same decision. With a public key it is asked for by
    `anonymous_id` alone, and the answer does not say what an offer costs and brings.
    """
    asking = caller(request)
    asking.require_visitor(body.customer_id)
    return await service.idempotency.answer(
        idempotency_key, request, lambda: _chosen(body, service, for_page=asking.is_page)
    )


async def _chosen(body: OfferBody, service: Service, *, for_page: bool) -> Response:
    known = service.profiles.first(body.customer_ids)
    decision = next_offer(
        known,
        customer_id=body.customer_ids[0],
        channel=body.channel,
        at=service.clock() + 1,
        model_version=service.champion.live.version,
        without=body.without,
    )
    await run_in_threadpool(service.store.record, decision)
    details = decision.details
    return answer(
        {
            "decision_id": decision.decision_id,
            "offer": None
            if details["offer_id"] is None
            else {"offer_id": details["offer_id"], "title": details["title"]},
            "expected_value": None if for_page else details["expected_value"],
            "reason": None if for_page else decision.reason,
            "alternatives": [] if for_page else details["alternatives"],
            "model_version": decision.model_version,
            "at": moment(decision.at),
        }
    )
