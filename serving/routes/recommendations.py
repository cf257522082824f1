"""Which products to show."""

import math
import time
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.next_product.recommendation import NotShown, Recommendation
from serving.authorization import KeyedRoute, caller
from serving.keys import Caller, ForbiddenError
from serving.listing import Listed, Page
from serving.live import Live
from serving.routes.fields import IdempotencyKey, answer, example, problems
from serving.routes.lists import (
    ITEM,
    RecheckBody,
    RecommendationBody,
    Recommendations,
    RecommendedPage,
)
from serving.service import Service, ServiceDep

router = APIRouter(tags=["recommendations"], route_class=KeyedRoute)

WITHHELD_SHOWN = 100
"""Products not shown that are listed, the likeliest first."""


@router.post(
    "/v1/recommendations",
    response_model=Recommendations | RecommendedPage,
    responses=example(
        {
            "recommendation_id": "rec_6f1dd1a0c2b84f6c9d1f4d6a8f5e2b10",
            "placement": "home",
            "items": [ITEM],
            "fallback": None,
            "note": None,
            "model_version": "7",
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
    this customer and place, and `note` says it in words. What is shown is written down with its
    probability a moment later, in a log of its own; it changes nothing of the customer, so that it
    may be asked again at any time; each answer has an id of its own. With an `Idempotency-Key` a
    request that is sent again gets the same list under the same id, unless the store does not
    answer. With a public key it is asked for by `anonymous_id` alone.
    """
    who = caller(request)
    who.require_visitor(body.customer_id)
    if body.explain and who.is_page:
        raise ForbiddenError("explain is not for a public key: it tells of rules and margins")
    if idempotency_key is None:
        return _recommended(body, who, service)

    async def made() -> Response:
        return _recommended(body, who, service)

    return await service.idempotency.answer(idempotency_key, request, made, at_any_rate=True)


def _recommended(body: RecommendationBody, who: Caller, service: Service) -> Response:
    began = time.perf_counter()
    page = service.recommender.recommend(
        body.customer_ids,
        body.wanted(),
        exclude=body.exclude,
        age=body.age,
        country=body.country,
        variants=body.variants,
        explain=body.explain,
    )
    inside = not who.is_page
    lists = [_list(one, page.live, body.explain, inside=inside) for one in page.lists]
    return _told(lists[0] if body.placements is None else {"placements": lists}, page, began)


def _told(body: Mapping[str, Any], page: Page, began: float) -> Response:
    took = round((time.perf_counter() - began) * 1000, 3)
    return answer({**body, "model_version": page.live.version, "took_ms": took})


@router.post(
    "/v1/recommendations/recheck",
    response_model=Recommendations,
    responses=example(
        {
            "recommendation_id": "rec_6f1dd1a0c2b84f6c9d1f4d6a8f5e2b10",
            "placement": "email",
            "items": [ITEM],
            "fallback": None,
            "note": None,
            "withheld": [{"product_id": "22423", "why": "bought", "rule": None}],
            "model_version": "7",
            "took_ms": 2.9,
        }
    )
    | problems(413, 422),
)
async def recheck(body: RecheckBody, service: ServiceDep) -> Response:
    """Look again at a list that was made earlier, before a message with it goes out.

    What may still be shown stays, in its order; what was bought meanwhile, sold out or excluded
    goes, and `withheld` says why; the list is filled up with what is best for the customer now.
    Only what comes back here should be sent.
    """
    began = time.perf_counter()
    page = service.recommender.recheck(
        body.customer_ids,
        body.products,
        body.wanted(),
        exclude=body.exclude,
        age=body.age,
        country=body.country,
    )
    told = _list(page.lists[0], page.live, False)
    told["withheld"] = [_withheld(one, page.live) for one in page.lists[0].shelf.withheld]
    return _told(told, page, began)


def _list(listed: Listed, live: Live, explain: bool, *, inside: bool = True) -> dict[str, Any]:
    """A list as it is answered; to who is not `inside` the shop margins and rules are not told."""
    shelf = listed.shelf
    out: dict[str, Any] = {
        "recommendation_id": listed.recommendation_id,
        "placement": listed.placement,
        "items": [_item(item, live, inside) for item in shelf.items],
        "fallback": listed.fallback,
        "note": listed.note,
    }
    if explain:
        for told, item in zip(out["items"], shelf.items, strict=True):
            told["parts"] = dict(item.parts)
            told["features"] = dict(shelf.features.get(item.product, {}))
        out["withheld"] = [_withheld(one, live) for one in shelf.withheld[:WITHHELD_SHOWN]]
    return out


def _item(item: Recommendation, live: Live, inside: bool) -> dict[str, Any]:
    catalog = live.catalog
    price = float(catalog.price[item.product])
    return {
        "product_id": catalog.ids[item.product],
        "title": catalog.title(item.product),
        "price": None if math.isnan(price) else round(price, 2),
        "score": round(item.score, 6),
        "reason": item.reason,
        "source": item.source,
        "evidence": item.evidence,
        "sources": [
            {"source": one.name, "place": one.place, "score": round(one.score, 6)}
            for one in item.sources
        ],
        "probability": None if item.probability is None else round(item.probability, 6),
        "expected_value": round(item.value, 4) if inside and item.value is not None else None,
        "propensity": round(item.propensity, 6),
        "rule": item.rule if inside else None,
    }


def _withheld(one: NotShown, live: Live) -> Mapping[str, Any]:
    return {"product_id": live.catalog.ids[one.product], "why": one.why, "rule": one.rule}
