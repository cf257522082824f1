"""HTTP load from a process of its own: prebuilt requests over connections that stay open.

The client does as little as it can for a request (one write, a look for the end of the answer),
so that what is measured is the server: it reaches several times a FastAPI server's rate.
"""

import asyncio
import multiprocessing
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import uvloop

from tests.keys import ADMIN_KEY

STALLED_SECONDS = 60.0
"""A run that goes on this much longer than it should is given up."""


@dataclass(frozen=True)
class Load:
    """What came of a load."""

    done: int
    """Answers of status 200."""
    errors: int
    """Other answers, and requests whose connection ended."""
    seconds: float
    latencies_ms: npt.NDArray[np.float64]
    """Of the good answers; at a given rate from when a request was due, not from when it was
    sent: a server that lags behind does not look fast by being asked less."""

    @property
    def per_second(self) -> float:
        """Good answers per second."""
        return self.done / self.seconds

    def quantile_ms(self, share: float) -> float:
        """Latency that this share of the answers kept below."""
        return float(np.quantile(self.latencies_ms, share)) if self.done else float("nan")


def post(path: str, body: bytes) -> bytes:
    """One request as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {ADMIN_KEY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str) -> bytes:
    """One request as it goes over the wire."""
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\r\n"
    return head.encode()


class Loader(AbstractContextManager["Loader"]):
    """The process that sends."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def start(
        self,
        port: int,
        requests: Sequence[bytes],
        *,
        connections: int,
        seconds: float | None = None,
        rate: float | None = None,
    ) -> "Future[Load]":
        """Send requests over some connections.

        Arguments:
            port: of the server, on this machine.
            requests: what is sent, in turn; the next one as soon as a connection is free.
            connections: how many are open.
            seconds: go on, from the beginning again, for this long; None sends each once.
            rate: requests per second that fall due; None: as fast as the server answers.
        """
        return self._pool.submit(_drive, port, requests, connections, seconds, rate)

    def run(
        self,
        port: int,
        requests: Sequence[bytes],
        *,
        connections: int,
        seconds: float | None = None,
        rate: float | None = None,
    ) -> Load:
        """As `start`, and wait for the end."""
        return self.start(
            port, requests, connections=connections, seconds=seconds, rate=rate
        ).result()


def _drive(
    port: int,
    requests: Sequence[bytes],
    connections: int,
    seconds: float | None,
    rate: float | None,
) -> Load:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Run(requests, seconds, rate).all(port, connections))


class _Run:
    """One load: hands requests to connections and counts what comes back."""

    def __init__(
        self, requests: Sequence[bytes], seconds: float | None, rate: float | None
    ) -> None:
        self._requests = requests
        self._seconds = seconds
        self._rate = rate
        self._next = 0
        self._idle: deque[_Connection] = deque()
        self._sending = 0
        self._timer: asyncio.TimerHandle | None = None
        self.latencies: list[float] = []
        self.errors = 0

    async def all(self, port: int, connections: int) -> Load:
        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        opened = [
            (await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        self._began = time.perf_counter()
        self._ends = None if self._seconds is None else self._began + self._seconds
        self._idle.extend(opened)
        self._fill()
        expected = self._seconds or 600.0
        await asyncio.wait_for(self._over, expected + STALLED_SECONDS)
        ended = time.perf_counter()
        for connection in opened:
            connection.close()
        return Load(
            done=len(self.latencies),
            errors=self.errors,
            seconds=ended - self._began,
            latencies_ms=np.array(self.latencies) * 1000,
        )

    def freed(self, connection: "_Connection") -> None:
        """A connection can take the next request."""
        self._sending -= 1
        self._idle.append(connection)
        self._fill()

    def lost(self, connection: "_Connection", *, busy: bool) -> None:
        """A connection ended, perhaps before its answer came."""
        if busy:
            self.errors += 1
            self._sending -= 1
        elif connection in self._idle:
            self._idle.remove(connection)
        if not self._sending and not self._idle and not self._over.done():
            self._over.set_result(None)

    def _fill(self) -> None:
        now = time.perf_counter()
        while self._idle:
            due = now
            finished = (
                self._next >= len(self._requests)
                if self._ends is None
                else (due if self._rate is None else self._due()) >= self._ends
            )
            if finished:
                if not self._sending and not self._over.done():
                    self._over.set_result(None)
                return
            if self._rate is not None:
                due = self._due()
                if due > now:
                    self._wake_in(due - now)
                    return
            request = self._requests[self._next % len(self._requests)]
            self._next += 1
            self._sending += 1
            self._idle.popleft().send(request, due)

    def _wake_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._fill)

    def _due(self) -> float:
        assert self._rate is not None
        return self._began + self._next / self._rate


class _Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._due: float | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # TCP has one

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        headers = self._received[:head].lower()
        place = headers.index(b"content-length: ") + 16
        length = int(headers[place : place + 12].split(b"\r", 1)[0])
        if len(self._received) < head + 4 + length:
            return
        if headers.startswith(b"http/1.1 200"):
            assert self._due is not None
            self._run.latencies.append(time.perf_counter() - self._due)
        else:
            self._run.errors += 1
        self._received = self._received[head + 4 + length :]
        self._due = None
        self._run.freed(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._run.lost(self, busy=self._due is not None)

    def close(self) -> None:
        self._transport.close()
