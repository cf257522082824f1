"""Who asked about whom: to the store a moment after the answer; see `serving.buffer`."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.buffer import Buffer
from serving.clock import Clock
from serving.keys import Caller
from serving.scopes import permission_of
from serving.store import Access, Store


class AccessLog(Buffer[Access]):
    """Collects entries and writes them.

    Arguments:
        store: where to.
        clock: the present.
    """

    what = "entries of the access log"

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__()
        self._store = store
        self._clock = clock

    def add(self, caller: Caller, method: str, endpoint: str, customer_id: str | None) -> None:
        """Say that somebody asked about a customer; None stands for all of them."""
        scopes = tuple(sorted(caller.scopes))
        self._add(Access(self._clock(), caller.name, scopes, method, endpoint, customer_id))

    def _put(self, entries: Sequence[Access]) -> None:
        self._store.put_accesses(entries)


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
