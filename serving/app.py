"""The application: parts are opened when it starts and closed when it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import structlog
from fastapi import FastAPI

from serving import errors, logs
from serving.body_limit import BodyLimit
from serving.champion import Champion
from serving.clock import Clock, wall_clock
from serving.decisions.timers import Timers
from serving.decisions.triggers import TRIGGERS
from serving.ingest import Ingest
from serving.profile import Profiles
from serving.recommend import Recommender
from serving.request_ids import RequestIds
from serving.routes import customers, decisions, events, health, offers, recommendations
from serving.service import Service
from serving.settings import ServingSettings
from serving.store.sqlite import SqliteStore

log = structlog.get_logger()

ROUTES = (health, events, recommendations, customers, offers, decisions)

DESCRIPTION = """\
Turns one-time buyers into regulars. Send what customers do to `/v1/track` or `/v1/batch`, in
Segment's form; ask what to show them, what to offer, and who is about to leave. Every answer
knows every event that was acknowledged before it, and every decision says why.

Errors are `application/problem+json` and say what to do next; Segment's endpoints answer
`{"code", "message"}` instead.
"""


def create_app(settings: ServingSettings, *, clock: Clock = wall_clock) -> FastAPI:
    """The service as an ASGI application; nothing is opened before it starts.

    Arguments:
        settings: where things live and how often to look around.
        clock: the present; tests set their own.
    """
    app = FastAPI(
        title="regulars",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=_lifespan(settings, clock),
        redirect_slashes=False,  # Segment's clients take a redirect for a failure
    )
    for topic in ROUTES:
        app.include_router(topic.router)
    errors.install(app)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    app.add_middleware(RequestIds)
    return app


def from_environment() -> FastAPI:
    """The application by the environment's settings, for uvicorn's workers."""
    logs.configure()
    return create_app(ServingSettings())


def _lifespan(
    settings: ServingSettings, clock: Clock
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            store = SqliteStore(settings.store_file, busy_seconds=settings.busy_seconds)
            stack.callback(store.close)
            # one thread writes: SQLite has one write lock, and waiting for it in many helps nobody
            writer = stack.enter_context(ThreadPoolExecutor(1, "writer"))
            # two watch: loading a bundle takes seconds, and timers go on meanwhile
            watchers = stack.enter_context(ThreadPoolExecutor(2, "watcher"))
            service = _service(settings, store, clock, writer)
            app.state.service = service
            service.champion.check()
            service.champion.number_products()
            service.champion.live.warm()
            for look, seconds in (
                (service.champion.check, settings.champion_seconds),
                (service.timers.run_due, settings.timers_seconds),
            ):
                task = asyncio.create_task(_repeat(look, seconds, watchers))
                stack.push_async_callback(_ended, task)
            yield

    return lifespan


def _service(
    settings: ServingSettings, store: SqliteStore, clock: Clock, writer: Executor
) -> Service:
    champion = Champion(settings.bundles, store, clock)
    profiles = Profiles(store, champion, clock)
    return Service(
        store=store,
        champion=champion,
        profiles=profiles,
        recommender=Recommender(profiles, champion, store, clock),
        ingest=Ingest(store, TRIGGERS, clock, writer),
        timers=Timers(
            store,
            TRIGGERS,
            clock,
            translate=lambda timeline: champion.translated(timeline)[1],
            model_version=lambda: champion.live.version,
        ),
        clock=clock,
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
