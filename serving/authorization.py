"""Every endpoint asks for a key of the right scope, before it reads what was sent."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from serving.keys import Caller, presented
from serving.scopes import EVENTS, permission_of
from serving.service import Service


class KeyedRoute(APIRoute):
    """A route that lets in who holds a key for it; as a dependency that would cost ten times more.

    What it raises is what `Keys.caller` does.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler, behind the look at the key."""
        handle = super().get_route_handler()
        permissions = {
            method: permission_of(method, self.path_format) for method in self.methods or ()
        }

        async def let_in(request: Request) -> Response:
            permission = permissions[request.method]
            if not (permission.nobody or permission.in_body):
                service: Service = request.app.state.service
                keys = presented(request.headers.get("authorization"))
                request.state.caller = service.keys.caller(keys, permission)
            return await handle(request)

        return let_in


def keyed(router: APIRouter) -> APIRouter:
    """The router, if all its routes ask for keys.

    Raises:
        TypeError: one does not.
    """
    for route in router.routes:
        if not isinstance(route, KeyedRoute):
            raise TypeError(f"{route}: make its router with route_class=KeyedRoute")
    return router


def sender(request: Request, service: Service, write_key: object) -> Caller:
    """Who sends events: their key may be in the body too; raises what `Keys.caller` does."""
    keys = presented(request.headers.get("authorization"), write_key)
    return service.keys.caller(keys, EVENTS)


def caller(request: Request) -> Caller:
    """Who was let in."""
    found: Caller = request.state.caller
    return found
