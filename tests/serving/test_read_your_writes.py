"""What one worker acknowledged, the very next request on another worker knows."""

import http.client
import json
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from tests.benchmarks.service import ServiceProcess
from tests.forked_service import ForkedService
from tests.keys import BEARER
from tests.postgres import Postgres

TIMES = 200


class Connection(http.client.HTTPConnection):
    """One connection, kept open: all its requests are answered by one worker."""

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port, timeout=30)

    def call(self, method: str, path: str, body: object = None) -> dict:
        text = None if body is None else json.dumps(body)
        self.request(method, path, text, BEARER | {"Content-Type": "application/json"})
        answer = self.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return json.loads(content)

    def track(self, message_id: str) -> None:
        event = {
            "event": "Product Viewed",
            "messageId": message_id,
            "userId": "ann",
            "properties": {"product_id": message_id},
        }
        self.call("POST", "/v1/track", event)

    def worker(self, processes: Sequence[int]) -> int:
        """The process that holds the other end."""
        self.call("GET", "/health/live")
        ours = f"{self.sock.getsockname()[1]:04X}"
        [inode] = [
            fields[9]
            for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
            if fields[1].endswith(f":{self.port:04X}") and fields[2].endswith(f":{ours}")
        ]
        [process] = [pid for pid in processes if f"socket:[{inode}]" in open_files(pid)]
        return process


def open_files(pid: int) -> set[str]:
    """What a process has open; a file that is closed meanwhile is left out."""
    found = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(handle.readlink()))
    return found


def writes_are_read(writers: Sequence[Connection], readers: Sequence[Connection]) -> None:
    """Every write by one is known to the other's very next read, a new product's view too."""
    for number in range(TIMES):
        writers[number % len(writers)].track(f"m{number}")
        profile = readers[number % len(readers)].call("GET", "/v1/customers/ann")
        assert profile["events"] == number + 1
        assert profile["features"]["engagement_views_7d"] == number + 1


def test_over_two_workers_of_one_machine(tmp_path: Path) -> None:
    settings = {"REGULARS_DATA": str(tmp_path / "data")}
    with ServiceProcess(settings, tmp_path / "log", workers=2) as service, ExitStack() as stack:
        first, second = service.answering
        of: dict[int, list[Connection]] = {first: [], second: []}
        while min(map(len, of.values())) < 2:  # the system chooses who takes a connection
            connection = stack.enter_context(closing(Connection(service.port)))
            of[connection.worker([first, second])].append(connection)
        ones, others = of[first], of[second]
        writes_are_read([ones[0], others[0], ones[1]], [others[0], ones[0], others[1]])


def test_over_two_replicas_on_one_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    settings = {"REGULARS_DATA": str(tmp_path / "data"), "REGULARS_STORE": postgres.database()}
    with (
        ForkedService(settings, tmp_path / "log") as one,
        ForkedService(settings, tmp_path / "log") as other,
        closing(Connection(one.port)) as first,
        closing(Connection(other.port)) as second,
    ):
        writes_are_read([first, second], [second, first])
