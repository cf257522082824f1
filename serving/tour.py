"""A first look: the service started on this machine, its calls made once, answers shown."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from features.errors import StorageError
from features.instants import DAY_MS
from serving.keys import key_of, new_secret
from serving.scopes import Scope
from serving.store import Store

STARTING_SECONDS = 60
"""Compiling the kernel the first time takes some ten seconds."""

KEY_NAME = "demo"
KEY_DAYS = 30


def demonstration_key(store: Store, now: int) -> str:
    """A new admin's key; older ones go on, somebody may have exported them in a terminal."""
    secret = new_secret([Scope.ADMIN])
    store.put_key(key_of(secret, KEY_NAME, [Scope.ADMIN], now, ends_at=now + KEY_DAYS * DAY_MS))
    return secret


def tour(host: str, port: int, customer_id: str, key: str, console: Console) -> None:
    """Start the service, show what it answers for a customer, and leave it running.

    Where nobody watches (the output is no terminal) it ends after the calls.

    Arguments:
        host: the address to listen on.
        port: the port, or another one where it is taken.
        customer_id: a customer of the loaded history.
        key: opens everything.
        console: where it is shown.

    Raises:
        StorageError: the service did not start or did not answer.
    """
    with _running(host, port) as (url, server):
        _call(console, url, key, "/health/ready")
        for path in ("/churn", ""):
            _call(console, url, key, f"/v1/customers/{customer_id}{path}", lines=12)
        asked = {"customer_id": customer_id, "placement": "home", "k": 3}
        _call(console, url, key, "/v1/recommendations", asked)
        _call(console, url, key, "/v1/offers/next", {"customer_id": customer_id})
        console.print(
            f"\nIn another terminal, before calls of your own:\nexport REGULARS_KEY={key}",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )
        console.print(f"\nServing on [bold]{url}[/]; every endpoint: [bold]{url}/docs[/]")
        if console.is_terminal:
            console.print("Stop it with Ctrl-C.")
            try:
                server.wait()
            except KeyboardInterrupt:
                console.print("Stopped.")
        else:
            console.print("Its output goes to no terminal, so the demo stops; in one it serves on.")


@contextmanager
def _running(host: str, port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = _free(host, port)
    command = [sys.executable, "-m", "serving", "serve", "--host", host, "--port", str(port)]
    server = subprocess.Popen(command)
    url = f"http://{host}:{port}"
    try:
        _wait_until_ready(server, url)
        yield url, server
    finally:
        server.terminate()
        server.wait()


def _free(host: str, port: int) -> int:
    """The port asked for, or a free one where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise StorageError(f"the service ended with code {server.returncode}; its log says why")
        try:
            with urllib.request.urlopen(f"{url}/health/ready"):
                return
        except OSError:
            time.sleep(0.1)
    raise StorageError(f"the service did not answer on {url} within {STARTING_SECONDS} s")


def _call(
    console: Console,
    url: str,
    key: str,
    path: str,
    body: dict[str, Any] | None = None,
    lines: int = 30,
) -> None:
    """Make one call; show it as one would type it, and the first lines of the answer."""
    shown = f"curl -s {url}{path}"
    request = urllib.request.Request(f"{url}{path}")
    if path.startswith("/v1/"):
        request.add_header("Authorization", f"Bearer {key}")
        shown += ' -H "Authorization: Bearer $REGULARS_KEY"'
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
        shown += f" -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    try:
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise StorageError(f"{url}{path} answered {error.code}: {error.read().decode()}") from error
    text = json.dumps(answer, indent=2, ensure_ascii=False).split("\n")
    console.print(f"\n[bold]$ {shown}[/]", soft_wrap=True, highlight=False)
    console.print("\n".join(text[:lines]), markup=False, soft_wrap=True)
    if len(text) > lines:
        console.print(f"… ({len(text) - lines} more lines)", style="dim")
