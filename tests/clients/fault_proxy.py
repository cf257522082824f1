"""A proxy between a client and the service that fails now and then, as networks do.

Every so many requests it answers 429 or 500 instead of the service, hangs up before the service
has seen the request, or hangs up after the service has stored it and before the client knows.
Preflight requests pass: a browser does not repeat those.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress

FAULTS = {
    2: "429 now",
    4: "lost answer",
    6: "500",
    8: "hang up",
    10: "429 later",
    12: "lost answer",
}
"""What happens to the n-th request of every `CYCLE`; the others pass."""

CYCLE = 20

FAULTY = 40
"""Requests after which the network is good: clients wait longer with every failure, and a test
should end."""


class FaultProxy:
    """Listens on a port of its own and passes requests on to one service.

    Arguments:
        port: of the service, on this machine; it may be away for a while, and the client is
            then hung up on.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._requests = 0
        self.happened: Counter[str] = Counter()
        """How often each fault, `passed` and `away` came about."""
        self.encodings: Counter[str] = Counter()
        """The requests' Content-Encoding; empty for none."""

    def __enter__(self) -> "FaultProxy":
        listening: Future[int] = Future()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(listening,))
        self._thread.start()
        self.port = listening.result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def _run(self, listening: "Future[int]") -> None:
        self._loop.run_until_complete(self._serve(listening))
        self._loop.close()

    async def _serve(self, listening: "Future[int]") -> None:
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        listening.set_result(server.sockets[0].getsockname()[1])
        await self._stopped.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Handle one request; False when the client is to be hung up on."""
        request, body, headers = await _message(reader)
        fault = None
        if not request.startswith(b"OPTIONS"):
            self._requests += 1
            self.encodings[headers.get(b"content-encoding", b"").decode()] += 1
            if self._requests <= FAULTY:
                fault = FAULTS.get(self._requests % CYCLE)
        if fault in ("429 now", "429 later", "500"):
            writer.write(_refusal(fault, headers.get(b"origin")))
            await writer.drain()
            self.happened[fault] += 1
            return True
        if fault == "hang up":
            self.happened[fault] += 1
            return False
        answer = await self._passed_on(request, body)
        if answer is None:
            self.happened["away"] += 1
            return False
        if fault == "lost answer":
            self.happened[fault] += 1
            return False
        writer.write(answer)
        await writer.drain()
        self.happened["passed"] += 1
        return True

    async def _passed_on(self, request: bytes, body: bytes) -> bytes | None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return None
        try:
            writer.write(request + body)
            head, rest, _ = await _message(reader)
            return head + rest
        except (OSError, asyncio.IncompleteReadError):
            return None
        finally:
            writer.close()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes, Mapping[bytes, bytes]]:
    """Head, body and headers of a request or an answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    if headers.get(b"transfer-encoding") == b"chunked":
        body = b""
        size = -1
        while size:
            line = await reader.readuntil(b"\r\n")
            size = int(line, 16)
            body += line + await reader.readexactly(size + 2)
        return head, body, headers
    return head, await reader.readexactly(int(headers.get(b"content-length", 0))), headers


def _refusal(fault: str, origin: bytes | None) -> bytes:
    status = b"500 Internal Server Error" if fault == "500" else b"429 Too Many Requests"
    body = b'{"code":"busy","message":"try again"}'
    lines = [
        b"HTTP/1.1 " + status,
        b"Content-Type: application/json",
        b"Content-Length: " + str(len(body)).encode(),
    ]
    if status.startswith(b"429"):
        lines.append(b"Retry-After: " + (b"1" if fault == "429 later" else b"0"))
    if origin is not None:  # without it a browser would not show the status to its page
        lines += [b"Access-Control-Allow-Origin: " + origin]
        lines += [b"Access-Control-Expose-Headers: Retry-After"]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
