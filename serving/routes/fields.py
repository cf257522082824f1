"""Fields and answers that several endpoints share."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import Header, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from features.events.identifiers import visitor
from features.events.schema import MAX_ID_BYTES


def _identifier(text: str) -> str:
    if "\0" in text:
        raise ValueError("an id holds no NUL byte")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("an id is Unicode text; half a surrogate pair is none") from None
    if not text.strip():
        raise ValueError("an id is not empty")
    if size > MAX_ID_BYTES:
        raise ValueError(f"an id takes at most {MAX_ID_BYTES} bytes in UTF-8, this one {size:,}")
    return text


def _told(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL byte")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is no Unicode text; half a surrogate pair is none") from None
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


Told = Annotated[str, AfterValidator(_told), Field(min_length=1, max_length=500)]
"""Who does something, or why, in the caller's words; it is kept."""

Identifier = Annotated[str, AfterValidator(_identifier), Field(max_length=MAX_ID_BYTES)]
"""An id as the shop writes it: 1 to 255 bytes of UTF-8 without NUL."""


CustomerPath = Annotated[
    Identifier,
    Path(
        description="Any identifier of the customer: a user id, `anonymous:` and an anonymous id.",
        openapi_examples={"user": {"value": "c-17"}, "visitor": {"value": "anonymous:5d2f0f6e"}},
    ),
]

Before = Annotated[
    int | None,
    Query(ge=1, le=2**63 - 1, description="Only what is older than this `sequence`."),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A new UUID for each request; sent again with it, a request is answered once.",
        min_length=1,
        max_length=255,
    ),
]
"""Read by `serving.idempotency`; declared so that it is documented."""


class Body(BaseModel):
    """A request's body; a field that is not known is an error, not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class Customer(Body):
    """Who is asked about."""

    customer_id: Identifier | None = None
    anonymous_id: Identifier | None = None
    """Used when the customer is not known, or not logged in."""

    @property
    def customer_ids(self) -> list[str]:
        """The ids the customer may be known under, the best first."""
        ids = [] if self.customer_id is None else [self.customer_id]
        if self.anonymous_id is not None:
            ids.append(visitor(self.anonymous_id))
        return ids


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[dict[str, str]] = []


def answer(body: Mapping[str, Any]) -> Response:
    """A body as JSON; NaN becomes null, instants given as datetime become ISO 8601."""
    return Response(
        orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z),
        media_type="application/json",
    )


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of the errors an endpoint may answer with."""
    return {status: _problem(_MEANINGS[status], _EXAMPLES[status]) for status in statuses}


def problem(
    status: int, meaning: str, kind: str, title: str, detail: str
) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of an error that one endpoint alone may answer with."""
    return {status: _problem(meaning, _example(status, kind, title, detail))}


def _problem(meaning: str, example: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": meaning,
        "content": {
            "application/problem+json": {
                "schema": Problem.model_json_schema(),
                "example": example,
            }
        },
    }


def example(body: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's example of an endpoint's answer."""
    return {200: {"content": {"application/json": {"example": body}}}}


_MEANINGS = {
    401: "No key of this shop's came with it, or one that has ended.",
    403: "The key does not open this.",
    404: "Not known.",
    409: "The same request is being answered; ask again after `Retry-After` seconds.",
    413: "The body is too long.",
    415: "The body is of a kind that is not read here.",
    422: "The request cannot be understood; `errors` names the fields.",
    503: "Not available now; try again after `Retry-After` seconds.",
}


def _example(status: int, kind: str, title: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:regulars:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": "5f0c6c1e7ad94f6d8f0f1d3f8b1c2a34",
    }


_EXAMPLES = {
    401: _example(
        401,
        "unauthorized",
        "No key of this shop's",
        "no key of this shop's came with it; send one as Bearer, as the user of HTTP Basic, or "
        "with events as writeKey; `python -m serving keys create NAME --scope read` makes one",
    ),
    403: _example(
        403,
        "forbidden",
        "The key does not open this",
        "the key 'site' may write, and this needs read; "
        "`python -m serving keys create NAME --scope read` makes one",
    ),
    404: _example(
        404,
        "unknown-customer",
        "Unknown customer",
        "no customer 'c-999'; send an event of theirs to /v1/track first",
    ),
    409: _example(
        409,
        "in-progress",
        "The same request is being answered",
        "a request with Idempotency-Key 'a1' is being answered; ask again in a moment",
    ),
    415: _example(
        415,
        "http-415",
        "Unsupported Media Type",
        "send application/x-ndjson or text/csv",
    ),
    413: _example(413, "http-413", "Content Too Large", "Content Too Large"),
    422: _example(
        422,
        "invalid-request",
        "The request cannot be understood",
        "k: Input should be less than or equal to 100",
    )
    | {"errors": [{"field": "k", "message": "Input should be less than or equal to 100"}]},
    503: _example(
        503,
        "no-model",
        "No model yet",
        "no churn model is published yet; run `python -m training train` and "
        "`python -m training promote`, the service then picks it up by itself",
    ),
}

Moment = datetime
"""An instant in an answer: ISO 8601, UTC."""
