"""Every endpoint asks for a key of the right scope, before it looks at what was sent."""

from starlette.requests import Request

from serving.keys import Caller, presented
from serving.scopes import EVENTS, permission_of
from serving.service import Service


async def authorize(request: Request) -> None:
    """Let a request in, or raise what `Keys.caller` does; a dependency of all endpoints."""
    permission = permission_of(request.method, request.scope["route"].path_format)
    if permission.nobody or permission.in_body:
        return
    service: Service = request.app.state.service
    keys = presented(request.headers.get("authorization"))
    request.state.caller = service.keys.caller(keys, permission)


def sender(request: Request, service: Service, write_key: object) -> Caller:
    """Who sends events: their key may be in the body too; raises what `Keys.caller` does."""
    keys = presented(request.headers.get("authorization"), write_key)
    return service.keys.caller(keys, EVENTS)


def caller(request: Request) -> Caller:
    """Who was let in."""
    found: Caller = request.state.caller
    return found
