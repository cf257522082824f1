"""Events in, in the form of Segment's HTTP API."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from features.errors import EventError
from serving.authorization import KeyedRoute, sender
from serving.inflate import TooLargeError, gunzip
from serving.ingest import Sender
from serving.json_body import json_object
from serving.routes.event_examples import BATCH_EXAMPLE, BATCH_SCHEMA, DOCUMENTED, EVENT_SCHEMA
from serving.segment import BATCH, CALLS, MAX_BATCH_EVENTS, MAX_BODY_BYTES
from serving.service import Service, ServiceDep

router = APIRouter(tags=["events"], route_class=KeyedRoute)

_DONE = b'{"success":true}'

_JSON_TYPES = frozenset(("", "application/json", "text/plain"))
"""What is read as JSON: analytics.js says text/plain to spare the browser a preflight."""


class Success(BaseModel):
    """Everything is stored durably; the next answer knows it."""

    success: Literal[True] = True


class SegmentError(BaseModel):
    """An error in the form that Segment's clients read."""

    code: str
    message: str


async def _body(request: Request) -> Mapping[str, Any]:
    """The JSON object of a request, whatever it is wrapped in.

    Raises:
        HTTPException: it is of another kind.
        TooLargeError, NotGzipError: see `gunzip`.
        EventError: it is no JSON object.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _JSON_TYPES:
        raise HTTPException(415, "send JSON, as application/json or text/plain")
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise HTTPException(415, "compress with gzip, or not at all")
    content = await request.body()
    if len(content) > MAX_BODY_BYTES:
        raise TooLargeError(MAX_BODY_BYTES)
    if coding.endswith("gzip"):
        content = gunzip(content, MAX_BODY_BYTES)
    return json_object(content)


def _sender(request: Request, service: Service, body: Mapping[str, Any]) -> tuple[Sender, str]:
    """Who sent a request, and the id of the key whose rate is limited.

    Raises:
        UnauthorizedError: no key of theirs is the shop's.
        ForbiddenError: it is, but not for sending events.
    """
    caller = sender(request, service, body.get("writeKey"))
    who = Sender(caller.name, request.headers.get("user-agent"), caller.is_page)
    return who, caller.key_id


def _single(call: str) -> Callable[[Request, Service], Awaitable[Response]]:
    async def store(request: Request, service: ServiceDep) -> Response:
        body = await _body(request)
        who, key = _sender(request, service, body)
        with service.rate_limit.taken(key, 1, service.clock()):
            await service.ingest.one({**body, "type": call}, who)
        return Response(_DONE, media_type="application/json")

    return store


async def _batch(request: Request, service: ServiceDep) -> Response:
    body = await _body(request)
    messages = body.get("batch")
    who, key = _sender(request, service, body)
    if not isinstance(messages, list):
        raise EventError("batch", type(messages).__name__, "must be a list of events")
    if len(messages) > MAX_BATCH_EVENTS:
        raise EventError(
            "batch", f"{len(messages):,} events", f"send at most {MAX_BATCH_EVENTS:,} at once"
        )
    with service.rate_limit.taken(key, len(messages), service.clock()):
        await service.ingest.many(messages, who, body)
    return Response(_DONE, media_type="application/json")


def _error(meaning: str, code: str, message: str) -> dict[str, Any]:
    return {
        "model": SegmentError,
        "description": meaning,
        "content": {"application/json": {"example": {"code": code, "message": message}}},
    }


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {"success": True}}}},
    400: _error(
        "The body or the event cannot be used; nothing was counted.",
        "invalid_request",
        "product_id = None: missing, and this event needs it",
    ),
    401: _error(
        "No key of this shop's came with it.",
        "unauthorized",
        "no key of this shop's came with it; send one as Bearer, as the user of HTTP Basic, or "
        "with events as writeKey; `python -m serving keys create NAME --scope write` makes one",
    ),
    403: _error(
        "The key does not open this.",
        "forbidden",
        "the key 'crm' may read, and this needs public or write; "
        "`python -m serving keys create NAME --scope write` makes one",
    ),
    413: _error(
        "The body is too long.",
        "too_large",
        "the body is longer than 512,000 bytes; send fewer events at once",
    ),
    415: _error("The body is no JSON.", "http_415", "send JSON, as application/json or text/plain"),
    429: _error(
        "The key has to wait for `Retry-After` seconds.",
        "too_many_events",
        "too many events for this key; send them again after 2 s",
    ),
    503: _error(
        "The store does not answer; send it again after `Retry-After` seconds.",
        "store_unavailable",
        "cannot store the events: database is locked",
    ),
}


def _documented(schema: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    same = {"type": "object", "description": "the same as application/json"}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": schema, "example": example},
                "text/plain": {"schema": same, "example": example},
            },
        },
    }


def _declare() -> None:
    """Every call under its name, its short form, and both with a slash at the end."""
    for call in CALLS:
        told = DOCUMENTED[call.name]
        batch = call.name == BATCH
        for path in (f"/v1/{call.name}", f"/v1/{call.short}"):
            for ending in ("", "/"):  # clients take a redirect for a failure
                router.add_api_route(
                    path + ending,
                    _batch if batch else _single(call.name),
                    methods=["POST"],
                    name=call.name,
                    description=f"{told.description}\n\nBrowsers send it to `/v1/{call.short}`.",
                    summary=told.summary,
                    response_model=Success,
                    responses=_RESPONSES,
                    openapi_extra=_documented(
                        BATCH_SCHEMA if batch else EVENT_SCHEMA,
                        BATCH_EXAMPLE if batch else told.example,
                    ),
                    include_in_schema=path + ending == f"/v1/{call.name}",
                )


_declare()
