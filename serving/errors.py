"""What callers are told when something is wrong: the only place that knows HTTP codes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from features.errors import BundleError, EventError, InputError, RegularsError, StorageError, shown
from serving.idempotency import InProgressError, ReusedKeyError
from serving.inflate import NotGzipError, TooLargeError
from serving.keys import ForbiddenError, UnauthorizedError
from serving.rate_limit import TooManyEventsError
from serving.rules import ContradictionError
from serving.segment import is_segment_path

log = structlog.get_logger()

RETRY_AFTER_SECONDS = 1


class UnknownCustomerError(RegularsError):
    """Nothing is known of the customer who was asked for."""

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"no customer {shown(customer_id)}; send an event of theirs to /v1/track first, "
            f"or ask for 'anonymous:<anonymous id>' if they have not logged in"
        )


class UnknownDecisionError(RegularsError):
    """There is no decision of this id."""

    def __init__(self, decision_id: str) -> None:
        super().__init__(
            f"no decision {shown(decision_id)}; "
            "GET /v1/decisions?customer_id=… lists those of a customer"
        )


class UnknownErasureError(RegularsError):
    """There is no erasure of this id."""

    def __init__(self, erasure_id: str) -> None:
        super().__init__(f"no erasure {shown(erasure_id)}; GET /v1/erasures lists them")


class UnknownProductError(RegularsError):
    """There is no product of this id."""

    def __init__(self, product_id: str) -> None:
        super().__init__(
            f"no product {shown(product_id)}; PUT /v1/products/<id> adds it, "
            "and so does an event that names it"
        )


class UnknownRuleError(RegularsError):
    """There is no rule of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no rule {shown(name)}; GET /v1/rules lists them, PUT adds one")


class FieldError(InputError):
    """A field of a request holds what cannot be used.

    Arguments:
        field: its name, as the request has it.
        reason: what is wrong, and what would be right.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class NoModelError(RegularsError):
    """No bundle is published, or the published one lacks the model that was asked for."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"no {model} model is published yet; run `python -m training train` and "
            "`python -m training promote`, the service then picks it up by itself"
        )


_KINDS: tuple[tuple[type[RegularsError], int, str, str], ...] = (
    (UnknownCustomerError, 404, "unknown-customer", "Unknown customer"),
    (UnknownDecisionError, 404, "unknown-decision", "Unknown decision"),
    (UnknownErasureError, 404, "unknown-erasure", "Unknown erasure"),
    (UnknownProductError, 404, "unknown-product", "Unknown product"),
    (UnknownRuleError, 404, "unknown-rule", "Unknown rule"),
    (ContradictionError, 409, "contradiction", "The rules contradict each other"),
    (UnauthorizedError, 401, "unauthorized", "No key of this shop's"),
    (ForbiddenError, 403, "forbidden", "The key does not open this"),
    (TooManyEventsError, 429, "too-many-events", "Too many events"),
    (TooLargeError, 413, "too-large", "Too large"),
    (NotGzipError, 400, "invalid-request", "The body cannot be decompressed"),
    (InProgressError, 409, "in-progress", "The same request is being answered"),
    (ReusedKeyError, 422, "reused-key", "The Idempotency-Key belongs to another request"),
    (NoModelError, 503, "no-model", "No model yet"),
    (StorageError, 503, "store-unavailable", "The store does not answer"),
    (BundleError, 503, "bundle-unavailable", "The bundle cannot be used"),
    (EventError, 400, "invalid-request", "The event cannot be used"),
    (InputError, 422, "invalid-request", "The request cannot be understood"),
    (RegularsError, 500, "internal", "Something went wrong here"),
)


def install(app: FastAPI) -> None:
    """Answer every error of this application as `application/problem+json`, or as Segment."""
    handlers: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
        RegularsError: _domain,
        RequestValidationError: _validation,
        HTTPException: _http,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def problem(
    request: Request,
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One error as RFC 9457 has it, or as `{"code", "message"}` where Segment's clients call."""
    if is_segment_path(request.url.path):
        return _json({"code": kind.replace("-", "_"), "message": detail}, status, headers=headers)
    body: dict[str, Any] = {
        "type": f"urn:regulars:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": request.scope.get("state", {}).get("request_id"),
    }
    if errors:
        body["errors"] = list(errors)
    return _json(body, status, media_type="application/problem+json", headers=headers)


async def _domain(request: Request, error: RegularsError) -> Response:
    status, kind, title = next(
        (status, kind, title) for type_, status, kind, title in _KINDS if isinstance(error, type_)
    )
    headers = {}
    if isinstance(error, TooManyEventsError):
        headers["Retry-After"] = str(error.seconds)
    elif status == 503 or isinstance(error, InProgressError):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    elif status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="regulars", Basic realm="regulars"'
    if status >= 500:
        log.error("request failed", problem=kind, error=type(error).__name__)
    fields = (
        [{"field": error.field, "message": str(error)}] if isinstance(error, FieldError) else ()
    )
    return problem(request, status, kind, title, str(error), errors=fields, headers=headers)


async def _validation(request: Request, error: RequestValidationError) -> Response:
    errors = [
        {
            "field": ".".join(_readable(str(part)) for part in found["loc"][1:]) or "body",
            "message": _readable(str(found["msg"])) + _sent(found),
        }
        for found in error.errors()[:20]
    ]
    detail = "; ".join(f"{found['field']}: {found['message']}" for found in errors)
    return problem(
        request, 422, "invalid-request", "The request cannot be understood", detail, errors=errors
    )


def _sent(found: Mapping[str, Any]) -> str:
    """The value that cannot be: of a query parameter, and a number out of its range.

    Other values of a body may be personal, and are not repeated.
    """
    asked = found["loc"][0] == "query" and found["type"] != "missing"
    if not asked and not found["type"].startswith(("greater_than", "less_than")):
        return ""
    return _readable(f"; it is {shown(found['input'])}")


async def _http(request: Request, error: HTTPException) -> Response:
    return problem(
        request,
        error.status_code,
        f"http-{error.status_code}",
        str(error.detail),
        f"{error.detail}; /docs lists every endpoint with an example",
        headers=error.headers,
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected error", error=type(error).__name__, exc_info=error)
    return problem(
        request,
        500,
        "internal",
        "Something went wrong here",
        "an unexpected error; the log has it under this request id",
    )


def _json(
    body: Mapping[str, Any],
    status: int,
    *,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    return Response(
        orjson.dumps(body), status_code=status, media_type=media_type, headers=dict(headers or {})
    )


def _readable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:200]
