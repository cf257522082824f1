"""The service in processes forked from one that has imported everything: up in half a second.

They are real: own processes, sockets, the store of the settings. Only uvicorn's own parent, which
does nothing but start workers again, is missing.
"""

import http.client
import multiprocessing
import os
import resource
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from tests.keys import put_admin_key

DEADLINE_SECONDS = 60

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.forked_service", "serving.app", "uvicorn", "psycopg"])


class ForkedService:
    """A service that can be killed and started again at the same address.

    Arguments:
        settings: `REGULARS_…` variables.
        log: where its standard error goes.
        workers: processes that answer; the system spreads connections over them.
    """

    def __init__(self, settings: Mapping[str, str], log: Path, *, workers: int = 1) -> None:
        self._settings = {"REGULARS_CHAMPION_SECONDS": "3600"} | dict(settings)
        self._log = log
        self._workers = workers
        # bound, never listening: the port stays ours while no worker lives
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]
        self._process: multiprocessing.process.BaseProcess | None = None

    def __enter__(self) -> "ForkedService":
        put_admin_key(self._settings)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._reserved.close()

    @property
    def pid(self) -> int:
        """The first worker's process; its group holds all."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def start(self) -> None:
        """Start the workers and return when one answers; `tests.keys.ADMIN_KEY` opens them."""
        arguments = (self.port, self._settings, str(self._log), self._workers)
        self._process = _forks.Process(target=_serve, args=arguments)
        self._process.start()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._answers():
            if not self._process.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the service does not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.01)

    def kill(self) -> None:
        """`kill -9` of the whole group, and nothing else; returns when all are gone."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self.pid, signal.SIGKILL)
        self._process.join()
        self._process = None

    def limit_files(self, size: int) -> None:
        """Let no file grow beyond `size` bytes, as if the disk were full; -1 ends it."""
        assert self._workers == 1, "each worker has a limit of its own"
        hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, hard))

    def _answers(self) -> bool:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            try:
                connection.request("GET", "/health/ready")
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False


def _serve(port: int, settings: Mapping[str, str], log: str, workers: int) -> None:
    """The body of the first process; it forks the others, before it has threads."""
    import uvicorn

    os.setpgid(0, 0)
    os.environ.update(settings)
    errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(errors, stream)
    for _ in range(workers - 1):
        if os.fork() == 0:
            break
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(("127.0.0.1", port))
        config = uvicorn.Config(
            "serving.app:from_environment", factory=True, log_level="warning", access_log=False
        )
        uvicorn.Server(config).run(sockets=[listening])
    os._exit(0)
