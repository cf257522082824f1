"""Where a training came from: who ran it, and which code."""

import getpass
import subprocess
from pathlib import Path


def user() -> str:
    """The person's login name; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def git_commit() -> str:
    """The checkout's commit, with `-dirty` when files were changed; empty without git."""
    return _git("describe", "--always", "--abbrev=40", "--dirty", "--match=")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
