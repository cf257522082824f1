"""Pages of the shop may write from the browser; nothing else may be called from other origins."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.segment import is_segment_path

PREFLIGHT_SECONDS = 86_400
"""How long a browser need not ask again."""


class WriteCors:
    """ASGI middleware: CORS on Segment's endpoints, without credentials.

    Arguments:
        app: what answers.
        origins: whose pages may write; `*` is all, as write keys are public in a page anyway.
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
        written = scope["type"] == "http" and is_segment_path(scope["path"])
        await (self._cors if written else self._plain)(scope, receive, send)
