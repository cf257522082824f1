"""The shop's products in: price and availability hold from the very next answer on."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from features.catalog import Product
from features.errors import StorageError
from features.instants import moment
from serving.authorization import KeyedRoute
from serving.errors import UnknownProductError
from serving.product_feed import Fault, ProductBody, ProductIdText, csv_lines, json_lines
from serving.routes.fields import IdempotencyKey, Moment, answer, example, problems
from serving.service import Service, ServiceDep
from serving.store import ProductChange

router = APIRouter(tags=["products"], route_class=KeyedRoute)

BULK_PATH = "/v1/products/bulk"

PRODUCTS_AT_ONCE = 1_000
"""Products in one transaction, so that events wait tens of milliseconds for it at most."""

FAULTS_SHOWN = 1_000
"""Rejected lines that are listed; all are counted."""

_READERS: Mapping[str, Callable[[bytes], Iterator[ProductChange | Fault]]] = {
    "application/x-ndjson": json_lines,
    "application/jsonl": json_lines,
    "text/csv": csv_lines,
}

ProductPath = Annotated[
    ProductIdText,
    Path(
        description="The product's id, as events name it.",
        openapi_examples={"product": {"value": "22423"}},
    ),
]


class ProductView(BaseModel):
    """What is known of a product."""

    product_id: str
    parent_id: str | None
    title: str | None
    category: str | None
    brand: str | None
    price: float | None
    attributes: dict[str, Any]
    available: bool
    first_seen_at: Moment | None


class RejectedLine(BaseModel):
    """One line that was not taken."""

    line: int
    """Counted from 1; in CSV the header is a line too."""
    product_id: str | None
    reason: str


class Fed(BaseModel):
    """What became of a feed."""

    accepted: int
    """Lines that hold from the next answer on."""
    rejected: int
    errors: list[RejectedLine]
    """The first thousand of those rejected."""


_PRODUCT: dict[str, Any] = {
    "product_id": "22423",
    "parent_id": None,
    "title": "Regency cakestand 3 tier",
    "category": "Kitchen > Baking",
    "brand": None,
    "price": 12.75,
    "attributes": {},
    "available": True,
    "first_seen_at": "2011-09-10T12:00:00Z",
}


@router.post(
    BULK_PATH,
    response_model=Fed,
    responses=example(
        {
            "accepted": 2,
            "rejected": 1,
            "errors": [
                {
                    "line": 3,
                    "product_id": "22424",
                    "reason": "price: Input should be greater than or equal to 0",
                }
            ],
        }
    )
    | problems(409, 413, 415, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": '{"product_id": "22423", "price": 12.75}\n'
                    '{"product_id": "85123A", "available": false}\n',
                },
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "product_id,price,available\n22423,12.75,true\n85123A,,false\n",
                },
            },
        }
    },
)
async def feed(
    request: Request, service: ServiceDep, idempotency_key: IdempotencyKey = None
) -> Response:
    """Take a feed of products as JSON Lines or CSV; good lines count, bad ones are listed.

    A line says what changes: fields that are absent, null or empty stay as they were. Of several
    lines of one product the last holds. CSV names its columns in the first line; `attributes`
    is JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _READERS:
        raise HTTPException(415, "send JSON Lines as application/x-ndjson, or text/csv")
    content = await request.body()
    return await service.idempotency.answer(
        idempotency_key,
        request,
        lambda: run_in_threadpool(_stored, service, _READERS[kind](content)),
    )


@router.put(
    "/v1/products/{product_id:path}",
    response_model=ProductView,
    responses=example(_PRODUCT) | problems(413, 422, 503),
)
async def put(product_id: ProductPath, body: ProductBody, service: ServiceDep) -> Response:
    """Add a product, or change what is known of it; what is absent or null stays as it was.

    Price and availability hold from the next answer of any worker on.
    """
    changes = [body.change(product_id)]
    await run_in_threadpool(service.store.feed, changes, service.clock())
    return _answer(product_id, service)


@router.get(
    "/v1/products/{product_id:path}",
    response_model=ProductView,
    responses=example(_PRODUCT) | problems(404, 422, 503),
)
async def get(product_id: ProductPath, service: ServiceDep) -> Response:
    """Look a product up, as answers are made from it.

    While the store does not answer, this worker says what it last knew of the product; of one it
    does not know, 503.
    """
    return _answer(product_id, service)


def _stored(service: Service, lines: Iterator[ProductChange | Fault]) -> Response:
    accepted, faults, shown = 0, 0, []
    changes: list[ProductChange] = []
    for line in lines:
        if isinstance(line, Fault):
            faults += 1
            if faults <= FAULTS_SHOWN:
                shown.append(vars(line))
            continue
        changes.append(line)
        if len(changes) == PRODUCTS_AT_ONCE:
            service.store.feed(changes, service.clock())
            accepted, changes = accepted + len(changes), []
    service.store.feed(changes, service.clock())
    accepted += len(changes)
    return answer({"accepted": accepted, "rejected": faults, "errors": shown})


def _answer(product_id: str, service: Service) -> Response:
    try:
        service.champion.hear()
    except StorageError:
        if product_id not in service.champion.live.catalog.index:
            raise
    product = _known(product_id, service)
    if product is None:
        raise UnknownProductError(product_id)
    at = product.first_seen_at
    return answer({**vars(product), "first_seen_at": None if at is None else moment(at)})


def _known(product_id: str, service: Service) -> Product | None:
    """As it is answered from; as the store has it, if it is too new for that."""
    catalog = service.champion.live.catalog
    place = catalog.index.get(product_id)
    return service.store.product(product_id) if place is None else catalog.product(place)
