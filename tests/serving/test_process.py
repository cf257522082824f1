"""The service as it really runs: uvicorn in a process of its own, killed and started again."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.waiting import DEADLINE_SECONDS, wait_until


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen, httpx.Client]]]:
    launched: list[tuple[subprocess.Popen, httpx.Client]] = []

    def launched_one(*options: str) -> tuple[subprocess.Popen, httpx.Client]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = os.environ | {
            "REGULARS_DATA": str(tmp_path / "data"),
            "REGULARS_TIMERS_SECONDS": "0.05",
        }
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "serving", "serve", "--port", str(port), *options],
                env=environment,
                stderr=log,
            )
        url = f"http://127.0.0.1:{port}"
        http = httpx.Client(base_url=url, timeout=DEADLINE_SECONDS)
        launched.append((process, http))

        def ready() -> bool:
            assert process.poll() is None, (tmp_path / "log").read_text()
            with suppress(httpx.TransportError):
                return http.get("/health/ready").status_code == 200
            return False

        wait_until(ready)
        [key] = shown_keys(tmp_path)
        http.headers["Authorization"] = f"Bearer {key}"
        return launched[-1]

    yield launched_one
    for process, http in launched:
        http.close()
        process.terminate()  # a killed parent would leave its workers behind
        process.wait(DEADLINE_SECONDS)


def shown_keys(tmp_path: Path) -> list[str]:
    """The keys that were printed, over all starts."""
    printed = (tmp_path / "log").read_text()
    return re.findall(r"export REGULARS_KEY=(rgl_admin_[\w-]+)", printed)


def test_the_first_start_prints_a_key_and_nothing_else_ever_holds_it(launch, tmp_path):
    process, http = launch()
    assert http.get("/v1/events").status_code == 200
    [key] = shown_keys(tmp_path)
    printed = (tmp_path / "log").read_text()
    assert printed.count(key) == 1
    assert "python -m serving keys create" in printed
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert all(key.encode() not in path.read_bytes() for path in files)
    assert key.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert key.encode() not in Path(f"/proc/{process.pid}/environ").read_bytes()
    process.terminate()
    process.wait()
    launch()  # which finds the same key, and no other
    assert (tmp_path / "log").read_text().count(key) == 1


def test_a_revocation_holds_on_all_workers_within_a_second_or_so(launch, tmp_path):
    _, http = launch("--workers", "2")
    data = os.environ | {"REGULARS_DATA": str(tmp_path / "data")}

    def keys(*words: str) -> str:
        command = [sys.executable, "-m", "serving", "keys", *words]
        done = subprocess.run(command, env=data, capture_output=True, text=True, check=True)
        return done.stdout

    secret = keys("create", "crm", "--scope", "read").strip()
    [key_id] = re.findall(r"^ ?(\w+) +crm", keys("list"), re.MULTILINE)

    def statuses() -> set[int]:
        """Of many connections, so that both workers take some."""
        asked = {"Authorization": f"Bearer {secret}", "Connection": "close"}
        return {http.get("/v1/events", headers=asked).status_code for _ in range(20)}

    wait_until(lambda: statuses() == {200})
    keys("revoke", key_id)
    revoked_at = datetime.now(UTC)
    wait_until(lambda: statuses() == {401})
    assert datetime.now(UTC) - revoked_at < timedelta(seconds=10)  # far more than it takes
    assert statuses() == {401}


def test_what_was_read_before_a_stop_is_in_the_access_log(launch):
    process, http = launch()
    event = {"event": "Cart Viewed", "messageId": "m1", "userId": "ann"}
    assert http.post("/v1/track", json=event).status_code == 200
    assert http.get("/v1/customers/ann").status_code == 200
    process.terminate()
    process.wait()
    _, http = launch()
    [entry] = http.get("/v1/access", params={"customer_id": "ann"}).json()["accesses"]
    assert (entry["key"], entry["customer_id"]) == ("development", "ann")


def test_a_timer_and_every_acknowledged_event_outlive_a_killed_process(launch, tmp_path):
    process, http = launch()
    # due in a moment, so that the service is dead when it is
    started_at = datetime.now(UTC) - timedelta(minutes=3) + timedelta(seconds=0.5)
    done = http.post(
        "/v1/track",
        json={
            "event": "Checkout Started",
            "messageId": "m1",
            "userId": "secret-ann",
            "timestamp": started_at.isoformat(),
        },
    )
    assert (done.status_code, done.json()) == (200, {"success": True})
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: datetime.now(UTC) > started_at + timedelta(minutes=3))

    _, http = launch()
    assert http.get("/v1/customers/secret-ann").json()["events"] == 1

    def decided() -> list[dict]:
        answer = http.get("/v1/decisions", params={"customer_id": "secret-ann"})
        return answer.json()["decisions"]

    wait_until(decided)
    [decision] = decided()
    assert decision["action"] == "withheld"
    assert "no consent to marketing by chat" in decision["reason"]

    logged = (tmp_path / "log").read_text()
    entries = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert "decided" in [entry["event"] for entry in entries]
    assert "secret" not in logged


def test_a_port_in_use_and_a_broken_store_end_with_a_clear_error(launch, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "store.db").write_bytes(b"no database" * 1000)
    with pytest.raises(AssertionError, match="cannot open the store"):
        launch()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("KEEP", '{"Product Viewed"', "REGULARS_KEEP: is no JSON"),
        ("KEEP", '{"Product Viewed": "x"}', "REGULARS_KEEP → Product Viewed: "),
        ("PORT", "secret", "REGULARS_PORT: "),
    ],
)
def test_a_setting_that_cannot_be_read_is_told_in_one_line(name, value, told, tmp_path):
    environment = {**os.environ, "REGULARS_DATA": str(tmp_path), f"REGULARS_{name}": value}
    command = [sys.executable, "-m", "serving", "load"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: {told}")
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr
