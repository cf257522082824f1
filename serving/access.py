"""Who asked about whom: kept in memory for a moment, then in the store, many at once.

A read must not wait for a write, so that what was read in the last second before a crash is not
in the log; a service that is stopped in good order writes everything.
"""

import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import StorageError
from serving.clock import Clock
from serving.keys import Caller
from serving.scopes import permission_of
from serving.store import Access, Store

log = structlog.get_logger()

AT_ONCE = 1_000
"""Entries in one transaction, so that events wait milliseconds for it at most."""

KEPT = 100_000
"""Entries that wait for a store that does not answer; then the oldest are lost, and counted."""


class AccessLog:
    """Collects entries and writes them.

    Arguments:
        store: where to.
        clock: the present.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: deque[Access] = deque()
        self._writing = threading.Lock()
        self._lost = 0

    def add(self, caller: Caller, method: str, endpoint: str, customer_id: str | None) -> None:
        """Say that somebody asked about a customer; None stands for all of them."""
        if len(self._waiting) >= KEPT:
            self._waiting.popleft()
            self._lost += 1
        scopes = tuple(sorted(caller.scopes))
        self._waiting.append(
            Access(self._clock(), caller.name, scopes, method, endpoint, customer_id)
        )

    def flush(self) -> None:
        """Write what waits; what the store refuses goes on waiting.

        Raises:
            StorageError: the store refused.
        """
        with self._writing:
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
                try:
                    self._store.put_accesses(some)
                except StorageError:
                    self._waiting.extendleft(reversed(some))
                    raise
        self._tell_lost()

    def close(self) -> None:
        """Write what waits, as far as the store lets us."""
        try:
            self.flush()
        except StorageError:
            self._lost += len(self._waiting)
            self._tell_lost()

    def _tell_lost(self) -> None:
        if self._lost:
            log.error("entries of the access log are lost", entries=self._lost)
            self._lost = 0


class Accesses:
    """ASGI middleware: answered requests about customers go to the application's access log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self.app(scope, receive, watched)
        if scope["type"] != "http" or status >= 400:
            return
        state = scope.get("state", {})
        caller = state.get("caller")
        if caller is None:
            return
        route = scope["route"].path_format
        if permission_of(scope["method"], route).logged:
            accesses: AccessLog = scope["app"].state.service.access
            accesses.add(caller, scope["method"], route, _customer(scope, state))


def _customer(scope: Scope, state: Mapping[str, Any]) -> str | None:
    """Whom a request was about: by what its endpoint found out, its path, or its query."""
    named = state.get("customer_id") or scope["path_params"].get("customer_id")
    if named is None and scope["query_string"]:
        # as endpoints read it: of several the last
        named = QueryParams(scope["query_string"]).get("customer_id")
    return None if named is None else str(named)
