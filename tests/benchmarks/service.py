"""The service as it really runs: uvicorn in processes of its own, on a free port."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.keys import BEARER, put_admin_key

START_SECONDS = 60
"""A cold start compiles the feature kernel."""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


OURS = ("-m", "serving", "serve", "--port", "{port}")


class ServiceProcess:
    """A service that can be stopped, killed and started again at the same address.

    Arguments:
        settings: `REGULARS_…` variables, the folder `REGULARS_DATA` among them.
        log: where its standard error goes.
        workers: processes that answer.
        command: what is started, with `{port}` where the port goes; default: this service,
            which `tests.keys.ADMIN_KEY` opens.
        ready: a path that answers 200 when it serves.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        log: Path,
        *,
        workers: int = 1,
        command: Sequence[str] = OURS,
        ready: str = "/health/ready",
    ) -> None:
        self.port = free_port()
        self._settings = settings
        self._log = log
        self._workers = workers
        self._command = [part.format(port=self.port) for part in command]
        self._ours = command == OURS
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "ServiceProcess":
        if self._ours:
            put_admin_key(self._settings)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and return when every worker can answer.

        Raises:
            RuntimeError: it ended or is not ready in time; the message holds its log.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._command, "--workers", str(self._workers)],
                env=os.environ | dict(self._settings),
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that kill() reaches the workers too
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"no service on {self.url}:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in good order; does nothing when it does not run."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
            self.kill()

    def kill(self) -> None:
        """End it at once, workers included, as a power cut would."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    @property
    def answering(self) -> list[int]:
        """Ids of the processes that answer: uvicorn's workers, or the only process."""
        if self._process is None:
            return []
        if self._workers == 1:
            return [self._process.pid]
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [
            pid
            for pid in map(int, children.read_text().split())
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def cpu_seconds(self) -> float:
        """Processor time of all that answer, since they began."""
        ticks = 0
        for pid in self.answering:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Memory of one that answers; what they share is split between them."""
        sizes = []
        for pid in self.answering:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    sizes.append(int(line.split()[1]) / 1024)
        return sum(sizes) / len(sizes)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of one GET."""
        return self._request("GET", path)

    def post(self, path: str, body: object) -> tuple[int, bytes]:
        """Status and body of one POST of JSON."""
        return self._request("POST", path, json.dumps(body).encode())

    def _answers(self) -> bool:
        try:
            if self._workers > 1 and len(self.answering) < self._workers:
                return False
            return self.get(self._ready)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def _request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, BEARER | {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
