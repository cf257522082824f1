"""The application: parts are opened when it starts and closed when it ends."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import structlog
from fastapi import FastAPI

from features.consents import ConsentRules
from features.events.identifiers import reader_of, rules_of
from features.events.keeping import Keep
from models.next_product.placements import placements
from serving import errors, logs
from serving.access import Accesses, AccessLog
from serving.authorization import keyed
from serving.body_limit import BodyLimit
from serving.bots import Bots
from serving.champion import Champion
from serving.clock import Clock, wall_clock
from serving.corrections import Corrections
from serving.cors import PageCors
from serving.currency import Currency
from serving.decisions.timers import Timers
from serving.decisions.triggers import TRIGGERS
from serving.documentation import Documented
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
from serving.request_ids import RequestIds
from serving.routes import (
    access,
    consents,
    corrections,
    customers,
    decisions,
    erasures,
    events,
    health,
    identity,
    metrics,
    offers,
    person_export,
    products,
    quarantine,
    recommendations,
    rules,
    stored,
)
from serving.scores import ScoreLog
from serving.service import Service
from serving.settings import ServingSettings
from serving.store import GroupCommit, Store, open_store

log = structlog.get_logger()

ROUTES = (
    health,
    events,
    recommendations,
    identity,
    person_export,  # before customers, whose paths match everything
    corrections,
    consents,
    customers,
    erasures,
    offers,
    decisions,
    stored,
    quarantine,
    products,
    rules,
    access,
    metrics,
)
"""In the order in which a path is looked for: what is asked most, and must be fast, first."""

FORGET_SECONDS = 3600
"""Pause between two looks for answers that were remembered long enough."""

EXPIRY_SECONDS = 600
"""Pause between two looks for identifiers that have expired."""

DESCRIPTION = """\
Turns one-time buyers into regulars. Send what customers do to `/v1/track` or `/v1/batch`, in
Segment's form; ask what to show them, what to offer, and who is about to leave. Every answer
knows every event that was acknowledged before it, and every decision says why.

Every call needs a key: as `Authorization: Bearer <key>`, as the user of HTTP Basic, or, with
events, as `writeKey` in the body, as Segment's clients do. `python -m serving keys create` makes
one; its scopes say what it opens, and an admin's key opens everything.

Errors are `application/problem+json` and say what to do next; Segment's endpoints answer
`{"code", "message"}` instead.
"""


def create_app(settings: ServingSettings, *, clock: Clock = wall_clock) -> FastAPI:
    """The service as an ASGI application; nothing is opened before it starts.

    Arguments:
        settings: where things live and how often to look around.
        clock: the present; tests set their own.
    """
    app = Documented(
        title="regulars",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=_lifespan(settings, clock),
        redirect_slashes=False,  # Segment's clients take a redirect for a failure
    )
    for topic in ROUTES:
        app.include_router(keyed(topic.router))
    errors.install(app)
    app.add_middleware(
        BodyLimit,
        most=settings.max_body_bytes,
        of_paths={products.BULK_PATH: settings.max_feed_bytes},
    )
    origins = [origin.strip() for origin in settings.page_origins.split(",") if origin.strip()]
    app.add_middleware(PageCors, origins=origins)
    app.add_middleware(Accesses)
    app.add_middleware(RequestIds)
    return app


def from_environment() -> FastAPI:
    """The application by the environment's settings, for uvicorn's workers."""
    logs.configure()
    return create_app(ServingSettings.of_environment())


def _lifespan(
    settings: ServingSettings, clock: Clock
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            store = open_store(settings)
            stack.callback(store.close)
            commit = GroupCommit(store)
            stack.callback(commit.close)
            # three watch: loading a bundle takes seconds, and timers and keys go on meanwhile
            watchers = stack.enter_context(ThreadPoolExecutor(3, "watcher"))
            service = _service(settings, store, commit, clock)
            app.state.service = service
            stack.callback(service.access.close)
            stack.callback(service.scores.close)
            stack.callback(service.impressions.close)
            service.keys.refresh()
            service.champion.check()
            service.champion.number_products()
            service.champion.hear()
            service.champion.live.warm(placements(settings.placements).values())
            gc.freeze()  # what is loaded by now stays: collections need not walk through it
            for look, seconds in (
                (service.champion.check, settings.champion_seconds),
                (service.timers.run_due, settings.timers_seconds),
                (service.keys.refresh, settings.keys_seconds),
                (service.access.flush, settings.keys_seconds),
                (service.scores.flush, settings.scores_seconds),
                (service.impressions.flush, settings.scores_seconds),
                (service.idempotency.forget, FORGET_SECONDS),
                (lambda: store.settle_expired(clock()), EXPIRY_SECONDS),
            ):
                task = asyncio.create_task(_repeat(look, seconds, watchers))
                stack.push_async_callback(_ended, task)
            yield

    return lifespan


def _service(settings: ServingSettings, store: Store, commit: GroupCommit, clock: Clock) -> Service:
    champion = Champion(settings.bundles, store, clock)
    reader = reader_of(settings)
    currency = Currency(settings.currency, store, clock)
    rules = ConsentRules.of(settings)
    impressions = ImpressionLog(store)
    profiles = Profiles(store, champion, clock, currency, settings.time_zone, rules)
    return Service(
        store=store,
        champion=champion,
        profiles=profiles,
        recommender=Recommender(
            profiles, champion, store, clock, placements(settings.placements), impressions
        ),
        ingest=Ingest(
            commit,
            TRIGGERS,
            clock,
            Keep(settings.keep),
            Bots(settings.bot_events_per_minute),
            currency,
            reader,
            rules,
        ),
        merging=Merging(store, commit, clock, rules_of(settings)),
        reader=reader,
        keys=Keys(store, clock),
        access=AccessLog(store, clock),
        scores=ScoreLog(store),
        impressions=impressions,
        monitoring=Monitoring(settings.monitoring),
        rate_limit=RateLimit(settings.write_events_per_second, settings.write_burst_events),
        idempotency=Idempotency(store, clock, settings.idempotency_hours),
        timers=Timers(
            store,
            TRIGGERS,
            clock,
            rules=rules,
            translate=lambda timeline: champion.translated(timeline)[1],
            model_version=lambda: champion.live.version,
        ),
        corrections=Corrections(store, commit, clock, Keep(settings.keep)),
        erasing=Erasing(store, champion, clock, settings.erased_may_return),
        clock=clock,
        consent_rules=rules,
    )


async def _repeat(look: Callable[[], object], seconds: float, threads: Executor) -> None:
    """Look again and again; what goes wrong is logged and tried anew."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(seconds)
        try:
            await loop.run_in_executor(threads, look)
        except Exception as error:
            log.error("background look failed", what=look.__qualname__, exc_info=error)


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
