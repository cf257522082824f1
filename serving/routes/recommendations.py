"""Which products to show."""

import math
import time
import uuid
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from serving.authorization import KeyedRoute, caller
from serving.recommend import Fallback, Filters
from serving.routes.fields import (
    Body,
    Customer,
    IdempotencyKey,
    Identifier,
    answer,
    example,
    problems,
)
from serving.service import Service, ServiceDep

router = APIRouter(tags=["recommendations"], route_class=KeyedRoute)

MAX_K = 100
"""Longest list; no page shows more, and the answer stays within milliseconds."""

MAX_PRICE = 1e12
"""Highest price that can be asked for; no currency needs more, and float32 holds it."""


class FilterBody(Body):
    """What may be shown. Products that cannot be bought never are."""

    category: str | None = Field(default=None, max_length=1000)
    """A category path or its beginning."""
    brand: str | None = Field(default=None, max_length=1000)
    price_min: float | None = Field(default=None, ge=0, le=MAX_PRICE)
    price_max: float | None = Field(default=None, ge=0, le=MAX_PRICE)
    available: Literal[True] = True
    """Only what can be bought; there is no other choice yet."""


class RecommendationBody(Customer):
    """Who asks, for which place on the page, and what may be shown."""

    placement: str = Field(default="home", min_length=1, max_length=64)
    """Where the list is shown; comes back in the answer."""
    k: int = Field(default=10, ge=1, le=MAX_K)
    """How many products."""
    filters: FilterBody = FilterBody()
    exclude: list[Identifier] = Field(default=[], max_length=1000)
    """Products not to show, nor variants of them."""

    model_config = Body.model_config | {
        "json_schema_extra": {
            "example": {
                "customer_id": "c-17",
                "placement": "home",
                "k": 2,
                "filters": {"category": "Kitchen", "price_max": 20},
                "exclude": ["22423"],
            }
        }
    }


class RecommendedItem(BaseModel):
    """One product to show."""

    product_id: str
    title: str
    price: float | None
    score: float
    reason: str
    """Why, in words for the customer."""
    source: str
    """Where it came from: the generator that ranked it highest, or `popular`."""


class Recommendations(BaseModel):
    """A list, best first."""

    recommendation_id: str
    """Send it back in Recommendation Shown and Recommendation Clicked."""
    placement: str
    items: list[RecommendedItem]
    model_version: str | None
    fallback: Fallback | None
    """Null when the model judged for this customer; otherwise why it could not."""
    took_ms: float


@router.post(
    "/v1/recommendations",
    response_model=Recommendations,
    responses=example(
        {
            "recommendation_id": "rec_6f1dd1a0c2b84f6c9d1f4d6a8f5e2b10",
            "placement": "home",
            "items": [
                {
                    "product_id": "85123A",
                    "title": "White hanging heart t-light holder",
                    "price": 2.95,
                    "score": 0.213,
                    "reason": "You buy this about every 30 days, last on 3 May",
                    "source": "repeat",
                }
            ],
            "model_version": "7",
            "fallback": None,
            "took_ms": 2.4,
        }
    )
    | problems(409, 413, 422),
)
async def recommend(
    body: RecommendationBody,
    request: Request,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Recommend products to a customer or visitor, each with its reason.

    Always a list where one can be given; `fallback` says when it is not the model's own for
    this customer. It changes nothing, so that it may be asked again at any time; each answer has
    an id of its own. With an `Idempotency-Key` a request that is sent again gets the same list
    under the same id, unless the store does not answer. With a public key it is asked for by
    `anonymous_id` alone.
    """
    caller(request).require_visitor(body.customer_id)
    if idempotency_key is None:
        return _recommended(body, service)
    return await service.idempotency.answer(
        idempotency_key, request, lambda: _made(body, service), at_any_rate=True
    )


async def _made(body: RecommendationBody, service: Service) -> Response:
    return _recommended(body, service)


def _recommended(body: RecommendationBody, service: Service) -> Response:
    began = time.perf_counter()
    filters = body.filters
    found = service.recommender.recommend(
        body.customer_ids,
        body.k,
        filters=Filters(filters.category, filters.brand, filters.price_min, filters.price_max),
        exclude=body.exclude,
    )
    catalog = found.live.catalog
    items = []
    for item in found.items:
        price = float(catalog.price[item.product])
        items.append(
            {
                "product_id": catalog.ids[item.product],
                "title": catalog.title(item.product),
                "price": None if math.isnan(price) else round(price, 2),
                "score": round(item.score, 6),
                "reason": item.reason,
                "source": item.source,
            }
        )
    return answer(
        {
            "recommendation_id": f"rec_{uuid.uuid4().hex}",
            "placement": body.placement,
            "items": items,
            "model_version": found.live.version,
            "fallback": found.fallback,
            "took_ms": round((time.perf_counter() - began) * 1000, 3),
        }
    )
