"""Figures for Prometheus."""

from fastapi import APIRouter
from starlette.responses import Response

from serving.authorization import KeyedRoute
from serving.metrics import CONTENT_TYPE
from serving.service import ServiceDep

router = APIRouter(tags=["health"], route_class=KeyedRoute)


@router.get("/metrics", include_in_schema=False)  # not JSON; docs/monitoring.md describes it
async def metrics(service: ServiceDep) -> Response:
    """Say how right the served scores turned out to be, by the last monitoring."""
    return Response(service.monitoring.text(), headers={"Content-Type": CONTENT_TYPE})
