"""Whether the process lives, and what it answers from."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from features.instants import moment
from serving.authorization import KeyedRoute
from serving.routes.fields import Moment, answer, example, problems
from serving.service import ServiceDep

router = APIRouter(tags=["health"], route_class=KeyedRoute)


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Published(BaseModel):
    """The bundle that answers are made from."""

    version: str
    bundle_id: str
    cutoff: Moment
    """What the models were trained for; later events reach them through features only."""


class Refused(BaseModel):
    """A published bundle that failed its verification; the one before goes on."""

    version: str | None
    reason: str
    at: Moment


class Ready(BaseModel):
    """The service can answer; `fallback` says when it must do without a model."""

    status: Literal["ready"] = "ready"
    bundle: Published | None
    fallback: Literal["no_bundle"] | None
    refused: Refused | None


@router.get("/health/live", response_model=Alive, responses=example({"status": "alive"}))
async def live() -> Response:
    """Say that the process lives; asks nothing of the store."""
    return answer({"status": "alive"})


@router.get(
    "/health/ready",
    response_model=Ready,
    responses=example(
        {
            "status": "ready",
            "bundle": {
                "version": "7",
                "bundle_id": "9b1c0a6f2d3e4f55",
                "cutoff": "2011-09-10T00:00:00Z",
            },
            "fallback": None,
            "refused": None,
        }
    )
    | problems(503),
)
async def ready(service: ServiceDep) -> Response:
    """Say whether the store answers, which bundle serves, and whether one was refused.

    Without a bundle the service is ready all the same: recommendations then come from what is
    bought most often.
    """
    service.store.ping()
    live, refusal = service.champion.live, service.champion.refusal
    return answer(
        {
            "status": "ready",
            "bundle": None
            if live.bundle is None
            else {
                "version": live.version,
                "bundle_id": live.bundle.manifest.bundle_id,
                "cutoff": moment(live.bundle.manifest.cutoff),
            },
            "fallback": "no_bundle" if live.bundle is None else None,
            "refused": None
            if refusal is None
            else {
                "version": refusal.version,
                "reason": refusal.reason,
                "at": moment(refusal.at),
            },
        }
    )
