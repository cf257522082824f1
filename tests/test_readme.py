"""The README's commands and code run, on a small shop."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.__main__ import cli as serving
from tests.waiting import wait_until
from training.__main__ import app as training

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [
    line[2:]
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
[PYTHON] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SECONDS = 300
"""No command may hang the suite."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of `make demo` on a small shop, run without a terminal."""
    folder = tmp_path_factory.mktemp("readme") / "demo"
    done = run(f"make demo DEMO={folder} CUSTOMERS=250", folder)
    assert "Serving on http://127.0.0.1:" in done.stdout
    assert "/v1/recommendations" in done.stdout
    [key] = re.findall(r"^export REGULARS_KEY=(rgl_admin_\S+)$", done.stdout, re.MULTILINE)
    os.environ["REGULARS_KEY"] = key  # as whoever follows the demo does
    yield folder
    del os.environ["REGULARS_KEY"]


@pytest.fixture(scope="module")
def port(demo: Path) -> Iterator[int]:
    """A server on the demo's data."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "serving", "serve", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment(demo))
    try:
        wait_until(lambda: is_ready(port))
        yield port
    finally:
        server.terminate()
        server.wait()


def environment(data: Path) -> dict[str, str]:
    # one thread: other tests run on the other core
    return os.environ | {"REGULARS_DATA": str(data), "REGULARS_THREADS": "1"}


def run(command: str, data: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        shell=True,
        cwd=ROOT,
        env=environment(data),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready"):
            return True
    except OSError:
        return False


def test_a_second_demo_reuses_what_the_first_made(demo: Path) -> None:
    done = run(f"make demo DEMO={demo} CUSTOMERS=250", demo)
    assert "Serving on" in done.stdout
    assert "Registered version" not in done.stdout


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("curl")])
def test_a_call_is_answered(command: str, port: int, demo: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the README's curl commands are not run")
    done = run(command.replace("localhost:8000", f"127.0.0.1:{port}") + " --fail-with-body", demo)
    assert done.stdout.startswith(("{", "["))


def test_the_jobs_run_in_the_order_given(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: `make demo` has started both programs as the README does."""
    programs = {"training": training, "serving": serving}
    jobs = [shlex.split(c) for c in COMMANDS if c.startswith(".venv/bin/python")]
    assert jobs
    for name, value in environment(tmp_path / "own").items():
        monkeypatch.setenv(name, value)
    files = {name: str(tmp_path / name) for name in ("scores.parquet", "mail.parquet")}
    files["path/to/tables"] = str(demo / "shop")
    for _, _, program, *words in jobs:
        done = CliRunner().invoke(programs[program], [files.get(word, word) for word in words])
        assert done.exit_code == 0, f"{program} {words}\n{done.output}"
    for file in ("scores.parquet", "mail.parquet"):
        assert (tmp_path / file).stat().st_size > 0


def test_the_notebook_code_runs(demo: Path) -> None:
    code = PYTHON.replace(".regulars/demo", str(demo))
    probability = "print('answered', len(champion.predict(frame)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{probability}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert "answered 250" in done.stdout, done.stderr


def test_the_targets_that_stay_or_call_themselves_exist() -> None:
    """`make test` is what runs this; `make serve` stays: of both only the recipe is looked at."""
    covered = ("make demo", "curl", ".venv/bin/python")
    rest = [c for c in COMMANDS if not c.startswith(covered)]
    assert sorted(rest) == ["make serve", "make test"]
    for command in rest:
        done = subprocess.run(
            [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert "-m" in done.stdout


def test_make_alone_lists_the_targets() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("demo", "test", "check", "format", "serve", "bench"):
        assert f"make {target}" in done.stdout
