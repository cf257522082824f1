"""The clients that shops already run, against a running service and a network that fails.

All clients send at the same time, each through a proxy that refuses some requests, loses some
answers and drops some connections; in the middle the service is killed and started again. They
need what `make test` installs beside the locked dependencies: Segment's older Python client, the
JavaScript clients (Node.js and npm) and Chromium. What is missing is skipped and named.
"""

import http.client
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from features.events.event import Event
from serving.scopes import Scope
from serving.settings import ServingSettings
from serving.store import open_store
from tests.clients.fault_proxy import FaultProxy
from tests.forked_service import ForkedService
from tests.keys import BEARER, put_key

HERE = Path(__file__).parent
OLDER = Path(sys.prefix) / "clients"
"""Where the older Python client is installed, apart from the current one."""

MODULES = HERE / "node_modules" / "@segment"
EVENTS = 300
PAUSE_MS = 20
DEADLINE_SECONDS = 90

WRITE_KEY = "rgl_write_of-the-shops-servers"
PUBLIC_KEY = "rgl_public_of-the-shops-pages"


@dataclass(frozen=True)
class Client:
    """One client: how it is started, and what it needs."""

    name: str
    command: Sequence[str]
    missing: str | None
    """What is not installed; None when it can run."""
    zips: bool = False
    path: Path | None = None
    strategy: tuple[str, ...] = ()

    @property
    def is_page(self) -> bool:
        """Whether it runs in a page, where everybody can read its key."""
        return bool(self.strategy)


def _chromium() -> str | None:
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path is not None), None)


def _first_missing(*needs: tuple[bool, str]) -> str | None:
    return next((f"not installed: {what}" for there, what in needs if not there), None)


def _clients() -> list[Client]:
    node, chromium = shutil.which("node"), _chromium()
    python = (sys.executable, str(HERE / "send_python.py"))
    in_browser = _first_missing(
        (chromium is not None, "Chromium (Debian's package chromium)"),
        (importlib.util.find_spec("playwright") is not None, "playwright"),
        ((MODULES / "analytics-next").exists(), "@segment/analytics-next (npm ci)"),
    )
    browser = (sys.executable, str(HERE / "send_browser.py"), str(chromium))
    return [
        Client(
            "python-2.3.4",
            python,
            _first_missing(((OLDER / "segment").exists(), f"segment-analytics-python in {OLDER}")),
            zips=True,
            path=OLDER,
        ),
        Client(
            "python-current",
            python,
            _first_missing(
                (importlib.util.find_spec("segment") is not None, "segment-analytics-python")
            ),
            zips=True,
        ),
        Client(
            "node",
            (str(node), str(HERE / "send_node.mjs")),
            _first_missing(
                (node is not None, "Node.js"),
                ((MODULES / "analytics-node").exists(), "@segment/analytics-node (npm ci)"),
            ),
        ),
        Client("browser-one-by-one", browser, in_browser, strategy=("standard",)),
        Client("browser-batching", browser, in_browser, strategy=("batching",)),
    ]


CLIENTS = _clients()


