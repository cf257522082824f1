"""Everything a request may need, made once per process."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from features.consents import ConsentRules
from features.events.identifiers import Reader
from serving.access import AccessLog
from serving.champion import Champion
from serving.clock import Clock
from serving.corrections import Corrections
from serving.decisions.timers import Timers
from serving.erasing import Erasing
from serving.idempotency import Idempotency
from serving.impressions import ImpressionLog
from serving.ingest import Ingest
from serving.keys import Keys
from serving.merging import Merging
from serving.metrics import Monitoring
from serving.profile import Profiles
from serving.rate_limit import RateLimit
from serving.recommend import Recommender
from serving.scores import ScoreLog
from serving.store import Store


@dataclass(frozen=True)
class Service:
    """The parts of a running service."""

    store: Store
    champion: Champion
    profiles: Profiles
    recommender: Recommender
    ingest: Ingest
    merging: Merging
    reader: Reader
    keys: Keys
    access: AccessLog
    scores: ScoreLog
    impressions: ImpressionLog
    monitoring: Monitoring
    rate_limit: RateLimit
    idempotency: Idempotency
    timers: Timers
    corrections: Corrections
    erasing: Erasing
    clock: Clock
    consent_rules: ConsentRules


async def running(request: Request) -> Service:
    """The service of this application."""
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(running)]
