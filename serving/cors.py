"""Pages of the shop may send events and ask what to show; nothing else is open to a browser."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.scopes import PAGE_PATHS
from serving.segment import is_segment_path

PREFLIGHT_SECONDS = 86_400
"""How long a browser need not ask again."""


class PageCors:
    """ASGI middleware: CORS on what pages may call, without credentials.

    Arguments:
        app: what answers.
        origins: whose pages may call; `*` is all, as keys are public in a page anyway.
    """

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._plain = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After", "X-Request-ID"],
            max_age=PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        path = scope["path"] if scope["type"] == "http" else ""
        of_pages = path in PAGE_PATHS or is_segment_path(path)
        await (self._cors if of_pages else self._plain)(scope, receive, send)
