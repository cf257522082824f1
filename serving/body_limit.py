"""The longest body a request may have; what goes beyond is never held in memory."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware; reading a longer body raises 413, told or not beforehand.

    Arguments:
        app: what reads.
        most: bytes.
        of_paths: other limits of single paths.
    """

    def __init__(self, app: ASGIApp, *, most: int, of_paths: Mapping[str, int]) -> None:
        self.app = app
        self._most = most
        self._of_paths = of_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        read = 0
        most = self._of_paths.get(scope["path"], self._most)

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(413, f"a body takes at most {most:,} bytes")
            return message

        await self.app(scope, limited, send)