@dataclass(frozen=True)
class Delivery:
    """What one client says it sent, what it met, and what is stored."""

    version: str
    ids: list[str]
    failed: list[str]
    happened: Counter[str]
    encodings: Counter[str]
    stored: list[Event]
    counted: int
    """Events in the customer's profile."""


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Delivery]]:
    """Every client that is installed, all at once; the service is killed in the middle."""
    folder = tmp_path_factory.mktemp("clients")
    settings = {"REGULARS_DATA": str(folder), "REGULARS_STORE": ""}
    clients = [client for client in CLIENTS if client.missing is None]
    proxies: dict[str, FaultProxy] = {}
    senders: dict[str, subprocess.Popen[str]] = {}
    with ExitStack() as stack:
        service = stack.enter_context(ForkedService(settings, folder / "service.log"))
        with closing(open_store(ServingSettings(data=folder, store=""))) as store:
            put_key(store, WRITE_KEY, name="server", scopes=[Scope.WRITE])
            put_key(store, PUBLIC_KEY, name="page", scopes=[Scope.PUBLIC])
        for client in clients:
            if client.is_page:
                _logged_in(service, client.name)
            proxy = stack.enter_context(FaultProxy(service.port))
            proxies[client.name] = proxy
            sender = _start(client, proxy.url, folder)
            senders[client.name] = sender
            stack.callback(_end, sender)

        def wait(holds: Callable[[], bool]) -> None:
            """Poll until it holds; what is missing in the end then fails a test."""
            deadline = time.monotonic() + DEADLINE_SECONDS
            while not holds() and time.monotonic() < deadline:
                if any(sender.poll() for sender in senders.values()):
                    break  # one of them broke: its own test says so
                time.sleep(0.1)

        wait(lambda: all(proxy.happened["passed"] > 4 for proxy in proxies.values()))
        service.kill()
        service.start()
        wait(lambda: all(_arrived(service, c.name) >= EVENTS + c.is_page for c in clients))
        told = {name: _told(sender) for name, sender in senders.items()}
        counted = {name: _arrived(service, name) for name in senders}
    store = open_store(ServingSettings(data=folder, store=""))
    yield {
        name: Delivery(
            **told[name],
            happened=proxies[name].happened,
            encodings=proxies[name].encodings,
            stored=[found.event for found in store.events(customer_id=name, limit=10 * EVENTS)],
            counted=counted[name],
        )
        for name in senders
    }
    store.close()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_every_event_is_stored_once_whatever_the_network_does(
    client: Client, deliveries: dict[str, Delivery]
) -> None:
    if client.missing is not None:
        pytest.skip(client.missing)
    delivery = deliveries[client.name]
    assert delivery.failed == []
    views = [event for event in delivery.stored if event.name == "Product Viewed"]
    prefix = "page:" if client.is_page else ""
    assert Counter(event.event_id for event in views) == Counter(prefix + i for i in delivery.ids)
    assert {event.source for event in views} == {"page" if client.is_page else "server"}
    expected = Counter(f"{client.name}-{number}" for number in range(EVENTS))
    assert Counter(event.product_id for event in views) == expected
    assert {event.value for event in views} == {9.5}
    assert delivery.counted == EVENTS + client.is_page  # a page's user is known by one event more
    # it is no proof if nothing went wrong on the way
    for fault in ("429 now", "429 later", "500", "hang up", "lost answer"):
        assert delivery.happened[fault], fault
    assert set(delivery.encodings) == ({"gzip"} if client.zips else {""})


def test_the_older_python_client_is_really_the_older_one(deliveries: dict[str, Delivery]) -> None:
    if "python-2.3.4" not in deliveries:
        pytest.skip(str(CLIENTS[0].missing))
    assert deliveries["python-2.3.4"].version == "2.3.4"


def _logged_in(service: ForkedService, customer: str) -> None:
    """Say who a page's visitor is, as the shop's server does at a login."""
    who = {"userId": customer, "anonymousId": f"visitor-{customer}", "messageId": customer}
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
        connection.request("POST", "/v1/identify", json.dumps(who | {"writeKey": WRITE_KEY}))
        assert connection.getresponse().status == 200


def _start(client: Client, url: str, folder: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"REGULARS_KEY": PUBLIC_KEY if client.is_page else WRITE_KEY}
    if client.path is not None:
        environment["PYTHONPATH"] = str(client.path)
    with (folder / f"{client.name}.log").open("w") as log:
        return subprocess.Popen(
            [*client.command, url, client.name, str(EVENTS), str(PAUSE_MS), *client.strategy],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


def _end(sender: "subprocess.Popen[str]") -> None:
    sender.kill()
    sender.communicate()


def _told(sender: "subprocess.Popen[str]") -> dict[str, object]:
    """What it printed; the end of its standard input tells it to go."""
    printed, _ = sender.communicate(timeout=DEADLINE_SECONDS)
    told: dict[str, object] = json.loads(printed)
    return told


def _arrived(service: ForkedService, customer: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
        connection.request("GET", f"/v1/customers/{customer}", headers=BEARER)
        answer = connection.getresponse()
        return int(json.load(answer)["events"]) if answer.status == 200 else 0
