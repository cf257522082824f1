"""Events in, in the form of Segment's HTTP API."""

from collections.abc import Mapping
from typing import Any, Literal

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from features.errors import EventError
from serving.routes.fields import answer
from serving.service import ServiceDep

router = APIRouter(tags=["events"])

MAX_BATCH_EVENTS = 2_500
"""Events in a batch, as Segment has it."""


class Success(BaseModel):
    """Everything is stored durably; the next answer knows it."""

    success: Literal[True] = True


class SegmentError(BaseModel):
    """An error in the form that Segment's clients read."""

    code: str
    message: str


_EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "description": "track, identify, page, screen, alias or group"},
        "event": {"type": "string", "description": "the event's name, for track"},
        "messageId": {"type": "string", "description": "counted once, however often it is sent"},
        "userId": {"type": "string"},
        "anonymousId": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
        "properties": {"type": "object"},
        "traits": {"type": "object"},
        "context": {"type": "object"},
    },
}

_VIEW = {
    "type": "track",
    "event": "Product Viewed",
    "messageId": "ajs-next-0f1e2d3c",
    "userId": "c-17",
    "anonymousId": "5d2f0f6e",
    "timestamp": "2011-09-10T12:00:00Z",
    "properties": {"product_id": "22423", "price": 12.75},
}
_ORDER = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "order-536365",
    "userId": "c-17",
    "timestamp": "2011-09-10T12:04:00Z",
    "properties": {
        "order_id": "536365",
        "total": 25.5,
        "currency": "GBP",
        "products": [{"product_id": "22423", "quantity": 2, "price": 12.75}],
    },
}
_IDENTIFY = {
    "type": "identify",
    "messageId": "login-1",
    "userId": "c-17",
    "anonymousId": "5d2f0f6e",
    "traits": {},
}


def _documented(schema: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": body}},
        }
    }


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {"success": True}}}},
    **{
        status: {
            "model": SegmentError,
            "description": meaning,
            "content": {"application/json": {"example": {"code": code, "message": message}}},
        }
        for status, meaning, code, message in (
            (
                400,
                "The body or the event cannot be used; nothing was counted.",
                "invalid_request",
                "product_id = None: is required by Product Viewed",
            ),
            (413, "The body is too long.", "http_413", "Content Too Large"),
            (
                503,
                "The store does not answer; send it again after `Retry-After` seconds.",
                "store_unavailable",
                "cannot store the events: database is locked",
            ),
        )
    },
}


async def _body(request: Request) -> Mapping[str, Any]:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise EventError("body", "…", f"is no JSON: {error}") from None
    if not isinstance(body, Mapping):
        raise EventError("body", type(body).__name__, "must be a JSON object")
    return body


async def _one(request: Request, service: ServiceDep, kind: str) -> Response:
    message = {**await _body(request), "type": kind}
    await service.ingest.one(message)
    return answer({"success": True})


@router.post(
    "/v1/track",
    response_model=Success,
    responses=_RESPONSES,
    openapi_extra=_documented(_EVENT_SCHEMA, _VIEW),
)
async def track(request: Request, service: ServiceDep) -> Response:
    """Store what a customer did. Answers when it is on disk; the next answer knows it."""
    return await _one(request, service, "track")


@router.post(
    "/v1/identify",
    response_model=Success,
    responses=_RESPONSES,
    openapi_extra=_documented(_EVENT_SCHEMA, _IDENTIFY),
)
async def identify(request: Request, service: ServiceDep) -> Response:
    """Tie an anonymous id to a user id: what the visitor did becomes the user's."""
    return await _one(request, service, "identify")


@router.post(
    "/v1/page",
    response_model=Success,
    responses=_RESPONSES,
    openapi_extra=_documented(
        _EVENT_SCHEMA, {"messageId": "page-1", "anonymousId": "5d2f0f6e", "name": "Home"}
    ),
)
async def page(request: Request, service: ServiceDep) -> Response:
    """Store a page view."""
    return await _one(request, service, "page")


@router.post(
    "/v1/screen",
    response_model=Success,
    responses=_RESPONSES,
    openapi_extra=_documented(
        _EVENT_SCHEMA, {"messageId": "screen-1", "userId": "c-17", "name": "Cart"}
    ),
)
async def screen(request: Request, service: ServiceDep) -> Response:
    """Store a screen view of the app."""
    return await _one(request, service, "screen")


@router.post(
    "/v1/batch",
    response_model=Success,
    responses=_RESPONSES,
    openapi_extra=_documented(
        {
            "type": "object",
            "required": ["batch"],
            "properties": {
                "batch": {"type": "array", "items": _EVENT_SCHEMA, "maxItems": MAX_BATCH_EVENTS},
                "sentAt": {"type": "string", "format": "date-time"},
            },
        },
        {"batch": [_VIEW, _ORDER]},
    ),
)
async def batch(request: Request, service: ServiceDep) -> Response:
    """Store many events in one transaction.

    The good ones count; the bad ones are kept aside with the reason, by their messageId. The
    answer is the same: a client that was told of an error would send the batch for ever.
    """
    body = await _body(request)
    messages = body.get("batch")
    if not isinstance(messages, list):
        raise EventError("batch", type(messages).__name__, "must be a list of events")
    if len(messages) > MAX_BATCH_EVENTS:
        raise EventError(
            "batch", f"{len(messages):,} events", f"send at most {MAX_BATCH_EVENTS:,} at once"
        )
    await service.ingest.many(messages, body.get("sentAt"))
    return answer({"success": True})
