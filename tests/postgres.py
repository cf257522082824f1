"""A PostgreSQL server of the tests' own, from the machine's binaries, on a free port."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

START_SECONDS = 60

FAST = {"fsync": "off", "max_connections": "50", "deadlock_timeout": "50ms"}
"""The default: nothing here outlives the machine, so nobody waits for its disk, and transactions in
each other's way are found at once rather than after a second. A benchmark of
durable writes passes settings of its own."""

_USERS = ("postgres", "nobody")
"""Whom the server runs as when the tests are root's: it refuses root."""


def missing() -> str | None:
    """Why no server can be started here; None when one can."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed: pip install 'psycopg[binary]'"
    if _binaries() is None:
        return "no PostgreSQL server is installed: apt-get install postgresql"
    if os.geteuid() == 0 and _user() is None:
        return f"PostgreSQL refuses root, and there is no user {' or '.join(_USERS)}"
    return None


class Postgres:
    """A running server; use as a context manager.

    Arguments:
        settings: of the server; `FAST` when left out.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._settings = FAST if settings is None else settings
        place = _memory() if settings is None else None
        self._folder = Path(tempfile.mkdtemp(prefix="regulars-postgres-", dir=place))
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._template: str | None = None

    def __enter__(self) -> Self:
        if user := _user():
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        initdb = ["initdb", "-D", self._data, "-U", "regulars", "--auth=trust", "--no-sync"]
        made = subprocess.run(
            [*_as_user(), *self._command([*initdb, "--encoding=UTF8", "--locale=C"])],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGINT)  # a crash would leave its shared memory behind
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """A database's address."""
        return f"postgresql://regulars@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start it, on the same port and data as before; returns when it answers."""
        settings = {
            **self._settings,
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": str(self._folder),
        }
        server = ["postgres", "-D", self._data]
        for name, value in settings.items():
            server += ["-c", f"{name}={value}"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_user("--pdeathsig", "QUIT"), *self._command(server)],
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: SIGQUIT at once, as a crash; SIGINT in good order, waiting for no client."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_SECONDS)
            self._process = None

    def hang(self) -> None:
        """Make all its processes stand still: connections stay, and nothing comes back."""
        for pid in self._processes():
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let them run again."""
        for pid in self._processes():
            os.kill(pid, signal.SIGCONT)

    def empty_database(self) -> str:
        """The address of a new database without tables."""
        return self._created("template1")

    def database(self) -> str:
        """The address of a new database with the store's tables: a copy, made in milliseconds."""
        if self._template is None:
            from serving.settings import ServingSettings
            from serving.store import migrate

            address = self.empty_database()
            migrate(ServingSettings(store=address))
            self._template = address.rpartition("/")[2]
        return self._created(self._template)

    def _created(self, template: str) -> str:
        import psycopg

        name = f"regulars_{secrets.token_hex(4)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def _wait(self) -> None:
        import psycopg

        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = (self._folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start: {error}\n{log}") from error
            time.sleep(0.02)

    def _processes(self) -> list[int]:
        assert self._process is not None
        parent = self._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [parent, *map(int, children)]

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _command(self, command: list[str]) -> list[str]:
        binaries = _binaries()
        assert binaries is not None
        return [str(binaries / command[0]), *command[1:]]


def _memory() -> Path | None:
    """A folder in memory, where copying a database is six times as fast; None without room."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2**31 else None


def _binaries() -> Path | None:
    """The newest server's folder of programs."""
    places = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(places, key=lambda path: int(path.parts[-3]), default=None)
    if newest is None:
        found = shutil.which("initdb")
        newest = Path(found) if found else None
    return None if newest is None else newest.parent


def _user() -> pwd.struct_passwd | None:
    """Whom to run as instead of root; None when the tests are not root's."""
    if os.geteuid():
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return next((known[name] for name in _USERS if name in known), None)


def _as_user(*options: str) -> list[str]:
    """What to put before a command so that it runs as somebody who is not root."""
    user = _user()
    if user is not None:
        options += (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return ["setpriv", *options, "--"] if options else []
