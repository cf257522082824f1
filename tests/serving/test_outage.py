"""What stands behind the store fails, in a real service: it says so, reads go on, it comes back."""

import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.forked_service import ForkedService
from tests.keys import BEARER
from tests.postgres import Postgres, missing
from tests.waiting import wait_until


class Shop:
    """Talks to the service as a site does."""

    def __init__(self, service: ForkedService) -> None:
        self.service = service
        url = f"http://127.0.0.1:{service.port}"
        self.http = httpx.Client(base_url=url, timeout=30, headers=BEARER)
        self._sent = 0

    def send(self, events: int = 1) -> httpx.Response:
        """A batch of Ann's views."""
        batch = []
        for _ in range(events):
            self._sent += 1
            batch.append(
                {
                    "type": "track",
                    "event": "Product Viewed",
                    "messageId": f"m{self._sent}",
                    "userId": "ann",
                    "properties": {"product_id": "tea"},
                }
            )
        return self.http.post("/v1/batch", json={"batch": batch})

    def events(self) -> int:
        """How many events of Ann's the service knows."""
        answer = self.http.get("/v1/customers/ann")
        assert answer.status_code == 200, answer.text
        return answer.json()["events"]

    def shown(self) -> dict:
        """What Ann is recommended; there is always a list."""
        answer = self.http.post("/v1/recommendations", json={"customer_id": "ann"})
        assert answer.status_code == 200, answer.text
        assert [item["product_id"] for item in answer.json()["items"]] == ["tea"]
        return answer.json()

    def knows_its_products_and_no_customers(self) -> None:
        """Of the products each worker has its own copy; of customers nobody has."""
        product = self.http.get("/v1/products/tea")
        assert (product.status_code, product.json()["product_id"]) == (200, "tea")
        for path in ("/v1/products/never-seen", "/v1/customers/ann", "/v1/customers/ann/churn"):
            answer = self.http.get(path)
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) >= 1

    def is_told_to_come_back(self) -> None:
        answer = self.send(3)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert set(answer.json()) == {"code", "message"}

    def is_served_again(self) -> None:
        """Without a restart, and soon."""
        wait_until(lambda: self.send().status_code == 200)


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[Shop]:
    known = {"REGULARS_DATA": str(data), "REGULARS_BUSY_SECONDS": "0.3"} | settings
    log = data.parent / "service.log"
    with ForkedService(known, log) as service:
        shop = Shop(service)
        with shop.http:
            yield shop


def test_while_another_process_holds_the_database_reads_go_on(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as shop:
        assert shop.send(2).status_code == 200
        database = sqlite3.connect(tmp_path / "data" / "store.db", isolation_level=None)
        with closing(database) as other:
            other.execute("BEGIN IMMEDIATE")
            shop.is_told_to_come_back()
            assert shop.events() == 2
            shop.shown()
            other.execute("ROLLBACK")
        shop.is_served_again()
        assert shop.events() == 3


def test_files_that_cannot_grow_stop_writes_and_not_reads(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as shop:
        assert shop.send(2).status_code == 200
        written = (tmp_path / "data" / "store.db-wal").stat().st_size
        shop.service.limit_files(written)
        stored = _fill(shop)
        assert shop.events() == stored
        shop.shown()
        shop.service.limit_files(-1)
        shop.is_served_again()
        assert shop.events() == stored + 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this system does not let us mount a small disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_writes_and_not_reads(small_disk: Path) -> None:
    with serving(small_disk / "data") as shop:
        assert shop.send(2).status_code == 200
        with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while filler.write(b"0" * 4096):
                pass
        stored = _fill(shop)
        assert shop.events() == stored
        shop.shown()
        (small_disk / "filler").unlink()
        shop.is_served_again()
        assert shop.events() == stored + 1


def _fill(shop: Shop) -> int:
    """Send until there is no room; how many of the events were acknowledged, with two before."""
    stored = 2
    for _ in range(100):
        answer = shop.send(100)
        if answer.status_code != 200:
            break
        stored += 100
    shop.is_told_to_come_back()
    return stored


@pytest.fixture
def postgres_of_its_own() -> Iterator[Postgres]:
    """A server that may be stopped without harm to other tests."""
    if reason := missing():
        pytest.skip(reason)
    with Postgres() as server:
        yield server


def test_while_postgresql_is_away_slow_or_still_reads_go_on(
    postgres_of_its_own: Postgres, tmp_path: Path
) -> None:
    server = postgres_of_its_own
    address = server.database()
    with serving(tmp_path / "data", REGULARS_STORE=address) as shop:
        assert shop.send(2).status_code == 200
        assert shop.shown()["fallback"] != "store_unavailable"

        server.stop()  # as in a crash
        shop.is_told_to_come_back()
        assert shop.shown()["fallback"] == "store_unavailable"
        shop.knows_its_products_and_no_customers()
        server.start()
        shop.is_served_again()
        assert shop.events() == 3

        # somebody alters the table of events: writes are slow beyond patience, customers readable
        with psycopg.connect(address) as other:
            other.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
            shop.is_told_to_come_back()
            assert shop.events() == 3
            shop.shown()
            other.rollback()
        shop.is_served_again()
        assert shop.events() == 4

        server.hang()  # connections stay, and nothing comes back
        shop.is_told_to_come_back()
        assert shop.shown()["fallback"] == "store_unavailable"
        server.go_on()
        shop.is_served_again()
        assert shop.events() >= 5  # what hung may have been stored: the client sends it again
        assert shop.shown()["fallback"] != "store_unavailable"


def test_a_restart_of_postgresql_under_load_loses_and_doubles_nothing(
    postgres_of_its_own: Postgres, tmp_path: Path
) -> None:
    server = postgres_of_its_own
    with serving(tmp_path / "data", REGULARS_STORE=server.database()) as shop:
        buyers = [_Buyer(shop.service.port, f"buyer-{i}") for i in range(3)]
        for buyer in buyers:
            buyer.start()
        for _ in range(2):
            for buyer in buyers:
                buyer.wait_for_another()
            server.stop(signal.SIGINT)
            server.start()
        for buyer in buyers:
            buyer.wait_for_another()
            buyer.stop()
            known = shop.http.get(f"/v1/customers/{buyer.name}").json()["events"]
            assert known == buyer.acknowledged
        assert sum(buyer.refused for buyer in buyers), "nobody noticed"


class _Buyer(threading.Thread):
    """Sends one event after the other, each until it is acknowledged."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._url = f"http://127.0.0.1:{port}/v1/track"
        self._ended = False
        self.acknowledged = self.refused = 0

    def run(self) -> None:
        with httpx.Client(timeout=30, headers=BEARER) as http:
            while not self._ended:
                message_id = f"{self.name}-{self.acknowledged}"
                event = {"event": "Cart Viewed", "messageId": message_id, "userId": self.name}
                while (answer := http.post(self._url, json=event)).status_code != 200:
                    assert answer.status_code == 503, answer.text
                    self.refused += 1
                self.acknowledged += 1

    def wait_for_another(self) -> None:
        before = self.acknowledged
        wait_until(lambda: self.acknowledged > before + 5)

    def stop(self) -> None:
        self._ended = True
        self.join()
